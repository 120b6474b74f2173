/**
 * Images as bytes with what was drawn of each beside them, for a device that does the rest: normalized floats would be four times as much
 * to prepare and to carry. Only a crop that is scaled is done already, where the image is decoded.
 */
import { DRAWN, DRAWN_NUMBERS } from "../../pixels/draws.js";
import type { Channels } from "../../pixels/square.js";
import type { Augmentation } from "./augmentation.js";
import { AugmentingWriter } from "./augmenting-writer.js";
import type { ImageDraws } from "./image-draws.js";

export interface RawImages {
  /** [count, side, side, 3], and up to a multiple of four bytes. */
  readonly bytes: Uint8Array;
  /** [count, DRAWN_NUMBERS] of pixels/draws.ts. */
  readonly draws: Float32Array;
}

/** What is the same of all raw images of a loader. */
export interface RawForm {
  readonly side: number;
  readonly mean: Channels;
  readonly standardDeviation: Channels;
  /** Whether gain, lift and saturation are drawn. */
  readonly recolours: boolean;
}

/** Bytes of so many raw images, with those that fill the last four. */
export function rawBytes(images: number, side: number): number {
  return 4 * Math.ceil((images * side * side * 3) / 4);
}

/** Writes by the image's place in the batch; with a weight of 1, which mixup may change. */
export class RawWriter extends AugmentingWriter<RawImages> {
  constructor(size: number, standardDeviation: Channels, augmentation: Augmentation = {}) {
    super(size, standardDeviation, augmentation);
  }

  protected put(
    pixels: Uint8Array,
    start: number,
    side: number,
    draws: ImageDraws,
    { bytes, draws: table }: RawImages,
    at: number,
  ): void {
    const length = side * side * 3;
    bytes.set(pixels.subarray(start, start + length), at * length);
    const row = table.subarray(at * DRAWN_NUMBERS, (at + 1) * DRAWN_NUMBERS).fill(0);
    const { left, top, mirrored, jitter, light, cut } = draws;
    row[DRAWN.left] = left;
    row[DRAWN.top] = top;
    row[DRAWN.mirrored] = mirrored ? 1 : 0;
    row[DRAWN.gain] = jitter === undefined ? 1 : jitter.brightness * jitter.contrast;
    row[DRAWN.lift] = jitter === undefined ? 0 : (1 - jitter.contrast) * jitter.brightness;
    row[DRAWN.saturation] = jitter?.saturation ?? 1;
    if (light !== undefined) row.set(light, DRAWN.red);
    if (cut !== undefined) row.set([...cut.columns, ...cut.rows], DRAWN.cutLeft);
    row[DRAWN.partner] = at;
    row[DRAWN.weight] = 1;
  }
}

/** Has another image of the batch mixed into one. */
export function mixInto({ draws }: RawImages, image: number, partner: number, weight: number): void {
  draws[image * DRAWN_NUMBERS + DRAWN.partner] = partner;
  draws[image * DRAWN_NUMBERS + DRAWN.weight] = weight;
}
