/** Gradients of convolutions with real weights. */
import type { InferenceKernel, RealKernels } from "../kernels.js";
import { flatGroups } from "./elementwise.js";
import { inputGradient, weightGradient } from "./gradients.js";
import { matrixShape } from "./matrix.js";
import { COLUMN_MOMENTS } from "./normalization.js";
import type { Runner } from "./recorder.js";
import { addUp, fewerRows, sumPieces } from "./sums.js";

export function realKernels(runner: Runner): Omit<RealKernels, InferenceKernel> {
  return {
    convolutionInputGradient: (dy, weights, { window }, dx) =>
      inputGradient(runner, dy, weights, window, undefined, dx, undefined),

    convolutionWeightGradient(dy, x, { window }, gradient) {
      weightGradient(runner, dy, { x, window }, undefined, gradient);
    },

    sumColumns(matrix, total) {
      const [rows, columns] = matrixShape(matrix);
      const pieceRows = fewerRows(rows);
      const count = pieceRows * columns;
      const pieces = sumPieces(runner, count);
      runner.run(COLUMN_MOMENTS, flatGroups(count), { y: matrix, sums: pieces }, { count, rows, filters: columns }, 1);
      addUp(runner, pieces, [pieceRows, columns], { gained: total });
    },
  };
}
