/** Connects the contract's kernels on real-valued maps and matrices to the WebAssembly ones. */
import type { RealKernels } from "../kernels.js";
import { address, matrixShape, PARTIALS, type Runner, rowsPerChunk, windowAddress } from "./runner.js";

/** Part of a product that is a chunk; the kernels have the same numbers. */
const PRODUCT_ROWS = 24;
const PRODUCT_COLUMNS = 32;

export function realKernels(runner: Runner): RealKernels {
  return {
    gatherColumns(x, window, columns) {
      const { images, rows } = window.geometry;
      runner.run("gatherColumns", images * rows.length, address(x), windowAddress(window), address(columns));
    },

    scatterColumns(columns, window, dx) {
      runner.run("scatterColumns", window.geometry.images, address(columns), windowAddress(window), address(dx));
    },

    product(a, b, c, { transposeA, accumulate }) {
      const [rows, columns] = matrixShape(c);
      const [inner] = matrixShape(b);
      const rowStep = transposeA ? 1 : inner;
      const innerStep = transposeA ? rows : 1;
      runner.run(
        "product",
        Math.ceil(rows / PRODUCT_ROWS) * Math.ceil(columns / PRODUCT_COLUMNS),
        address(a),
        rowStep,
        innerStep,
        address(b),
        address(c),
        rows,
        inner,
        columns,
        accumulate ? 1 : 0,
      );
    },

    transpose(matrix, out) {
      const [rows, columns] = matrixShape(matrix);
      runner.run("transpose", Math.ceil(columns / 16), address(matrix), rows, columns, address(out));
    },

    addBias(matrix, bias) {
      const [rows, columns] = matrixShape(matrix);
      runner.run("addBias", Math.ceil(rows / 16), address(matrix), rows, columns, address(bias));
    },

    sumColumns(matrix, total) {
      const [rows, columns] = matrixShape(matrix);
      const chunkRows = rowsPerChunk(rows, 1);
      const chunks = Math.ceil(rows / chunkRows);
      const partials = runner.work(PARTIALS * columns * 8);
      runner.run("sumColumns", chunks, address(matrix), rows, columns, chunkRows, partials);
      runner.run("reducePartials", Math.ceil(columns / 64), partials, chunks, columns, 0, 0, address(total));
    },
  };
}
