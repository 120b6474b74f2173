/**
 * Memory of the reference backend: a stack of plain typed arrays. float32 tensors are held in float64, so that finite differences are
 * accurate; whoever wants float32 values writes float32 values. Memory that was released is remembered as such, and its use is an error.
 */
import { type ElementArrays, type ElementType, elementCount, type Shape, type Tensor } from "../../tensor.js";
import type { Backend } from "../device.js";

type Memory = Pick<Backend, "elementBytes" | "memory" | "allocate" | "view" | "mark" | "release" | "write" | "read" | "readAll">;

/** One allocation; its views share it. */
interface Block {
  readonly bytes: number;
  released: boolean;
}

class ReferenceTensor<T extends ElementType = ElementType> implements Tensor<T> {
  constructor(
    readonly type: T,
    readonly shape: Shape,
    readonly block: Block,
    readonly elements: Elements,
    /** Its first element in the block. */
    readonly from: number,
  ) {}
}

const STORAGE = {
  float32: Float64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  accumulator: Float64Array,
  dotProduct: Int32Array,
} as const;

type Elements = Float64Array | Int32Array | Uint32Array;

function own<T extends ElementType>(tensor: Tensor<T>): ReferenceTensor<T> {
  if (!(tensor instanceof ReferenceTensor)) throw new Error("this tensor belongs to another backend");
  if (tensor.block.released) throw new Error(`a tensor [${tensor.shape}] is used after its release`);
  return tensor;
}

/** The numbers of a tensor, to read and write in place. */
export function elements(tensor: Tensor<ElementType>): Elements {
  return own(tensor).elements;
}

/** Where a tensor lies: which allocation, and from which of its elements to before which. */
export function placeOf(tensor: Tensor<ElementType>): { readonly block: object; readonly from: number; readonly to: number } {
  const { block, from, elements: data } = own(tensor);
  return { block, from, to: from + data.length };
}

/** Rows and columns of a tensor seen as a matrix: all sides but the last, and the last. */
export function matrixShape(tensor: Tensor<ElementType>): readonly [number, number] {
  return [elementCount(tensor.shape.slice(0, -1)), tensor.shape.at(-1) ?? 1];
}

const ELEMENT_BYTES = { float32: 8, int32: 4, uint32: 4, accumulator: 8, dotProduct: 4 } as const;

/** float32 tensors give float64 values here. */
function copyOf<T extends ElementType>(tensor: Tensor<T>): ElementArrays[T] {
  return elements(tensor).slice() as unknown as ElementArrays[T];
}

export function referenceMemory(): Memory {
  const blocks: Block[] = [];
  let bytes = 0;
  let peakBytes = 0;
  return {
    elementBytes: ELEMENT_BYTES,
    get memory() {
      return { bytes, peakBytes };
    },

    allocate(type, shape) {
      const data = new STORAGE[type](elementCount(shape));
      const block = { bytes: data.byteLength, released: false };
      blocks.push(block);
      bytes += block.bytes;
      peakBytes = Math.max(peakBytes, bytes);
      return new ReferenceTensor(type, shape, block, data, 0);
    },

    view(tensor, shape, from = 0) {
      const { type, block, elements: data, from: first } = own(tensor);
      const count = elementCount(shape);
      if (from < 0 || from + count > data.length) throw new Error(`a view of [${shape}] from ${from} exceeds [${tensor.shape}]`);
      return new ReferenceTensor(type, shape, block, data.subarray(from, from + count), first + from);
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

    read: async (tensor) => copyOf(tensor),
    readAll: async (tensors) => tensors.map(copyOf),
  };
}
