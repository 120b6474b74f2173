/** Connects the contract's normalization and activation kernels to the WebAssembly ones. */
import type { InferenceKernel, NormalizationKernels } from "../kernels.js";
import { addUp } from "./partials.js";
import { CHUNK_LINES, lineCount, matrixShape, PARTIALS, type Runner, rowsPerChunk } from "./runner.js";

export function normalizationKernels(runner: Runner): Omit<NormalizationKernels, InferenceKernel> {
  return {
    columnMoments(y, sums) {
      const [rows, columns] = matrixShape(y);
      const chunkRows = rowsPerChunk(rows, 1);
      const chunks = Math.ceil(rows / chunkRows);
      const partials = runner.work(PARTIALS * columns * 16);
      runner.run("columnMoments", chunks, { y, rows, columns, chunkRows, partials });
      addUp(runner, partials, chunks, 2 * columns, { replaced: sums });
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
      addUp(runner, partials, chunks, 5 * filters, { replaced: sums });
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
        Math.ceil(lines / CHUNK_LINES),
        { du, y, rows, filters, coefficients, window: layout, lines, chunkLines: CHUNK_LINES, dy },
      );
    },
  };
}
