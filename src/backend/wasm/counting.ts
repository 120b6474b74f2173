/**
 * A backend that computes nothing and counts memory: a network that is built, bound and folded on it says how many bytes a run will
 * need, before the run. Allocation follows the rules of the arena, so the figures are those of a real run, except for
 * the few megabytes in which kernels keep their partial sums.
 */
import { type ElementArrays, type ElementType, elementCount, type Shape, type Tensor, wordsFor } from "../../tensor.js";
import type { Backend } from "../device.js";
import { KERNELS, type Kernels } from "../kernels.js";
import type { BinaryWeights, ConvolutionPlan, Window } from "../terms.js";
import { ELEMENT_BYTES } from "./arena.js";
import { weightBytes } from "./packed-weights.js";
import { PREFERENCES } from "./preferences.js";
import { windowTable } from "./runner.js";
import { sliceNeeds } from "./slices.js";
import { Stack } from "./stack.js";

function ignore(): void {
  // Counting needs no results.
}

const NOTHING = Object.fromEntries(KERNELS.map((name) => [name, ignore])) as unknown as Kernels;

const ARRAYS = {
  float32: Float32Array,
  int32: Int32Array,
  uint32: Uint32Array,
  accumulator: Float64Array,
  dotProduct: Int32Array,
} as const;

function zeros<T extends ElementType>({ type, shape }: Tensor<T>): ElementArrays[T] {
  return new ARRAYS[type](elementCount(shape)) as ElementArrays[T];
}

/** Every read gives zeros; `memory` is exact. */
export function createCountingBackend(): Backend {
  const stack = new Stack(0);
  return {
    ...NOTHING,
    description: "counts memory",
    preferences: PREFERENCES,
    elementBytes: ELEMENT_BYTES,
    get memory() {
      return { bytes: stack.bytes, peakBytes: stack.peakBytes };
    },
    allocate<T extends ElementType>(type: T, shape: Shape): Tensor<T> {
      stack.reserve(elementCount(shape) * ELEMENT_BYTES[type]);
      return { type, shape };
    },
    view: (tensor, shape) => ({ type: tensor.type, shape }),
    window(geometry): Window {
      stack.reserve(windowTable(geometry).length * ELEMENT_BYTES.int32);
      return { geometry };
    },
    binaryWeights(inputs, filters, gradient): BinaryWeights {
      const bytes = weightBytes(inputs, filters);
      stack.reserve(bytes.forward);
      if (gradient) stack.reserve(bytes.gradient);
      return { inputs, filters };
    },
    planConvolution(window, filters, use): ConvolutionPlan {
      stack.share(sliceNeeds(window.geometry, filters, use).bytes);
      return { window, filters };
    },
    mark: () => stack.mark(),
    release: (mark) => stack.release(mark),
    write: ignore,
    writeWeights: ignore,
    readWeights: async ({ inputs, filters }) => new Uint32Array(filters * wordsFor(inputs)),
    read: async (tensor) => zeros(tensor),
    readAll: async (tensors) => tensors.map(zeros),
    [Symbol.dispose]: ignore,
  };
}
