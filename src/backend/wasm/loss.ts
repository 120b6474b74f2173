/** Connects the contract's losses to the WebAssembly kernels. */
import type { LossKernels } from "../kernels.js";
import { matrixShape, type Runner } from "./runner.js";

export function lossKernels(runner: Runner): LossKernels {
  return {
    softmaxCrossEntropy(logits, targets, { weight, temperature, scale, accumulate }, losses, gradient) {
      const [images, classes] = matrixShape(logits);
      runner.run("softmaxCrossEntropy", images, {
        logits,
        targets,
        classes,
        inverse: 1 / temperature,
        lossFactor: weight * temperature ** 2,
        gradientFactor: scale * weight * temperature,
        accumulate: accumulate ? 1 : 0,
        losses,
        gradient,
      });
    },

    attentionMap(x, out) {
      const [images = 0, height = 0, width = 0, channels = 0] = x.shape;
      runner.run("attentionMap", images, { x, pixels: height * width, channels, out });
    },

    attentionMatch(x, wanted, { weight, scale }, losses, gradient) {
      const [images = 0, height = 0, width = 0, channels = 0] = x.shape;
      const pixels = height * width;
      runner.run("attentionMatch", images, {
        x,
        wanted,
        pixels,
        channels,
        weight,
        gradientFactor: 2 * scale * weight,
        losses,
        gradient,
        work: runner.work(images * pixels * 4),
      });
    },
  };
}
