/** Connects the contract's kernels on channels to the WebAssembly ones. */
import { elementCount } from "../../tensor.js";
import { CHUNK_ELEMENTS, REPEATED_ROWS } from "../kernel-table/constants.js";
import type { ChannelKernels, InferenceKernel } from "../kernels.js";
import { matrixShape, type Runner } from "./runner.js";

export function channelKernels(runner: Runner): Omit<ChannelKernels, InferenceKernel> {
  return {
    multiplyChannelsGradient(dOut, x, factors, dx, dFactors) {
      const [rows, channels] = matrixShape(x);
      const [images] = matrixShape(factors);
      runner.run(x.type === "dotProduct" ? "multiplyChannelsGradientInteger" : "multiplyChannelsGradientReal", images, {
        dOut,
        x,
        factors,
        rows: rows / images,
        channels,
        dx,
        dFactors,
      });
    },

    repeatChannelsGradient(dOut, times, dx) {
      const [rows, channels] = matrixShape(dx);
      runner.run("repeatChannelsGradient", Math.ceil(rows / REPEATED_ROWS), { dOut, rows, channels, times, dx });
    },

    sigmoidGradient(dOut, out, dx) {
      const count = elementCount(out.shape);
      runner.run("sigmoidGradient", Math.ceil(count / CHUNK_ELEMENTS), { dOut, out, count, dx });
    },
  };
}
