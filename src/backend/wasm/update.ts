/** Connects the contract's optimizer steps and memory work to the WebAssembly kernels. */
import { elementCount, type Tensor } from "../../tensor.js";
import { CONSTANTS } from "../kernel-table.js";
import type { UpdateKernels } from "../kernels.js";
import { ELEMENT_BYTES } from "./arena.js";
import { type Address, address, type Runner } from "./runner.js";

const { CHUNK_ELEMENTS } = CONSTANTS;

export function updateKernels(runner: Runner): UpdateKernels {
  const finishFlips = (partials: Address, chunks: number, flips: Tensor<"accumulator">): void => {
    runner.run("reducePartials", 1, {
      partials,
      count: chunks,
      columns: 1,
      total: flips,
    });
  };
  return {
    adam(value, gradient, first, second, { step, ...terms }, flips) {
      const count = elementCount(value.shape);
      const chunks = Math.ceil(count / CHUNK_ELEMENTS);
      const partials = runner.work(chunks * 8);
      const correction1 = 1 / (1 - terms.beta1 ** step);
      const correction2 = 1 / (1 - terms.beta2 ** step);
      runner.run("adam", chunks, { value, gradient, first, second, count, ...terms, correction1, correction2, partials });
      finishFlips(partials, chunks, flips);
    },

    sgd(value, gradient, velocity, step, flips) {
      const count = elementCount(value.shape);
      const chunks = Math.ceil(count / CHUNK_ELEMENTS);
      const partials = runner.work(chunks * 8);
      runner.run("sgd", chunks, { value, gradient, velocity, count, ...step, partials });
      finishFlips(partials, chunks, flips);
    },

    movingAverage(average, value, decay) {
      const count = elementCount(value.shape);
      runner.run("movingAverage", Math.ceil(count / CHUNK_ELEMENTS), { average, value, count, decay });
    },

    fill(tensor, value) {
      const words = elementCount(tensor.shape) * (ELEMENT_BYTES[tensor.type] / 4);
      if (tensor.type === "accumulator" && value !== 0) throw new Error("accumulators can only be filled with 0");
      const pattern = tensor.type === "float32" ? (new Int32Array(new Float32Array([value]).buffer)[0] ?? 0) : value | 0;
      runner.run("fillWords", Math.ceil(words / CHUNK_ELEMENTS), { target: address(tensor), words, pattern });
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
