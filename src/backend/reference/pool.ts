/** Average pooling and the loss of the reference. */
import type { Shape } from "../../tensor.js";
import type { Kernels } from "../kernels.js";
import { elements, matrixShape } from "./memory.js";

type PoolKernels = Pick<Kernels, "averagePool" | "averagePoolGradient" | "softmaxCrossEntropy">;

/** Visits every element of a map [I, H, W, C] that lies in a full tile, with its tile's element of the pooled map. */
function forEachTiled(map: Shape, size: number, visit: (at: number, pooled: number) => void): void {
  const [I, H, W, C] = map;
  const [rows, columns] = [Math.floor(H / size), Math.floor(W / size)];
  for (let i = 0; i < I; i++) {
    for (let h = 0; h < rows * size; h++) {
      for (let w = 0; w < columns * size; w++) {
        const tile = (i * rows + Math.floor(h / size)) * columns + Math.floor(w / size);
        for (let c = 0; c < C; c++) visit(((i * H + h) * W + w) * C + c, tile * C + c);
      }
    }
  }
}

export const poolKernels: PoolKernels = {
  averagePool(x, size, out) {
    const X = elements(x);
    const OUT = elements(out).fill(0);
    forEachTiled(x.shape, size, (at, pooled) => {
      OUT[pooled] += X[at] / size ** 2;
    });
  },

  averagePoolGradient(dOut, size, dx, accumulate) {
    const DO = elements(dOut);
    const DX = elements(dx);
    if (!accumulate) DX.fill(0);
    forEachTiled(dx.shape, size, (at, pooled) => {
      DX[at] += DO[pooled] / size ** 2;
    });
  },

  softmaxCrossEntropy(logits, targets, { weight, temperature, scale, accumulate }, losses, gradient) {
    const [I, classes] = matrixShape(logits);
    const [Z, T, L, G] = [logits, targets, losses, gradient].map(elements);
    if (!accumulate) for (const values of [L, G]) values.fill(0);
    for (let i = 0; i < I; i++) {
      const z = Array.from(Z.subarray(i * classes, (i + 1) * classes), (value) => value / temperature);
      const largest = Math.max(...z);
      const logTotal = largest + Math.log(z.reduce((sum, value) => sum + Math.exp(value - largest), 0));
      for (const [k, value] of z.entries()) {
        const at = i * classes + k;
        L[i] -= weight * temperature ** 2 * T[at] * (value - logTotal);
        G[at] += scale * weight * temperature * (Math.exp(value - logTotal) - T[at]);
      }
    }
  },
};
