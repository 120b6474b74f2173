/** Convolution with real weights of the reference, tap by tap. */
import type { RealKernels } from "../kernels.js";
import { elements, matrixShape } from "./memory.js";
import { forEachTap } from "./window.js";

export const realKernels: RealKernels = {
  convolution(x, weights, { window, filters: N }, y) {
    const { channels: C } = window.geometry;
    const [X, W, Y] = [elements(x), elements(weights), elements(y).fill(0)];
    forEachTap(window.geometry, (m, tap, pixel) => {
      if (pixel === undefined) return;
      for (let c = 0; c < C; c++) for (let n = 0; n < N; n++) Y[m * N + n] += X[pixel * C + c] * W[(tap * C + c) * N + n];
    });
  },

  convolutionInputGradient(dy, weights, { window, filters: N }, dx) {
    const { channels: C } = window.geometry;
    const [DY, W, DX] = [elements(dy), elements(weights), elements(dx).fill(0)];
    forEachTap(window.geometry, (m, tap, pixel) => {
      if (pixel === undefined) return;
      for (let c = 0; c < C; c++) for (let n = 0; n < N; n++) DX[pixel * C + c] += DY[m * N + n] * W[(tap * C + c) * N + n];
    });
  },

  convolutionWeightGradient(dy, x, { window, filters: N }, gradient) {
    const { channels: C } = window.geometry;
    const [DY, X, DW] = [elements(dy), elements(x), elements(gradient)];
    forEachTap(window.geometry, (m, tap, pixel) => {
      if (pixel === undefined) return;
      for (let c = 0; c < C; c++) for (let n = 0; n < N; n++) DW[(tap * C + c) * N + n] += X[pixel * C + c] * DY[m * N + n];
    });
  },

  addBias(matrix, bias) {
    const [M, N] = matrixShape(matrix);
    const A = elements(matrix);
    const B = elements(bias);
    for (let m = 0; m < M; m++) for (let n = 0; n < N; n++) A[m * N + n] += B[n];
  },

  sumColumns(matrix, total) {
    const [M, N] = matrixShape(matrix);
    const A = elements(matrix);
    const S = elements(total);
    for (let m = 0; m < M; m++) for (let n = 0; n < N; n++) S[n] += A[m * N + n];
  },
};
