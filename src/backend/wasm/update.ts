/** Connects the contract's optimizer steps and memory work to the WebAssembly kernels. */
import { elementCount, type Tensor } from "../../tensor.js";
import type { UpdateKernels } from "../kernels.js";
import { ELEMENT_BYTES } from "./arena.js";
import { address, type Runner } from "./runner.js";

/** Elements in a chunk; `update.ts` of the kernels has the same number. */
const CHUNK = 4096;

/** Sets `words` words of 32 bits from an address on. */
export function fillWords(runner: Runner, to: number, words: number, pattern: number): void {
  runner.run("fillWords", Math.ceil(words / CHUNK), to, words, pattern);
}

export function updateKernels(runner: Runner): UpdateKernels {
  const finishFlips = (partials: number, chunks: number, flips: Tensor<"accumulator">): void => {
    runner.run("reducePartials", 1, partials, chunks, 1, 0, address(flips), 0);
  };
  return {
    adam(value, gradient, first, second, step, flips) {
      const count = elementCount(value.shape);
      const chunks = Math.ceil(count / CHUNK);
      const partials = runner.work(chunks * 8);
      const correction1 = 1 / (1 - step.beta1 ** step.step);
      const correction2 = 1 / (1 - step.beta2 ** step.step);
      runner.run(
        "adam",
        chunks,
        address(value),
        address(gradient),
        address(first),
        address(second),
        count,
        step.rate,
        step.beta1,
        step.beta2,
        step.epsilon,
        step.decay,
        step.limit,
        correction1,
        correction2,
        partials,
      );
      finishFlips(partials, chunks, flips);
    },

    sgd(value, gradient, velocity, step, flips) {
      const count = elementCount(value.shape);
      const chunks = Math.ceil(count / CHUNK);
      const partials = runner.work(chunks * 8);
      runner.run(
        "sgd",
        chunks,
        address(value),
        address(gradient),
        address(velocity),
        count,
        step.rate,
        step.momentum,
        step.decay,
        step.limit,
        partials,
      );
      finishFlips(partials, chunks, flips);
    },

    movingAverage(average, value, decay) {
      const count = elementCount(value.shape);
      runner.run("movingAverage", Math.ceil(count / CHUNK), address(average), address(value), count, decay);
    },

    fill(tensor, value) {
      const words = elementCount(tensor.shape) * (ELEMENT_BYTES[tensor.type] / 4);
      if (tensor.type === "accumulator" && value !== 0) throw new Error("accumulators can only be filled with 0");
      const pattern = tensor.type === "float32" ? (new Int32Array(new Float32Array([value]).buffer)[0] ?? 0) : value | 0;
      fillWords(runner, address(tensor), words, pattern);
    },

    add(from, to) {
      const count = elementCount(from.shape);
      runner.run("add", Math.ceil(count / CHUNK), address(from), address(to), count);
    },

    copy(from, to) {
      const words = Math.ceil((elementCount(from.shape) * ELEMENT_BYTES[from.type]) / 4);
      runner.run("copyWords", Math.ceil(words / CHUNK), address(from), address(to), words);
    },
  };
}
