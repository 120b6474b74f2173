/**
 * Memory of a GPU: a stack of buffers, one an allocation, of which a tensor is a range. WebGPU tracks what a kernel reads and writes by
 * whole buffers, so an allocation is the smallest piece that one may write while it reads others.
 */
import { UserError } from "../../errors.js";
import { type ElementType, elementCount, type Shape, type Tensor } from "../../tensor.js";

/** Sums are two float32 whose sum they are (48 bits); products of signs are int16, two to a word. */
export const ELEMENT_BYTES: Readonly<Record<ElementType, number>> = {
  float32: 4,
  int32: 4,
  uint32: 4,
  accumulator: 8,
  dotProduct: 2,
};

/** GPUBufferUsage by name: Node has no globals of WebGPU. */
export const USAGE = { mapRead: 0x1, copySource: 0x4, copyTarget: 0x8, uniform: 0x40, storage: 0x80 } as const;

/** One buffer; `id` is never used again. */
export interface GpuBlock {
  readonly id: number;
  readonly buffer: GPUBuffer;
  readonly bytes: number;
}

export class GpuTensor<T extends ElementType = ElementType> implements Tensor<T> {
  constructor(
    readonly type: T,
    readonly shape: Shape,
    readonly block: GpuBlock,
    /** Of its first byte in the block. */
    readonly offset: number,
  ) {}
}

export function own<T extends ElementType>(tensor: Tensor<T>): GpuTensor<T> {
  if (!(tensor instanceof GpuTensor)) throw new Error("this tensor belongs to another backend");
  return tensor;
}

export function tensorBytes({ type, shape }: Tensor<ElementType>): number {
  return elementCount(shape) * ELEMENT_BYTES[type];
}

export class Buffers {
  private readonly blocks: GpuBlock[] = [];
  private workspace: GpuBlock | undefined;
  private bytesNow = 0;
  private bytesAtMost = 0;
  private created = 0;

  /** `beforeRelease` runs before buffers are destroyed: commands that use them must have been submitted by then. */
  constructor(
    private readonly device: GPUDevice,
    private readonly beforeRelease: (ids: ReadonlySet<number>) => void,
  ) {}

  get memory(): { readonly bytes: number; readonly peakBytes: number } {
    return { bytes: this.bytesNow, peakBytes: this.bytesAtMost };
  }

  /** Buffers made so far, of all kinds: a steady state makes none. */
  get buffersCreated(): number {
    return this.created;
  }

  allocate<T extends ElementType>(type: T, shape: Shape): GpuTensor<T> {
    const block = this.create(elementCount(shape) * ELEMENT_BYTES[type]);
    this.blocks.push(block);
    return new GpuTensor(type, shape, block, 0);
  }

  /** Work space of one call: valid until the next call of `work`, which may be the same memory. */
  work<T extends ElementType>(type: T, shape: Shape): GpuTensor<T> {
    const bytes = elementCount(shape) * ELEMENT_BYTES[type];
    if (this.workspace === undefined || this.workspace.bytes < bytes) {
      this.destroy(this.workspace === undefined ? [] : [this.workspace]);
      // Rounded up, so that a run's first step grows it a few times and not at every layer.
      this.workspace = this.create(2 ** Math.ceil(Math.log2(Math.max(bytes, 1 << 16))));
    }
    return new GpuTensor(type, shape, this.workspace, 0);
  }

  mark(): number {
    return this.blocks.length;
  }

  release(mark: number): void {
    if (mark < 0 || mark > this.blocks.length) throw new Error(`release(${mark}) is not a mark of this memory`);
    if (mark < this.blocks.length) this.destroy(this.blocks.splice(mark));
  }

  /** Gives work space back, too. */
  dispose(): void {
    this.release(0);
    if (this.workspace !== undefined) this.destroy([this.workspace]);
    this.workspace = undefined;
  }

  private create(wanted: number): GpuBlock {
    const bytes = Math.max(16, Math.ceil(wanted / 16) * 16);
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    const most = Math.min(maxBufferSize, maxStorageBufferBindingSize);
    if (bytes > most)
      throw new UserError(
        `a tensor of ${Math.ceil(bytes / 2 ** 20)} MB was asked for, but this GPU gives at most ${Math.floor(most / 2 ** 20)} MB ` +
          "in one piece; use a smaller batch",
      );
    const usage = USAGE.storage | USAGE.copySource | USAGE.copyTarget;
    const buffer = this.device.createBuffer({ size: bytes, usage });
    this.created++;
    this.bytesNow += bytes;
    this.bytesAtMost = Math.max(this.bytesAtMost, this.bytesNow);
    return { id: this.created, buffer, bytes };
  }

  private destroy(blocks: readonly GpuBlock[]): void {
    if (blocks.length === 0) return;
    this.beforeRelease(new Set(blocks.map(({ id }) => id)));
    for (const { buffer, bytes } of blocks) {
      buffer.destroy();
      this.bytesNow -= bytes;
    }
  }
}
