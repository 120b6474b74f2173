/** Binary convolution of the reference, sum by sum over signs of +-1. Only the layout is packed: there is no popcount here. */
import { type Tensor, wordsFor } from "../../tensor.js";
import type { Backend } from "../device.js";
import type { BinaryKernels } from "../kernels.js";
import type { Binarization, BinaryWeights, Window } from "../terms.js";
import { elements, matrixShape } from "./memory.js";
import { normalizationKernels } from "./normalization.js";
import { ESTIMATOR_SLOPE } from "./surrogate.js";
import { forEachTap } from "./window.js";

type BinaryMembers = BinaryKernels & Pick<Backend, "binaryWeights" | "writeWeights" | "readWeights">;

class ReferenceWeights implements BinaryWeights {
  constructor(
    readonly inputs: number,
    readonly filters: number,
    /** Signs, uint32 [filters, words(inputs)]. */
    readonly packed: Tensor<"uint32">,
  ) {}
}

function own(weights: BinaryWeights): ReferenceWeights {
  if (!(weights instanceof ReferenceWeights)) throw new Error("these binary weights belong to another backend");
  return weights;
}

/** Reads and writes bits of a matrix of packed rows, `bits` valid ones a row. */
function signMatrix(packed: Tensor<"uint32">, bits: number) {
  const words = elements(packed);
  const rowWords = wordsFor(bits);
  return {
    sign: (row: number, bit: number): 1 | -1 => ((words[row * rowWords + (bit >>> 5)] >>> (bit & 31)) & 1 ? 1 : -1),
    setPositive: (row: number, bit: number): void => {
      words[row * rowWords + (bit >>> 5)] |= 1 << (bit & 31);
    },
  };
}

/** The gradient dy * weights^T of the signs, through the estimator to the map and the thresholds that they were taken of. */
function passBack(
  dy: Tensor,
  weight: (k: number, n: number) => number,
  window: Window,
  { x, threshold, estimator }: Binarization,
  dx: Tensor,
  dThreshold: Tensor,
): void {
  const { channels: C } = window.geometry;
  const [, N] = matrixShape(dy);
  const [DY, X, T] = [elements(dy), elements(x), elements(threshold)];
  const [DX, DT] = [elements(dx), elements(dThreshold)];
  const slope = ESTIMATOR_SLOPE[estimator];
  forEachTap(window.geometry, (m, tap, pixel) => {
    if (pixel === undefined) return;
    for (let c = 0; c < C; c++) {
      let sum = 0;
      for (let n = 0; n < N; n++) sum += DY[m * N + n] * weight(tap * C + c, n);
      const gradient = slope(X[pixel * C + c] - T[c]) * sum;
      DX[pixel * C + c] += gradient;
      DT[c] -= gradient;
    }
  });
}

export function binaryKernels(allocate: Backend["allocate"]): BinaryMembers {
  const kernels: BinaryMembers = {
    binaryWeights: (inputs, filters) => new ReferenceWeights(inputs, filters, allocate("uint32", [filters, wordsFor(inputs)])),

    binarizeColumns(x, threshold, window, columns) {
      const { kernel, channels: C } = window.geometry;
      const X = elements(x);
      const T = elements(threshold);
      elements(columns).fill(0);
      const out = signMatrix(columns, kernel * kernel * C);
      forEachTap(window.geometry, (m, tap, pixel) => {
        if (pixel === undefined) return;
        for (let c = 0; c < C; c++) if (X[pixel * C + c] >= T[c]) out.setPositive(m, tap * C + c);
      });
    },

    writeWeights(weights, packed) {
      elements(own(weights).packed).set(packed);
    },

    readWeights: async (weights) => Uint32Array.from(elements(own(weights).packed)),

    binarizeWeights(latent, weights) {
      const { inputs: K, filters: N, packed } = own(weights);
      const W = elements(latent);
      elements(packed).fill(0);
      const out = signMatrix(packed, K);
      for (let k = 0; k < K; k++) for (let n = 0; n < N; n++) if (W[k * N + n] >= 0) out.setPositive(n, k);
    },

    binaryProduct(columns, weights, y, sums) {
      const { inputs: K, filters: N, packed } = own(weights);
      const [M] = matrixShape(y);
      const Y = elements(y);
      const S = sums === undefined ? undefined : elements(sums).fill(0);
      const A = signMatrix(columns, K);
      const W = signMatrix(packed, K);
      for (let m = 0; m < M; m++) {
        for (let n = 0; n < N; n++) {
          let sum = 0;
          for (let k = 0; k < K; k++) sum += A.sign(m, k) * W.sign(n, k);
          Y[m * N + n] = sum;
          if (S === undefined) continue;
          S[n] += sum;
          S[N + n] += sum * sum;
        }
      }
    },

    binaryUnit(columns, weights, transform, out) {
      const [M] = matrixShape(columns);
      const y = allocate("dotProduct", [M, weights.filters]);
      kernels.binaryProduct(columns, weights, y, undefined);
      normalizationKernels.normalizeActivate(y, transform, out);
    },

    binaryWeightGradient(dy, columns, latent, gradient) {
      const [M, N] = matrixShape(dy);
      const [K] = matrixShape(latent);
      const DY = elements(dy);
      const W = elements(latent);
      const DW = elements(gradient);
      const A = signMatrix(columns, K);
      for (let k = 0; k < K; k++) {
        for (let n = 0; n < N; n++) {
          if (Math.abs(W[k * N + n]) > 1) continue;
          let sum = 0;
          for (let m = 0; m < M; m++) sum += DY[m * N + n] * A.sign(m, k);
          DW[k * N + n] += sum;
        }
      }
    },

    binaryInputGradient(dy, weights, window, signs, dx, dThreshold) {
      const { inputs, packed } = own(weights);
      const W = signMatrix(packed, inputs);
      passBack(dy, (k, n) => W.sign(n, k), window, signs, dx, dThreshold);
    },

    latentProduct(columns, latent, _plan, y) {
      const [M, N] = matrixShape(y);
      const [K] = matrixShape(latent);
      const A = signMatrix(columns, K);
      const [W, Y] = [elements(latent), elements(y).fill(0)];
      for (let m = 0; m < M; m++)
        for (let n = 0; n < N; n++) for (let k = 0; k < K; k++) Y[m * N + n] += A.sign(m, k) * W[k * N + n];
    },

    latentInputGradient(dy, latent, { window, filters: N }, signs, dx, dThreshold) {
      const W = elements(latent);
      passBack(dy, (k, n) => W[k * N + n], window, signs, dx, dThreshold);
    },

    countPositive(columns, bits, total) {
      const [M] = matrixShape(columns);
      const A = signMatrix(columns, bits);
      const count = elements(total);
      for (let m = 0; m < M; m++) for (let k = 0; k < bits; k++) if (A.sign(m, k) === 1) count[0] += 1;
    },
  };
  return kernels;
}
