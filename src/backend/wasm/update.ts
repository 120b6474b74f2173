/** Connects the contract's optimizer steps and memory work to the WebAssembly kernels. */
import { elementCount } from "../../tensor.js";
import type { UpdateKernels } from "../kernels.js";
import { type FlipCount, UPDATE_BLOCK } from "../terms.js";
import { ELEMENT_BYTES } from "./arena.js";
import { address, type Runner } from "./runner.js";

/** Elements in a chunk; `update.ts` of the kernels has the same number. */
const CHUNK = 4096;

/** Sets `words` words of 32 bits from an address on. */
export function fillWords(runner: Runner, to: number, words: number, pattern: number): void {
  runner.run("fillWords", Math.ceil(words / CHUNK), to, words, pattern);
}

export function updateKernels(runner: Runner): UpdateKernels {
  /** Runs an update, which counts the flips of each block where they are wanted, and sums them by part. */
  const update = (kernel: "adam" | "sgd", count: number, flips: FlipCount | undefined, ...parameters: number[]): void => {
    const blocks = count / UPDATE_BLOCK;
    if (!Number.isInteger(blocks)) throw new Error(`an update of ${count} elements, which are no whole blocks`);
    const counts = flips === undefined ? 0 : runner.work(blocks * 4);
    runner.run(kernel, Math.ceil(count / CHUNK), count, counts, ...parameters);
    if (flips !== undefined)
      runner.run("sumFlips", elementCount(flips.totals.shape), counts, address(flips.starts), address(flips.totals));
  };
  return {
    adam(value, gradient, first, second, { rate, beta1, beta2, epsilon, decay, step, limit }, flips) {
      update(
        "adam",
        elementCount(value.shape),
        flips,
        address(value),
        address(gradient),
        address(first),
        address(second),
        rate,
        beta1,
        beta2,
        epsilon,
        decay,
        limit,
        1 / (1 - beta1 ** step),
        1 / (1 - beta2 ** step),
      );
    },

    sgd(value, gradient, velocity, { rate, momentum, decay, limit }, flips) {
      const count = elementCount(value.shape);
      update("sgd", count, flips, address(value), address(gradient), address(velocity), rate, momentum, decay, limit);
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
