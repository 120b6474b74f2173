/** Connects the contract's pooling to the WebAssembly kernels. */
import type { InferenceKernel, PoolingKernels } from "../kernels.js";
import type { Runner } from "./runner.js";

export function poolingKernels(runner: Runner): Omit<PoolingKernels, InferenceKernel> {
  return {
    averagePoolGradient(dOut, size, dx, accumulate) {
      const [images = 0, height = 0, width = 0, channels = 0] = dx.shape;
      runner.run("averagePoolGradient", images, { dOut, height, width, channels, size, dx, accumulate: accumulate ? 1 : 0 });
    },

    maxPoolGradient(dOut, x, window, dx) {
      const { images } = window.geometry;
      runner.run("maxPoolGradient", images, { dOut, x, window, dx });
    },
  };
}
