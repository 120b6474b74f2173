/**
 * The stack's memory: one growing WebAssembly memory, of which tensors get zeroed parts. Addresses are stable; only views made in
 * JavaScript have to be made anew after growth, so none is kept.
 */
import { type ElementArrays, type ElementType, elementCount, type Shape, type Tensor } from "../../tensor.js";
import { aligned, roundedUp, Stack } from "./stack.js";

/** What an element takes: sums are float64 here, and products of signs int16. */
export const ELEMENT_BYTES: Readonly<Record<ElementType, number>> = {
  float32: 4,
  int32: 4,
  uint32: 4,
  accumulator: 8,
  dotProduct: 2,
};

const PAGE = 65536;
/** Kernels may read (never write) this far behind a tensor: whole vectors of a last row. */
const SLACK = 4096;

export class WasmTensor<T extends ElementType = ElementType> implements Tensor<T> {
  constructor(
    readonly type: T,
    readonly shape: Shape,
    /** Byte address in the memory. */
    readonly offset: number,
  ) {}
}

const VIEWS = {
  float32: Float32Array,
  int32: Int32Array,
  uint32: Uint32Array,
  accumulator: Float64Array,
  dotProduct: Int16Array,
} as const;

export class Arena extends Stack {
  /** Memory beside the stack: allocations step over it. */
  private aside = { start: 0, end: 0 };

  constructor(
    readonly memory: WebAssembly.Memory,
    base: number,
  ) {
    super(base);
  }

  allocate<T extends ElementType>(type: T, shape: Shape): WasmTensor<T> {
    return new WasmTensor(type, shape, this.reserve(elementCount(shape) * ELEMENT_BYTES[type]));
  }

  /**
   * Zeroed to the end of what was reserved: kernels work on whole vectors, and what lies behind the last element counts for nothing only
   * where it is 0.
   */
  override reserve(bytes: number): number {
    const start = super.reserve(bytes);
    new Uint8Array(this.memory.buffer, start, roundedUp(bytes)).fill(0);
    return start;
  }

  /** Work space that outlives any mark; each call frees the one before. Returns its address. */
  reserveAside(bytes: number): number {
    this.aside = { start: 0, end: 0 };
    const start = this.place(bytes);
    this.aside = { start, end: start + bytes };
    return start;
  }

  protected override place(bytes: number, from = this.top): number {
    const { start, end } = this.aside;
    const inTheWay = from < end && aligned(from) + bytes + SLACK > start;
    const offset = super.place(bytes, inTheWay ? end : from);
    const needed = offset + bytes + SLACK - this.memory.buffer.byteLength;
    if (needed > 0) this.grow(Math.ceil(needed / PAGE), bytes);
    return offset;
  }

  /** A view of a tensor's elements, valid until the next allocation. */
  elements({ type, shape, offset }: WasmTensor) {
    return new VIEWS[type](this.memory.buffer, offset, elementCount(shape));
  }

  /** A copy of a tensor's elements. */
  copy<T extends ElementType>(tensor: WasmTensor<T>): ElementArrays[T] {
    const view = this.elements(tensor);
    return (view instanceof Int16Array ? Int32Array.from(view) : view.slice()) as ElementArrays[T];
  }

  private grow(pages: number, bytes: number): void {
    try {
      this.memory.grow(pages);
    } catch {
      throw new RangeError(
        `out of memory: ${Math.round(this.bytes / 1e6)} MB are in use and ${Math.round(bytes / 1e6)} MB more were asked for; ` +
          "use a smaller batch",
      );
    }
  }
}
