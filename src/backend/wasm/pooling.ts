/** Connects the contract's pooling to the WebAssembly kernels. */
import type { PoolingKernels } from "../kernels.js";
import { address, type Runner, windowAddress } from "./runner.js";

export function poolingKernels(runner: Runner): PoolingKernels {
  return {
    averagePool(x, size, out) {
      const [images = 0, height = 0, width = 0, channels = 0] = x.shape;
      runner.run("averagePool", images, address(x), height, width, channels, size, address(out));
    },

    averagePoolGradient(dOut, size, dx, accumulate) {
      const [images = 0, height = 0, width = 0, channels = 0] = dx.shape;
      runner.run("averagePoolGradient", images, address(dOut), height, width, channels, size, address(dx), accumulate ? 1 : 0);
    },

    maxPool(x, window, out) {
      const { images, rows } = window.geometry;
      runner.run("maxPool", images * rows.length, address(x), windowAddress(window), address(out));
    },

    maxPoolGradient(dOut, x, window, dx) {
      const { images } = window.geometry;
      runner.run("maxPoolGradient", images, address(dOut), address(x), windowAddress(window), address(dx));
    },
  };
}
