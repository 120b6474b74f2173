/** Reading: what a tensor holds is copied to a buffer that the host can see, at once in the order of the calls, and awaited there. */
import { messageOf, UserError } from "../../errors.js";
import { type ElementArrays, type ElementType, elementCount, type TypedArray } from "../../tensor.js";
import type { OpenedGpu } from "./adapter.js";
import { ELEMENT_BYTES, type GpuTensor, USAGE } from "./buffers.js";
import type { Recorder } from "./recorder.js";

const MAP_READ = 0x1;

export class Reader {
  /** Buffers that are not in use, by size. */
  private readonly idle = new Map<number, GPUBuffer[]>();
  private madeCount = 0;

  constructor(
    private readonly device: GPUDevice,
    private readonly recorder: Recorder,
    private readonly gpu: Pick<OpenedGpu, "failure" | "reason" | "waitFor">,
  ) {}

  /** Buffers made so far. */
  get buffersCreated(): number {
    return this.madeCount;
  }

  /** The tensors' elements after all calls so far. */
  async read(tensors: readonly GpuTensor[]): Promise<readonly ElementArrays[ElementType][]> {
    if (tensors.length === 0) return [];
    // A copy starts and ends at a word; the first word of a tensor may begin before it.
    const pieces: { readonly from: number; readonly bytes: number; readonly at: number }[] = [];
    let end = 0;
    for (const { type, shape, offset } of tensors) {
      const from = Math.floor(offset / 4) * 4;
      const bytes = Math.ceil((offset + elementCount(shape) * ELEMENT_BYTES[type] - from) / 4) * 4;
      pieces.push({ from, bytes, at: end });
      end += bytes;
    }
    const size = 2 ** Math.max(8, Math.ceil(Math.log2(Math.max(end, 1))));
    const buffer = this.idle.get(size)?.pop() ?? this.make(size);
    const encoder = this.recorder.command();
    for (const [index, { from, bytes, at }] of pieces.entries()) {
      if (bytes > 0) encoder.copyBufferToBuffer((tensors[index] as GpuTensor).block.buffer, from, buffer, at, bytes);
    }
    this.recorder.submit();
    try {
      await this.gpu.waitFor(buffer.mapAsync(MAP_READ, 0, Math.max(4, end)));
    } catch (error) {
      throw (await this.gpu.reason()) ?? new UserError(`the GPU gave no result back (${messageOf(error)})`, { cause: error });
    }
    const known = this.gpu.failure;
    const bytes = buffer.getMappedRange(0, Math.max(4, end)).slice(0);
    buffer.unmap();
    this.keep(size, buffer);
    if (known !== undefined) throw known;
    return tensors.map((tensor, index) => elementsOf(tensor, bytes, pieces[index] as { from: number; at: number }));
  }

  dispose(): void {
    for (const buffers of this.idle.values()) for (const buffer of buffers) buffer.destroy();
    this.idle.clear();
  }

  private make(size: number): GPUBuffer {
    this.madeCount++;
    return this.device.createBuffer({ size, usage: USAGE.mapRead | USAGE.copyTarget });
  }

  private keep(size: number, buffer: GPUBuffer): void {
    const others = this.idle.get(size);
    if (others === undefined) this.idle.set(size, [buffer]);
    else others.push(buffer);
  }
}

/** A tensor's elements in the bytes of its piece. */
function elementsOf(
  { type, shape, offset }: GpuTensor,
  bytes: ArrayBuffer,
  { from, at }: { readonly from: number; readonly at: number },
): ElementArrays[ElementType] {
  const count = elementCount(shape);
  const start = at + offset - from;
  switch (type) {
    case "float32":
      return new Float32Array(bytes, start, count).slice();
    case "int32":
      return new Int32Array(bytes, start, count).slice();
    case "uint32":
      return new Uint32Array(bytes, start, count).slice();
    case "dotProduct":
      return Int32Array.from(new Int16Array(bytes, start, count));
    case "accumulator": {
      const parts = new Float32Array(bytes, start, 2 * count);
      return Float64Array.from({ length: count }, (_, i) => parts[2 * i] + parts[2 * i + 1]);
    }
  }
}

/** Numbers as a tensor of a type holds them, a whole number of words; the last half word, where it is not needed, is 0. */
export function storedAs(type: ElementType, data: TypedArray): ArrayBufferView<ArrayBuffer> {
  switch (type) {
    case "float32":
      // Batches come so, and are copied once, by the queue; memory that threads share is not for it to read.
      return data instanceof Float32Array && data.buffer instanceof ArrayBuffer
        ? (data as Float32Array<ArrayBuffer>)
        : new Float32Array(data);
    case "int32":
      return new Int32Array(data);
    case "uint32":
      return data instanceof Uint32Array && data.buffer instanceof ArrayBuffer
        ? (data as Uint32Array<ArrayBuffer>)
        : new Uint32Array(data);
    case "dotProduct": {
      const halves = new Int16Array(2 * Math.ceil(data.length / 2));
      halves.set(data);
      return halves;
    }
    case "accumulator": {
      const parts = new Float32Array(2 * data.length);
      for (const [i, value] of data.entries()) {
        parts[2 * i] = value;
        // What is not finite has no rest.
        const rest = value - Math.fround(value);
        parts[2 * i + 1] = Number.isNaN(rest) ? 0 : rest;
      }
      return parts;
    }
  }
}
