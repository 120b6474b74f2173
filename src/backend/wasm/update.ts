/** Connects the contract's optimizer steps and memory work to the WebAssembly kernels. */
import { elementCount, type Tensor } from "../../tensor.js";
import { CHUNK_ELEMENTS } from "../kernel-table/constants.js";
import type { UpdateKernels } from "../kernels.js";
import { type FlipCount, UPDATE_BLOCK } from "../terms.js";
import { ELEMENT_BYTES } from "./arena.js";
import { type Address, address, type Runner } from "./runner.js";

/** Sets `words` words of 32 bits from an address on. */
export function fillWords(runner: Runner, target: Address, words: number, pattern: number): void {
  runner.run("fillWords", Math.ceil(words / CHUNK_ELEMENTS), { target, words, pattern });
}

export function updateKernels(runner: Runner): UpdateKernels {
  /** Runs an update of `value`, which counts the flips of each block where they are wanted, and sums them by part. */
  const update = (
    value: Tensor,
    flips: FlipCount | undefined,
    run: (chunks: number, count: number, counts: Address | undefined) => void,
  ): void => {
    const count = elementCount(value.shape);
    const blocks = count / UPDATE_BLOCK;
    if (!Number.isInteger(blocks)) throw new Error(`an update of ${count} elements, which are no whole blocks`);
    const counts = flips === undefined ? undefined : runner.work(blocks * 4);
    run(Math.ceil(count / CHUNK_ELEMENTS), count, counts);
    if (flips === undefined || counts === undefined) return;
    const { starts, totals } = flips;
    runner.run("sumFlips", elementCount(totals.shape), { counts, starts, totals });
  };

  return {
    adam(value, gradient, first, second, { rate, beta1, beta2, epsilon, decay, step, limit }, flips) {
      update(value, flips, (chunks, count, counts) =>
        runner.run("adam", chunks, {
          count,
          counts,
          value,
          gradient,
          first,
          second,
          rate,
          beta1,
          beta2,
          epsilon,
          decay,
          limit,
          correction1: 1 / (1 - beta1 ** step),
          correction2: 1 / (1 - beta2 ** step),
        }),
      );
    },

    sgd(value, gradient, velocity, { rate, momentum, decay, limit }, flips) {
      update(value, flips, (chunks, count, counts) =>
        runner.run("sgd", chunks, { count, counts, value, gradient, velocity, rate, momentum, decay, limit }),
      );
    },

    movingAverage(average, value, decay) {
      const count = elementCount(value.shape);
      runner.run("movingAverage", Math.ceil(count / CHUNK_ELEMENTS), { average, value, count, decay });
    },

    fill(tensor, value) {
      const words = elementCount(tensor.shape) * (ELEMENT_BYTES[tensor.type] / 4);
      if (tensor.type === "accumulator" && value !== 0) throw new Error("accumulators can only be filled with 0");
      const pattern = tensor.type === "float32" ? (new Int32Array(new Float32Array([value]).buffer)[0] ?? 0) : value | 0;
      fillWords(runner, address(tensor), words, pattern);
    },

    add(from, to) {
      const count = elementCount(from.shape);
      runner.run("add", Math.ceil(count / CHUNK_ELEMENTS), { from, to, count });
    },

    copy(from, to) {
      const words = Math.ceil((elementCount(from.shape) * ELEMENT_BYTES[from.type]) / 4);
      runner.run("copyWords", Math.ceil(words / CHUNK_ELEMENTS), { from: address(from), to: address(to), words });
    },
  };
}
