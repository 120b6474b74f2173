/** Full-precision convolution and dense layers of the reference. */
import type { RealKernels } from "../kernels.js";
import { elements, matrixShape } from "./memory.js";
import { forEachTap } from "./window.js";

export const realKernels: RealKernels = {
  gatherColumns(x, window, columns) {
    const { kernel, channels: C } = window.geometry;
    const K = kernel * kernel * C;
    const X = elements(x);
    const A = elements(columns);
    forEachTap(window.geometry, (m, tap, pixel) => {
      for (let c = 0; c < C; c++) A[m * K + tap * C + c] = pixel === undefined ? 0 : X[pixel * C + c];
    });
  },

  scatterColumns(columns, window, dx) {
    const { kernel, channels: C } = window.geometry;
    const K = kernel * kernel * C;
    const A = elements(columns);
    const DX = elements(dx);
    forEachTap(window.geometry, (m, tap, pixel) => {
      if (pixel === undefined) return;
      for (let c = 0; c < C; c++) DX[pixel * C + c] += A[m * K + tap * C + c];
    });
  },

  product(a, b, c, { transposeA, accumulate }) {
    const [M, N] = matrixShape(c);
    const [K] = matrixShape(b);
    const A = elements(a);
    const B = elements(b);
    const C = elements(c);
    for (let m = 0; m < M; m++) {
      for (let n = 0; n < N; n++) {
        let sum = accumulate ? C[m * N + n] : 0;
        for (let k = 0; k < K; k++) sum += (transposeA ? A[k * M + m] : A[m * K + k]) * B[k * N + n];
        C[m * N + n] = sum;
      }
    }
  },

  transpose(matrix, out) {
    const [M, N] = matrixShape(matrix);
    const A = elements(matrix);
    const B = elements(out);
    for (let m = 0; m < M; m++) for (let n = 0; n < N; n++) B[n * M + m] = A[m * N + n];
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
