/** Connects the contract's kernels that a deployed network runs on to the WebAssembly ones. A page loads these connectors and no others. */
import { elementCount } from "../../tensor.js";
import { BIASED_ROWS, CHUNK_ELEMENTS, PRODUCT_FILTERS, REPEATED_ROWS } from "../kernel-table/constants.js";
import type { InferenceKernels } from "../kernels.js";
import { arranged } from "./packed-weights.js";
import { CHUNK_LINES, lineCount, matrixShape, type Runner, rowsPerChunk } from "./runner.js";
import { columnsOf, multiplyColumns, sliced } from "./slices.js";

export function inferenceKernels(runner: Runner): InferenceKernels {
  return {
    binarizeColumns(x, threshold, window, columns) {
      const { images, rows } = window.geometry;
      runner.run("binarizeColumns", images * rows.length, { x, threshold, window, columns });
    },

    binaryUnit(columns, weights, { norm, layout, shortcut, activation }, out) {
      const { kind, inputs, filters, forward } = arranged(weights);
      const [rows] = matrixShape(columns);
      const chunkRows = rowsPerChunk(rows, 64);
      runner.run(
        kind === "table" ? "binaryUnitTable" : "binaryUnit",
        Math.ceil(rows / chunkRows) * Math.ceil(filters / PRODUCT_FILTERS),
        { columns, weights: forward, rows, inputs, filters, chunkRows, norm, window: layout, shortcut, activation, out },
      );
    },

    convolution(x, weights, plan, y) {
      const own = sliced(plan);
      multiplyColumns(runner, own, weights, y, (slice) => columnsOf(runner, x, own, slice));
    },

    addBias(matrix, bias) {
      const [rows, columns] = matrixShape(matrix);
      runner.run("addBias", Math.ceil(rows / BIASED_ROWS), { matrix, rows, columns, bias });
    },

    normalizeActivate(y, { norm, layout, shortcut, activation }, out) {
      const [rows, filters] = matrixShape(y);
      const lines = lineCount(layout, rows);
      runner.run(y.type === "dotProduct" ? "normalizeActivateInteger" : "normalizeActivateReal", Math.ceil(lines / CHUNK_LINES), {
        y,
        rows,
        filters,
        norm,
        window: layout,
        lines,
        chunkLines: CHUNK_LINES,
        shortcut,
        activation,
        out,
      });
    },

    averagePool(x, size, out) {
      const [images = 0, height = 0, width = 0, channels = 0] = x.shape;
      runner.run("averagePool", images, { x, height, width, channels, size, out });
    },

    maxPool(x, window, out) {
      const { images, rows } = window.geometry;
      runner.run("maxPool", images * rows.length, { x, window, out });
    },

    multiplyChannels(x, factors, out) {
      const [rows, channels] = matrixShape(x);
      const [images] = matrixShape(factors);
      const kernel = x.type === "dotProduct" ? "multiplyChannelsInteger" : "multiplyChannelsReal";
      runner.run(kernel, images, { x, factors, rows: rows / images, channels, out });
    },

    repeatChannels(x, times, out) {
      const [rows, channels] = matrixShape(x);
      runner.run("repeatChannels", Math.ceil(rows / REPEATED_ROWS), { x, rows, channels, times, out });
    },

    sigmoid(x, out) {
      const count = elementCount(x.shape);
      runner.run("sigmoid", Math.ceil(count / CHUNK_ELEMENTS), { x, count, out });
    },
  };
}
