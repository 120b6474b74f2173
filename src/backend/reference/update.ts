/** Optimizer steps of the reference, and plain memory work. */
import type { Tensor } from "../../tensor.js";
import type { UpdateKernels } from "../kernels.js";
import { type FlipCount, UPDATE_BLOCK } from "../terms.js";
import { elements } from "./memory.js";

/** Kept in [-limit, limit]; 0 for no limit. */
function limited(value: number, limit: number): number {
  return limit > 0 ? Math.min(limit, Math.max(-limit, value)) : value;
}

/** Replaces each element by what `move` makes of it, and counts the signs that change. */
function update(value: Tensor, limit: number, flips: FlipCount | undefined, move: (i: number, before: number) => number): void {
  const W = elements(value);
  if (W.length % UPDATE_BLOCK !== 0) throw new Error(`an update of ${W.length} elements, which are no whole blocks`);
  const before = W.slice();
  for (let i = 0; i < W.length; i++) W[i] = limited(move(i, before[i]), limit);
  if (flips === undefined) return;
  const [starts, totals] = [flips.starts, flips.totals].map(elements);
  for (let part = 0; part < totals.length; part++)
    for (let i = starts[part]; i < starts[part + 1]; i++) if (before[i] >= 0 !== W[i] >= 0) totals[part] += 1;
}

export const updateKernels: UpdateKernels = {
  adam(value, gradient, first, second, { rate, beta1, beta2, epsilon, decay, step, limit }, flips) {
    const [G, M, V] = [gradient, first, second].map(elements);
    update(value, limit, flips, (i, before) => {
      M[i] = beta1 * M[i] + (1 - beta1) * G[i];
      V[i] = beta2 * V[i] + (1 - beta2) * G[i] ** 2;
      const mHat = M[i] / (1 - beta1 ** step);
      const vHat = V[i] / (1 - beta2 ** step);
      return before - rate * decay * before - (rate * mHat) / (Math.sqrt(vHat) + epsilon);
    });
  },

  sgd(value, gradient, velocity, { rate, momentum, decay, limit }, flips) {
    const [G, V] = [gradient, velocity].map(elements);
    update(value, limit, flips, (i, before) => {
      V[i] = momentum * V[i] + G[i] + decay * before;
      return before - rate * V[i];
    });
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
