/** Connects the contract's kernels on channels to the WebAssembly ones. */
import { elementCount } from "../../tensor.js";
import { CONSTANTS } from "../kernel-table.js";
import type { ChannelKernels } from "../kernels.js";
import { matrixShape, type Runner } from "./runner.js";

const { CHUNK_ELEMENTS, REPEATED_ROWS } = CONSTANTS;

export function channelKernels(runner: Runner): ChannelKernels {
  return {
    multiplyChannels(x, factors, out) {
      const [rows, channels] = matrixShape(x);
      const [images] = matrixShape(factors);
      const kernel = x.type === "dotProduct" ? "multiplyChannelsInteger" : "multiplyChannelsReal";
      runner.run(kernel, images, { x, factors, rows: rows / images, channels, out });
    },

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

    repeatChannels(x, times, out) {
      const [rows, channels] = matrixShape(x);
      runner.run("repeatChannels", Math.ceil(rows / REPEATED_ROWS), { x, rows, channels, times, out });
    },

    repeatChannelsGradient(dOut, times, dx) {
      const [rows, channels] = matrixShape(dx);
      runner.run("repeatChannelsGradient", Math.ceil(rows / REPEATED_ROWS), { dOut, rows, channels, times, dx });
    },

    sigmoid(x, out) {
      const count = elementCount(x.shape);
      runner.run("sigmoid", Math.ceil(count / CHUNK_ELEMENTS), { x, count, out });
    },

    sigmoidGradient(dOut, out, dx) {
      const count = elementCount(out.shape);
      runner.run("sigmoidGradient", Math.ceil(count / CHUNK_ELEMENTS), { dOut, out, count, dx });
    },
  };
}
