/** Connects the contract's normalization and activation kernels to the WebAssembly ones. */
import { CONSTANTS } from "../kernel-table.js";
import type { NormalizationKernels } from "../kernels.js";
import { lineCount, matrixShape, PARTIALS, type Runner, rowsPerChunk } from "./runner.js";

const { SUMMED_COLUMNS } = CONSTANTS;

/** Lines in a chunk of the passes that reduce nothing. */
const LINES = 4;

export function normalizationKernels(runner: Runner): NormalizationKernels {
  return {
    columnMoments(y, sums) {
      const [rows, columns] = matrixShape(y);
      const chunkRows = rowsPerChunk(rows, 1);
      const chunks = Math.ceil(rows / chunkRows);
      const partials = runner.work(PARTIALS * columns * 16);
      runner.run("columnMoments", chunks, { y, rows, columns, chunkRows, partials });
      runner.run("reducePartials", Math.ceil((2 * columns) / SUMMED_COLUMNS), {
        partials,
        count: chunks,
        columns: 2 * columns,
        replaced: sums,
      });
    },

    normalizationForward(sums, count, { gamma, beta, epsilon, runningMean, runningVariance, momentum }, norm) {
      const [, filters] = matrixShape(sums);
      runner.run("normalizationForward", 1, {
        sums,
        count,
        filters,
        gamma,
        beta,
        epsilon,
        momentum,
        runningMean,
        runningVariance,
        norm,
      });
    },

    normalizeActivate(y, { norm, layout, shortcut, activation }, out) {
      const [rows, filters] = matrixShape(y);
      const lines = lineCount(layout, rows);
      runner.run(y.type === "dotProduct" ? "normalizeActivateInteger" : "normalizeActivateReal", Math.ceil(lines / LINES), {
        y,
        rows,
        filters,
        norm,
        window: layout,
        lines,
        chunkLines: LINES,
        shortcut,
        activation,
        out,
      });
    },

    activateBackward(gradient, y, { norm, layout, shortcut, activation }, sums) {
      const [rows, filters] = matrixShape(y);
      const lines = lineCount(layout, rows);
      const chunkLines = rowsPerChunk(lines, 1);
      const chunks = Math.ceil(lines / chunkLines);
      const partials = runner.work(PARTIALS * filters * 40);
      runner.run(y.type === "dotProduct" ? "activateBackwardInteger" : "activateBackwardReal", chunks, {
        gradient,
        y,
        rows,
        filters,
        norm,
        window: layout,
        lines,
        chunkLines,
        shortcut,
        activation,
        partials,
      });
      runner.run("reducePartials", Math.ceil((5 * filters) / SUMMED_COLUMNS), {
        partials,
        count: chunks,
        columns: 5 * filters,
        replaced: sums,
      });
    },

    normalizationBackward(sums, count, norm, gamma, gradients, coefficients) {
      const [, filters] = matrixShape(norm);
      const channels = gradients.activation === undefined ? 1 : matrixShape(gradients.activation)[1];
      runner.run("normalizationBackward", 1, {
        sums,
        count,
        filters,
        norm,
        gamma,
        dGamma: gradients.gamma,
        dBeta: gradients.beta,
        dActivation: gradients.activation,
        channels,
        coefficients,
      });
    },

    normalizationGradient(du, y, coefficients, layout, dy) {
      const [rows, filters] = matrixShape(y);
      const lines = lineCount(layout, rows);
      runner.run(
        y.type === "dotProduct" ? "normalizationGradientInteger" : "normalizationGradientReal",
        Math.ceil(lines / LINES),
        { du, y, rows, filters, coefficients, window: layout, lines, chunkLines: LINES, dy },
      );
    },
  };
}
