/** Pooling of the reference. */
import { type Shape, type Tensor, windowCount } from "../../tensor.js";
import type { PoolingKernels } from "../kernels.js";
import type { Window } from "../terms.js";
import { elements } from "./memory.js";
import { forEachTap } from "./window.js";

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

/**
 * For window m and channel c, at m * C + c: the element of x that is largest under the window, the first of equals; undefined where all is
 * padding.
 */
function largest(x: Tensor, { geometry }: Window): readonly (number | undefined)[] {
  const C = geometry.channels;
  const X = elements(x);
  const found = new Array<number | undefined>(windowCount(geometry) * C).fill(undefined);
  forEachTap(geometry, (m, _tap, pixel) => {
    if (pixel === undefined) return;
    for (let c = 0; c < C; c++) {
      const best = found[m * C + c];
      if (best === undefined || X[pixel * C + c] > X[best]) found[m * C + c] = pixel * C + c;
    }
  });
  return found;
}

export const poolingKernels: PoolingKernels = {
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

  maxPool(x, window, out) {
    const X = elements(x);
    const OUT = elements(out);
    for (const [i, at] of largest(x, window).entries()) OUT[i] = at === undefined ? 0 : X[at];
  },

  maxPoolGradient(dOut, x, window, dx) {
    const DO = elements(dOut);
    const DX = elements(dx).fill(0);
    for (const [i, at] of largest(x, window).entries()) if (at !== undefined) DX[at] += DO[i];
  },
};
