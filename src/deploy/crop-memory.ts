/** Crops of a batch in a device's memory: carried there a few at a time, in memory that is as large for all of them, and scaled there. */
import type { Backend } from "../backend/device.js";
import { type CropRoom, wordsBetween } from "../pixels/crops.js";
import type { Tensor } from "../tensor.js";

/** Images that are carried and scaled together, at most and as far as memory for them goes: enough to fill a GPU. */
const TOGETHER = 16;
const MOST_BYTES = 2 ** 26;

export class CropMemory {
  /** A word a pixel, [batch, size, size]. */
  readonly pixels: Tensor<"uint32">;
  private readonly carried: Tensor<"uint32">;
  private readonly words: Uint32Array;
  private readonly images: number;

  constructor(
    private readonly backend: Backend,
    batch: number,
    private readonly size: number,
    private readonly room: CropRoom,
  ) {
    this.images = Math.min(batch, TOGETHER, Math.max(1, Math.floor(MOST_BYTES / room.bytes)));
    this.words = new Uint32Array(this.images * (1 + room.bytes / 4));
    this.carried = backend.allocate("uint32", [this.words.length]);
    this.pixels = backend.allocate("uint32", [batch, size, size]);
  }

  /** Scales the crops, whose places in `bytes` are words [count, 2]: start and length. */
  write(bytes: Uint8Array, crops: Uint32Array): void {
    const source = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    const count = crops.length / 2;
    for (let first = 0; first < count; first += this.images)
      this.writePart(source, crops, first, Math.min(count, first + this.images));
  }

  /** Makes the calls of a full part. */
  rehearse(): void {
    const { backend, carried, room, images } = this;
    backend.scaleCrops?.(carried, { between: room.between, betweenNow: room.between }, this.outputs(0, images));
  }

  private writePart(source: Uint32Array, crops: Uint32Array, first: number, end: number): void {
    const { backend, words, room } = this;
    let [at, betweenNow] = [end - first, 0];
    for (let image = first; image < end; image++) {
      const [start, length] = [crops[2 * image] as number, crops[2 * image + 1] as number];
      words[image - first] = at;
      words.set(source.subarray(start, start + length), at);
      betweenNow = Math.max(betweenNow, wordsBetween(words, at));
      at += length;
    }
    const carried = backend.view(this.carried, [at]);
    backend.write(carried, words.subarray(0, at));
    backend.scaleCrops?.(this.carried, { between: room.between, betweenNow }, this.outputs(first, end - first));
  }

  private outputs(first: number, count: number): Tensor<"uint32"> {
    const { size } = this;
    return this.backend.view(this.pixels, [count, size, size], first * size * size);
  }
}
