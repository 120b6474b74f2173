/** Connects the contract's kernels on channels to the WebAssembly ones. */
import { elementCount } from "../../tensor.js";
import type { ChannelKernels } from "../kernels.js";
import { address, matrixShape, type Runner } from "./runner.js";

/** Elements and rows in a chunk; the kernels have the same numbers. */
const CHUNK = 4096;
const ROWS = 64;

export function channelKernels(runner: Runner): ChannelKernels {
  return {
    multiplyChannels(x, factors, out) {
      const [rows, channels] = matrixShape(x);
      const [images] = matrixShape(factors);
      const kernel = x.type === "dotProduct" ? "multiplyChannelsInteger" : "multiplyChannelsReal";
      runner.run(kernel, images, address(x), address(factors), rows / images, channels, address(out));
    },

    multiplyChannelsGradient(dOut, x, factors, dx, dFactors) {
      const [rows, channels] = matrixShape(x);
      const [images] = matrixShape(factors);
      runner.run(
        x.type === "dotProduct" ? "multiplyChannelsGradientInteger" : "multiplyChannelsGradientReal",
        images,
        address(dOut),
        address(x),
        address(factors),
        rows / images,
        channels,
        address(dx),
        address(dFactors),
      );
    },

    repeatChannels(x, times, out) {
      const [rows, channels] = matrixShape(x);
      runner.run("repeatChannels", Math.ceil(rows / ROWS), address(x), rows, channels, times, address(out));
    },

    repeatChannelsGradient(dOut, times, dx) {
      const [rows, channels] = matrixShape(dx);
      runner.run("repeatChannelsGradient", Math.ceil(rows / ROWS), address(dOut), rows, channels, times, address(dx));
    },

    sigmoid(x, out) {
      const count = elementCount(x.shape);
      runner.run("sigmoid", Math.ceil(count / CHUNK), address(x), count, address(out));
    },

    sigmoidGradient(dOut, out, dx) {
      const count = elementCount(out.shape);
      runner.run("sigmoidGradient", Math.ceil(count / CHUNK), address(dOut), address(out), count, address(dx));
    },
  };
}
