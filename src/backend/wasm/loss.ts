/** Connects the contract's losses to the WebAssembly kernels. */
import { elementCount } from "../../tensor.js";
import type { LossKernels } from "../kernels.js";
import { addUp } from "./partials.js";
import { matrixShape, type Runner } from "./runner.js";

export function lossKernels(runner: Runner): LossKernels {
  return {
    softmax(scores, temperature, out) {
      const [images, classes] = matrixShape(scores);
      runner.run("softmax", images, { scores, classes, inverse: 1 / temperature, out });
    },

    softmaxCrossEntropy(logits, targets, { weight, temperature, scale, accumulate, divergence }, losses, gradient) {
      const [images, classes] = matrixShape(logits);
      runner.run("softmaxCrossEntropy", images, {
        logits,
        targets,
        classes,
        inverse: 1 / temperature,
        lossFactor: weight * temperature ** 2,
        gradientFactor: scale * weight * temperature,
        accumulate: accumulate ? 1 : 0,
        divergence: divergence ? 1 : 0,
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
      const work = runner.work(images * pixels * 4);
      const gradientFactor = 2 * scale * weight;
      runner.run("attentionMatch", images, { x, wanted, pixels, channels, weight, gradientFactor, losses, gradient, work });
    },

    sumLosses(losses, factor, total) {
      runner.run("sumLosses", 1, { losses, count: elementCount(losses.shape), factor, total });
    },

    countCorrect(scores, labels, total) {
      const [images, classes] = matrixShape(scores);
      const hits = runner.work(images * 8);
      runner.run("countCorrect", images, { scores, labels, classes, hits });
      addUp(runner, hits, images, 1, { total });
    },
  };
}
