/** Optimizer steps of the reference, and plain memory work. */
import type { UpdateKernels } from "../kernels.js";
import { elements } from "./memory.js";

/** Kept in [-limit, limit]; 0 for no limit. */
function limited(value: number, limit: number): number {
  return limit > 0 ? Math.min(limit, Math.max(-limit, value)) : value;
}

export const updateKernels: UpdateKernels = {
  adam(value, gradient, first, second, { rate, beta1, beta2, epsilon, decay, step, limit }, flips) {
    const [W, G, M, V] = [value, gradient, first, second].map(elements);
    const count = elements(flips);
    for (let i = 0; i < W.length; i++) {
      M[i] = beta1 * M[i] + (1 - beta1) * G[i];
      V[i] = beta2 * V[i] + (1 - beta2) * G[i] ** 2;
      const mHat = M[i] / (1 - beta1 ** step);
      const vHat = V[i] / (1 - beta2 ** step);
      const before = W[i];
      W[i] = limited(before - rate * decay * before - (rate * mHat) / (Math.sqrt(vHat) + epsilon), limit);
      if (before >= 0 !== W[i] >= 0) count[0] += 1;
    }
  },

  sgd(value, gradient, velocity, { rate, momentum, decay, limit }, flips) {
    const [W, G, V] = [value, gradient, velocity].map(elements);
    const count = elements(flips);
    for (let i = 0; i < W.length; i++) {
      const before = W[i];
      V[i] = momentum * V[i] + G[i] + decay * before;
      W[i] = limited(before - rate * V[i], limit);
      if (before >= 0 !== W[i] >= 0) count[0] += 1;
    }
  },

  movingAverage(average, value, decay) {
    const A = elements(average);
    const W = elements(value);
    for (let i = 0; i < A.length; i++) A[i] = decay * A[i] + (1 - decay) * W[i];
  },

  fill(tensor, value) {
    elements(tensor).fill(value);
  },

  add(from, to) {
    const [X, Y] = [from, to].map(elements);
    for (let i = 0; i < X.length; i++) Y[i] += X[i];
  },

  copy(from, to) {
    elements(to).set(elements(from));
  },
};
