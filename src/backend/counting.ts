/**
 * A backend that computes nothing and counts memory: a network that is built, bound and folded on it says how many bytes a run will
 * need, before the run. Allocation follows the rules of the WebAssembly arena, so the figures are those of a real run, except for
 * the few megabytes in which kernels keep their partial sums.
 */
import { BYTES, elementCount, type Shape, type Tensor, type TypedArray } from "../tensor.js";
import type { Backend } from "./device.js";
import { type BinaryWeights, type Kernels, kernelNames, type Window } from "./kernels.js";

/** Tensors start at multiples of this many bytes, */
const ALIGNMENT = 64;
/** and are as long as a multiple of this many. */
const GRANULE = 16;

/** A stack of allocations, as heights only. */
class Stack {
  top = 0;
  peak = 0;

  allocate(bytes: number): void {
    const start = Math.ceil(this.top / ALIGNMENT) * ALIGNMENT;
    this.top = start + Math.ceil(bytes / GRANULE) * GRANULE;
    this.peak = Math.max(this.peak, this.top);
  }
}

function ignore(): void {
  // Counting needs no results.
}

const KERNELS = Object.fromEntries(kernelNames.map((name) => [name, ignore])) as unknown as Kernels;

/** Every read gives zeros; `memory` is exact. */
export function createCountingBackend(): Backend {
  const stack = new Stack();
  const allocate = (type: Tensor["type"], shape: Shape): Tensor => {
    stack.allocate(elementCount(shape) * BYTES[type]);
    return { type, shape };
  };
  return {
    ...KERNELS,
    description: "counts memory",
    get memory() {
      return { bytes: stack.top, peakBytes: stack.peak };
    },
    allocate,
    view: (tensor, shape): Tensor => ({ type: tensor.type, shape }),
    window(geometry): Window {
      allocate("int32", [8 + geometry.rows.length + geometry.columns.length]);
      return { geometry };
    },
    binaryWeights(inputs, filters, gradient): BinaryWeights {
      // Signs for the forward product and, in another order, for the input gradient, as the WebAssembly kernels keep them.
      allocate("uint8", [2 * Math.ceil(inputs / 8), Math.ceil(filters / 16) * 16]);
      if (gradient) allocate("int16", [inputs, Math.ceil(filters / 4)]);
      return { inputs, filters };
    },
    mark: () => stack.top,
    release(mark) {
      stack.top = mark;
    },
    write: ignore,
    writeWeights: ignore,
    read: async (tensor): Promise<TypedArray> => zeros(tensor),
    [Symbol.dispose]: ignore,
  };
}

function zeros({ type, shape }: Tensor): TypedArray {
  const count = elementCount(shape);
  switch (type) {
    case "float32":
      return new Float32Array(count);
    case "float64":
      return new Float64Array(count);
    case "int16":
      return new Int16Array(count);
    case "int32":
      return new Int32Array(count);
    case "uint32":
      return new Uint32Array(count);
    case "uint8":
      return new Uint8Array(count);
  }
}
