/** Connects the contract's kernels on real-valued maps and matrices to the WebAssembly ones. */
import { CONSTANTS } from "../kernel-table.js";
import type { RealKernels } from "../kernels.js";
import { matrixShape, PARTIALS, type Runner, rowsPerChunk } from "./runner.js";

const { BIASED_ROWS, REAL_COLUMNS, REAL_ROWS, SUMMED_COLUMNS, TRANSPOSED_COLUMNS } = CONSTANTS;

export function realKernels(runner: Runner): RealKernels {
  return {
    gatherColumns(x, window, columns) {
      const { images, rows } = window.geometry;
      runner.run("gatherColumns", images * rows.length, { x, window, columns });
    },

    scatterColumns(columns, window, dx) {
      runner.run("scatterColumns", window.geometry.images, { columns, window, dx });
    },

    product(a, b, c, { transposeA, accumulate }) {
      const [rows, columns] = matrixShape(c);
      const [inner] = matrixShape(b);
      const rowStep = transposeA ? 1 : inner;
      const innerStep = transposeA ? rows : 1;
      runner.run("product", Math.ceil(rows / REAL_ROWS) * Math.ceil(columns / REAL_COLUMNS), {
        a,
        rowStep,
        innerStep,
        b,
        c,
        rows,
        inner,
        columns,
        accumulate: accumulate ? 1 : 0,
      });
    },

    transpose(matrix, out) {
      const [rows, columns] = matrixShape(matrix);
      runner.run("transpose", Math.ceil(columns / TRANSPOSED_COLUMNS), { matrix, rows, columns, out });
    },

    addBias(matrix, bias) {
      const [rows, columns] = matrixShape(matrix);
      runner.run("addBias", Math.ceil(rows / BIASED_ROWS), { matrix, rows, columns, bias });
    },

    sumColumns(matrix, total) {
      const [rows, columns] = matrixShape(matrix);
      const chunkRows = rowsPerChunk(rows, 1);
      const chunks = Math.ceil(rows / chunkRows);
      const partials = runner.work(PARTIALS * columns * 8);
      runner.run("sumColumns", chunks, { matrix, rows, columns, chunkRows, partials });
      runner.run("reducePartials", Math.ceil(columns / SUMMED_COLUMNS), {
        partials,
        count: chunks,
        columns,
        target: total,
      });
    },
  };
}
