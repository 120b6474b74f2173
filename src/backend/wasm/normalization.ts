/** Connects the contract's normalization and activation kernels to the WebAssembly ones. */
import type { NormalizationKernels } from "../kernels.js";
import { address, addressOf, lineCount, matrixShape, PARTIALS, type Runner, rowsPerChunk, windowAddress } from "./runner.js";

/** Lines in a chunk of the passes that reduce nothing. */
const LINES = 4;

export function normalizationKernels(runner: Runner): NormalizationKernels {
  return {
    columnMoments(y, sums) {
      const [rows, columns] = matrixShape(y);
      const chunkRows = rowsPerChunk(rows, 1);
      const chunks = Math.ceil(rows / chunkRows);
      const partials = runner.work(PARTIALS * columns * 16);
      runner.run("columnMoments", chunks, address(y), rows, columns, chunkRows, partials);
      runner.run("reducePartials", Math.ceil((2 * columns) / 64), partials, chunks, 2 * columns, address(sums), 0, 0);
    },

    normalizationForward(sums, count, { gamma, beta, epsilon, runningMean, runningVariance, momentum }, norm) {
      const [, filters] = matrixShape(sums);
      runner.run(
        "normalizationForward",
        1,
        address(sums),
        count,
        filters,
        address(gamma),
        address(beta),
        epsilon,
        momentum,
        address(runningMean),
        address(runningVariance),
        address(norm),
      );
    },

    normalizeActivate(y, { norm, layout, shortcut, activation }, out) {
      const [rows, filters] = matrixShape(y);
      const lines = lineCount(layout, rows);
      runner.run(
        y.type === "dotProduct" ? "normalizeActivateInteger" : "normalizeActivateReal",
        Math.ceil(lines / LINES),
        address(y),
        rows,
        filters,
        address(norm),
        layout === undefined ? 0 : windowAddress(layout),
        lines,
        LINES,
        addressOf(shortcut),
        addressOf(activation),
        address(out),
      );
    },

    activateBackward(gradient, y, { norm, layout, shortcut, activation }, sums) {
      const [rows, filters] = matrixShape(y);
      const lines = lineCount(layout, rows);
      const chunkLines = rowsPerChunk(lines, 1);
      const chunks = Math.ceil(lines / chunkLines);
      const partials = runner.work(PARTIALS * filters * 40);
      runner.run(
        y.type === "dotProduct" ? "activateBackwardInteger" : "activateBackwardReal",
        chunks,
        address(gradient),
        address(y),
        rows,
        filters,
        address(norm),
        layout === undefined ? 0 : windowAddress(layout),
        lines,
        chunkLines,
        addressOf(shortcut),
        addressOf(activation),
        partials,
      );
      runner.run("reducePartials", Math.ceil((5 * filters) / 64), partials, chunks, 5 * filters, address(sums), 0, 0);
    },

    normalizationBackward(sums, count, norm, gamma, gradients, coefficients) {
      const [, filters] = matrixShape(norm);
      const channels = gradients.activation === undefined ? 1 : matrixShape(gradients.activation)[1];
      runner.run(
        "normalizationBackward",
        1,
        address(sums),
        count,
        filters,
        address(norm),
        address(gamma),
        address(gradients.gamma),
        address(gradients.beta),
        addressOf(gradients.activation),
        channels,
        address(coefficients),
      );
    },

    normalizationGradient(du, y, coefficients, layout, dy) {
      const [rows, filters] = matrixShape(y);
      const lines = lineCount(layout, rows);
      runner.run(
        y.type === "dotProduct" ? "normalizationGradientInteger" : "normalizationGradientReal",
        Math.ceil(lines / LINES),
        address(du),
        address(y),
        rows,
        filters,
        address(coefficients),
        layout === undefined ? 0 : windowAddress(layout),
        lines,
        LINES,
        address(dy),
      );
    },
  };
}
