/**
 * A stack of zeroed memory in one growing WebAssembly memory. Addresses are stable; only views made in JavaScript have to be made anew after growth,
 * so none is kept.
 */
import { type ElementArrays, type ElementType, elementCount, type Shape, type Tensor } from "../../tensor.js";

/** What an element takes: sums are float64 here, and products of signs int16. */
export const ELEMENT_BYTES: Readonly<Record<ElementType, number>> = {
  float32: 4,
  int32: 4,
  uint32: 4,
  accumulator: 8,
  dotProduct: 2,
};

const PAGE = 65536;
/** Whatever is allocated starts at a multiple of so many bytes, */
export const ALIGNMENT = 64;
/** and is as long as a multiple of these. */
export const GRANULE = 16;
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

export class Arena {
  private top: number;
  private peak: number;
  /** Memory beside the stack: allocations step over it. */
  private aside = { start: 0, end: 0 };

  constructor(
    readonly memory: WebAssembly.Memory,
    private readonly base: number,
  ) {
    this.top = base;
    this.peak = base;
  }

  get bytes(): number {
    return this.top - this.base;
  }

  get peakBytes(): number {
    return this.peak - this.base;
  }

  allocate<T extends ElementType>(type: T, shape: Shape): WasmTensor<T> {
    return new WasmTensor(type, shape, this.reserve(elementCount(shape) * ELEMENT_BYTES[type]));
  }

  /** Address of `count` zeroed bytes, or somewhat more. */
  reserve(count: number): number {
    const bytes = Math.ceil(count / GRANULE) * GRANULE;
    const offset = this.place(bytes);
    new Uint8Array(this.memory.buffer, offset, bytes).fill(0);
    this.top = offset + bytes;
    return offset;
  }

  /** Work space that outlives any mark; each call frees the one before. Returns its address. */
  reserveAside(bytes: number): number {
    this.aside = { start: 0, end: 0 };
    const start = this.place(bytes);
    this.aside = { start, end: start + bytes };
    return start;
  }

  private place(bytes: number): number {
    let offset = Math.ceil(this.top / ALIGNMENT) * ALIGNMENT;
    if (offset < this.aside.end && offset + bytes + SLACK > this.aside.start)
      offset = Math.ceil(this.aside.end / ALIGNMENT) * ALIGNMENT;
    const needed = offset + bytes + SLACK - this.memory.buffer.byteLength;
    if (needed > 0) this.grow(Math.ceil(needed / PAGE), bytes);
    this.peak = Math.max(this.peak, offset + bytes);
    return offset;
  }

  release(mark: number): void {
    if (mark < this.base || mark > this.top) throw new Error(`release(${mark}) is not a mark of this arena`);
    this.top = mark;
  }

  mark(): number {
    return this.top;
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
        `out of memory: ${Math.round(this.bytes / 1e6)} MB are in use and ${Math.round(bytes / 1e6)} MB more were asked for; use a smaller batch`,
      );
    }
  }
}
