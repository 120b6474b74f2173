/** Losses of the reference: cross entropy, attention maps and their matching. */
import type { Tensor, TypedArray } from "../../tensor.js";
import type { LossKernels } from "../kernels.js";
import { elements, matrixShape } from "./memory.js";

/** Where an image lies in a map, and what its attention is: `size` is |q|. */
interface Attention {
  readonly start: number;
  readonly channels: number;
  readonly attention: Float64Array;
  readonly size: number;
}

function attentionOf(x: Tensor, image: number): Attention {
  const [, height = 0, width = 0, channels = 0] = x.shape;
  const X = elements(x);
  const pixels = height * width;
  const start = image * pixels * channels;
  const q = Float64Array.from({ length: pixels }, (_, p) => {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += X[start + p * channels + c] ** 2;
    return sum;
  });
  const size = norm(q);
  return { start, channels, attention: q.map((value) => (size === 0 ? 0 : value / size)), size };
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
}

function norm(values: Float64Array): number {
  return Math.sqrt(dot(values, values));
}

/** Of softmax(row / temperature). */
function logProbabilities(row: TypedArray, temperature: number): readonly number[] {
  const z = Array.from(row, (value) => value / temperature);
  const largest = Math.max(...z);
  const logTotal = largest + Math.log(z.reduce((sum, value) => sum + Math.exp(value - largest), 0));
  return z.map((value) => value - logTotal);
}

export const lossKernels: LossKernels = {
  softmax(scores, temperature, out) {
    const [I, classes] = matrixShape(scores);
    const [Z, OUT] = [scores, out].map(elements);
    for (let i = 0; i < I; i++) {
      const logs = logProbabilities(Z.subarray(i * classes, (i + 1) * classes), temperature);
      OUT.set(logs.map(Math.exp), i * classes);
    }
  },

  softmaxCrossEntropy(logits, targets, { weight, temperature, scale, accumulate, divergence }, losses, gradient) {
    const [I, classes] = matrixShape(logits);
    const [Z, T, L, G] = [logits, targets, losses, gradient].map(elements);
    if (!accumulate) for (const values of [L, G]) values.fill(0);
    for (let i = 0; i < I; i++) {
      const logs = logProbabilities(Z.subarray(i * classes, (i + 1) * classes), temperature);
      let mass = 0;
      for (let k = 0; k < classes; k++) mass += T[i * classes + k];
      for (const [k, log] of logs.entries()) {
        const target = T[i * classes + k];
        const least = divergence && target > 0 ? Math.log(target) : 0;
        L[i] -= weight * temperature ** 2 * target * (log - least);
        G[i * classes + k] += scale * weight * temperature * (mass * Math.exp(log) - target);
      }
    }
  },

  attentionMap(x, out) {
    const OUT = elements(out);
    const [images = 0] = x.shape;
    for (let i = 0; i < images; i++) {
      const { attention } = attentionOf(x, i);
      OUT.set(attention, i * attention.length);
    }
  },

  attentionMatch(x, wanted, { weight, scale }, losses, gradient) {
    const [X, W, L, G] = [x, wanted, losses, gradient].map(elements);
    const [images = 0] = x.shape;
    for (let i = 0; i < images; i++) {
      const { start, channels, attention, size } = attentionOf(x, i);
      const difference = attention.map((a, p) => a - W[i * attention.length + p]);
      const distance = norm(difference);
      L[i] += weight * distance;
      if (distance === 0 || size === 0) continue;
      // a = q / |q|: what lies along a changes nothing.
      const direction = difference.map((d) => d / distance);
      const along = dot(direction, attention);
      const dQ = direction.map((d, p) => (d - along * (attention[p] as number)) / size);
      for (const [p, dq] of dQ.entries()) {
        for (let c = 0; c < channels; c++) {
          const at = start + p * channels + c;
          G[at] += scale * weight * 2 * X[at] * dq;
        }
      }
    }
  },

  sumLosses(losses, factor, total) {
    const [L, sum] = [losses, total].map(elements);
    for (let i = 0; i < L.length; i++) sum[0] += factor * L[i];
  },

  countCorrect(scores, labels, total) {
    const [I, classes] = matrixShape(scores);
    const [Z, wanted, count] = [scores, labels, total].map(elements);
    for (let i = 0; i < I; i++) {
      const row = Array.from(Z.subarray(i * classes, (i + 1) * classes));
      if (row.indexOf(Math.max(...row)) === wanted[i]) count[0] += 1;
    }
  },
};
