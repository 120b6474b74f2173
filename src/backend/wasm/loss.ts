/** Connects the contract's losses to the WebAssembly kernels. */
import { elementCount } from "../../tensor.js";
import type { LossKernels } from "../kernels.js";
import { address, matrixShape, type Runner } from "./runner.js";

export function lossKernels(runner: Runner): LossKernels {
  return {
    softmax(scores, temperature, out) {
      const [images, classes] = matrixShape(scores);
      runner.run("softmax", images, address(scores), classes, 1 / temperature, address(out));
    },

    softmaxCrossEntropy(logits, targets, { weight, temperature, scale, accumulate, divergence }, losses, gradient) {
      const [images, classes] = matrixShape(logits);
      runner.run(
        "softmaxCrossEntropy",
        images,
        address(logits),
        address(targets),
        classes,
        1 / temperature,
        weight * temperature ** 2,
        scale * weight * temperature,
        accumulate ? 1 : 0,
        divergence ? 1 : 0,
        address(losses),
        address(gradient),
      );
    },

    attentionMap(x, out) {
      const [images = 0, height = 0, width = 0, channels = 0] = x.shape;
      runner.run("attentionMap", images, address(x), height * width, channels, address(out));
    },

    attentionMatch(x, wanted, { weight, scale }, losses, gradient) {
      const [images = 0, height = 0, width = 0, channels = 0] = x.shape;
      const pixels = height * width;
      runner.run(
        "attentionMatch",
        images,
        address(x),
        address(wanted),
        pixels,
        channels,
        weight,
        2 * scale * weight,
        address(losses),
        address(gradient),
        runner.work(images * pixels * 4),
      );
    },

    sumLosses(losses, factor, total) {
      runner.run("sumLosses", 1, address(losses), elementCount(losses.shape), factor, address(total));
    },

    countCorrect(scores, labels, total) {
      const [images, classes] = matrixShape(scores);
      const hits = runner.work(images * 8);
      runner.run("countCorrect", images, address(scores), address(labels), classes, hits);
      runner.run("reducePartials", 1, hits, images, 1, 0, address(total), 0);
    },
  };
}
