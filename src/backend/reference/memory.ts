/**
 * Memory of the reference backend: a stack of plain typed arrays. float32 tensors are held in float64, so that finite differences are
 * accurate; whoever wants float32 values writes float32 values. Memory that was released is remembered as such, and its use is an error.
 */

import type { TypedArray } from "../../tensor.js";
import { type ElementType, elementCount, type Shape, type Tensor } from "../../tensor.js";
import type { Backend } from "../device.js";

type MemoryKernels = Pick<Backend, "allocate" | "view" | "mark" | "release" | "write" | "read" | "memory">;

/** One allocation; its views share it. */
interface Block {
  readonly bytes: number;
  released: boolean;
}

class ReferenceTensor implements Tensor {
  constructor(
    readonly type: ElementType,
    readonly shape: Shape,
    readonly block: Block,
    readonly elements: TypedArray,
  ) {}
}

function storage(type: ElementType, count: number): TypedArray {
  switch (type) {
    case "float32":
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

function own(tensor: Tensor): ReferenceTensor {
  if (!(tensor instanceof ReferenceTensor)) throw new Error("this tensor belongs to another backend");
  if (tensor.block.released) throw new Error(`a tensor [${tensor.shape}] is used after its release`);
  return tensor;
}

/** The numbers of a tensor, to read and write in place. */
export function elements(tensor: Tensor): TypedArray {
  return own(tensor).elements;
}

/** Rows and columns of a tensor seen as a matrix: all sides but the last, and the last. */
export function matrixShape(tensor: Tensor): readonly [number, number] {
  return [elementCount(tensor.shape.slice(0, -1)), tensor.shape.at(-1) ?? 1];
}

export function referenceMemory(): MemoryKernels {
  const blocks: Block[] = [];
  let bytes = 0;
  let peakBytes = 0;
  return {
    get memory() {
      return { bytes, peakBytes };
    },

    allocate(type, shape) {
      const data = storage(type, elementCount(shape));
      const block = { bytes: data.byteLength, released: false };
      blocks.push(block);
      bytes += block.bytes;
      peakBytes = Math.max(peakBytes, bytes);
      return new ReferenceTensor(type, shape, block, data);
    },

    view(tensor, shape, from = 0) {
      const { type, block, elements: data } = own(tensor);
      const count = elementCount(shape);
      if (from < 0 || from + count > data.length) throw new Error(`a view of [${shape}] from ${from} exceeds [${tensor.shape}]`);
      return new ReferenceTensor(type, shape, block, data.subarray(from, from + count));
    },

    mark: () => blocks.length,

    release(mark) {
      if (mark < 0 || mark > blocks.length) throw new Error(`release(${mark}) is not a mark of this memory`);
      for (const block of blocks.splice(mark)) {
        block.released = true;
        bytes -= block.bytes;
      }
    },

    write(tensor, data) {
      const target = elements(tensor);
      if (target.length !== data.length) throw new Error(`${data.length} values do not fill a tensor of ${target.length}`);
      target.set(data);
    },

    read: async (tensor) => elements(tensor).slice(),
  };
}
