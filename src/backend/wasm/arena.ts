/**
 * A stack of zeroed memory in one growing WebAssembly memory. Addresses are stable; only views made in JavaScript have to be made anew after growth,
 * so none is kept.
 */

import type { TypedArray } from "../../tensor.js";
import { BYTES, type ElementType, elementCount, type Shape, type Tensor } from "../../tensor.js";

const PAGE = 65536;
const ALIGNMENT = 64;
/** Kernels may read (never write) this far behind a tensor: whole vectors of a last row. */
const SLACK = 4096;

export class WasmTensor implements Tensor {
  constructor(
    readonly type: ElementType,
    readonly shape: Shape,
    /** Byte address in the memory. */
    readonly offset: number,
  ) {}
}

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

  allocate(type: ElementType, shape: Shape): WasmTensor {
    const bytes = Math.ceil((elementCount(shape) * BYTES[type]) / 16) * 16;
    const offset = this.place(bytes);
    new Uint8Array(this.memory.buffer, offset, bytes).fill(0);
    this.top = offset + bytes;
    return new WasmTensor(type, shape, offset);
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
  elements(tensor: WasmTensor): TypedArray {
    const { buffer } = this.memory;
    const count = elementCount(tensor.shape);
    switch (tensor.type) {
      case "float32":
        return new Float32Array(buffer, tensor.offset, count);
      case "float64":
        return new Float64Array(buffer, tensor.offset, count);
      case "int16":
        return new Int16Array(buffer, tensor.offset, count);
      case "int32":
        return new Int32Array(buffer, tensor.offset, count);
      case "uint32":
        return new Uint32Array(buffer, tensor.offset, count);
      case "uint8":
        return new Uint8Array(buffer, tensor.offset, count);
    }
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
