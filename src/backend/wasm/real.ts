/** Connects the contract's kernels on real-valued maps and matrices to the WebAssembly ones. */
import type { Kernels } from "../kernels.js";
import { address, matrixShape, PARTIALS, type Runner, rowsPerChunk, windowAddress } from "./runner.js";

type RealKernels = Pick<
  Kernels,
  | "gatherColumns"
  | "scatterColumns"
  | "product"
  | "transpose"
  | "addBias"
  | "sumRows"
  | "averagePool"
  | "averagePoolGradient"
  | "maxPool"
  | "maxPoolGradient"
  | "softmaxCrossEntropy"
  | "attentionMap"
  | "attentionMatch"
>;

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

    sumRows(matrix, total) {
      const [rows, columns] = matrixShape(matrix);
      const chunkRows = rowsPerChunk(rows, 1);
      const chunks = Math.ceil(rows / chunkRows);
      const partials = runner.work(PARTIALS * columns * 8);
      runner.run("sumRows", chunks, address(matrix), rows, columns, chunkRows, partials);
      runner.run("reducePartials", Math.ceil(columns / 64), partials, chunks, columns, 0, 0, address(total));
    },

    averagePool(x, size, out) {
      const [images = 0, height = 0, width = 0, channels = 0] = x.shape;
      runner.run("averagePool", images, address(x), height, width, channels, size, address(out));
    },

    averagePoolGradient(dOut, size, dx, accumulate) {
      const [images = 0, height = 0, width = 0, channels = 0] = dx.shape;
      runner.run("averagePoolGradient", images, address(dOut), height, width, channels, size, address(dx), accumulate ? 1 : 0);
    },

    maxPool(x, window, out) {
      const { images, rows } = window.geometry;
      runner.run("maxPool", images * rows.length, address(x), windowAddress(window), address(out));
    },

    maxPoolGradient(dOut, x, window, dx) {
      const { images } = window.geometry;
      runner.run("maxPoolGradient", images, address(dOut), address(x), windowAddress(window), address(dx));
    },

    softmaxCrossEntropy(logits, targets, { weight, temperature, scale, accumulate }, losses, gradient) {
      const [images, classes] = matrixShape(logits);
      runner.run(
        "softmaxCrossEntropy",
        images,
        address(logits),
        address(targets),
        classes,
        1 / temperature,
        weight * temperature ** 2,
        scale * weight * temperature,
        accumulate ? 1 : 0,
        address(losses),
        address(gradient),
      );
    },

    attentionMap(x, out) {
      const [images = 0, height = 0, width = 0, channels = 0] = x.shape;
      runner.run("attentionMap", images, address(x), height * width, channels, address(out));
    },

    attentionMatch(x, wanted, { weight, scale }, losses, gradient) {
      const [images = 0, height = 0, width = 0, channels = 0] = x.shape;
      const pixels = height * width;
      runner.run(
        "attentionMatch",
        images,
        address(x),
        address(wanted),
        pixels,
        channels,
        weight,
        2 * scale * weight,
        address(losses),
        address(gradient),
        runner.work(images * pixels * 4),
      );
    },
  };
}
