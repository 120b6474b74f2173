/** Connects the contract's pooling to the WebAssembly kernels. */
import type { PoolingKernels } from "../kernels.js";
import type { Runner } from "./runner.js";

export function poolingKernels(runner: Runner): PoolingKernels {
  return {
    averagePool(x, size, out) {
      const [images = 0, height = 0, width = 0, channels = 0] = x.shape;
      runner.run("averagePool", images, { x, height, width, channels, size, out });
    },

    averagePoolGradient(dOut, size, dx, accumulate) {
      const [images = 0, height = 0, width = 0, channels = 0] = dx.shape;
      runner.run("averagePoolGradient", images, { dOut, height, width, channels, size, dx, accumulate: accumulate ? 1 : 0 });
    },

    maxPool(x, window, out) {
      const { images, rows } = window.geometry;
      runner.run("maxPool", images * rows.length, { x, window, out });
    },

    maxPoolGradient(dOut, x, window, dx) {
      const { images } = window.geometry;
      runner.run("maxPoolGradient", images, { dOut, x, window, dx });
    },
  };
}
