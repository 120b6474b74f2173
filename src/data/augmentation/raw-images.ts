/**
 * Images as bytes with what was drawn of each beside them, for a device that does the rest: normalized floats would be four times as much
 * to prepare and to carry. Crops that are scaled are the pixels they need, with how they are scaled (pixels/crops.ts).
 */
import { type CropPlan, type CropRoom, finishedCrop, planSquareCrop, wordsOf, writeCropHead } from "../../pixels/crops.js";
import { DRAWN, DRAWN_NUMBERS } from "../../pixels/draws.js";
import type { PixelRegion } from "../../pixels/resize.js";
import type { Channels } from "../../pixels/square.js";
import type { Random } from "../random.js";
import type { Augmentation } from "./augmentation.js";
import { AugmentingWriter } from "./augmenting-writer.js";
import type { ImageDraws } from "./image-draws.js";

export interface RawImages {
  /** [count, side, side, 3], and up to a multiple of four bytes; or crops, each of its own size. */
  readonly bytes: Uint8Array;
  /** [count, DRAWN_NUMBERS] of pixels/draws.ts. */
  readonly draws: Float32Array;
  /** [count, 2] where in `bytes` each image's crop begins and how long it is, in words; absent where images are no crops. */
  readonly crops?: Uint32Array | undefined;
}

/** What is the same of all raw images of a loader. */
export interface RawForm {
  readonly side: number;
  readonly mean: Channels;
  readonly standardDeviation: Channels;
  /** Whether gain, lift and saturation are drawn. */
  readonly recolours: boolean;
  /** Where images are crops that are to be scaled to `side`. */
  readonly cropRoom?: CropRoom | undefined;
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

  protected put(pixels: Uint8Array, start: number, side: number, draws: ImageDraws, target: RawImages, at: number): void {
    const length = side * side * 3;
    target.bytes.set(pixels.subarray(start, start + length), at * length);
    putDraws(draws, target, at);
  }
}

/** Raw images as crops that are to be scaled, one after the other in the order in which they come. */
export interface RawCrops extends RawImages {
  readonly crops: Uint32Array;
  /** One counter, which several workers may add to: words that are taken of `bytes`. */
  readonly taken: Int32Array;
}

/** Writes crops that are still to be scaled. */
export class CropWriter extends AugmentingWriter<RawCrops> {
  constructor(size: number, standardDeviation: Channels, augmentation: Augmentation = {}) {
    super(size, standardDeviation, augmentation);
  }

  /** The pixels of a plan's piece, [height, width, 3]. */
  writeCrop(plan: CropPlan, pixels: Uint8Array, target: RawCrops, at: number, random: Random): void {
    place(plan, this.drawer.drawCropped(random), target, at).set(pixels);
  }

  protected override writeRegion(
    pixels: Uint8Array,
    start: number,
    side: number,
    region: PixelRegion,
    target: RawCrops,
    at: number,
    random: Random,
  ): void {
    const plan = planSquareCrop(side, region, this.size);
    const { left, top, width, height } = plan.piece;
    const to = place(plan, this.drawer.drawCropped(random), target, at);
    for (let y = 0; y < height; y++) {
      const from = start + ((top + y) * side + left) * 3;
      to.set(pixels.subarray(from, from + width * 3), y * width * 3);
    }
  }

  protected put(pixels: Uint8Array, start: number, side: number, draws: ImageDraws, target: RawCrops, at: number): void {
    place(finishedCrop(side), draws, target, at).set(pixels.subarray(start, start + side * side * 3));
  }
}

/** Writes all of a crop but its pixels; returns where these go. */
function place(plan: CropPlan, draws: ImageDraws, target: RawCrops, at: number): Uint8Array {
  const { bytes, crops, taken } = target;
  const words = wordsOf(plan);
  const start = Atomics.add(taken, 0, words);
  const pixels = writeCropHead(new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4), start, plan);
  crops.set([start, words], 2 * at);
  putDraws(draws, target, at);
  return bytes.subarray(4 * pixels, 4 * (start + words));
}

function putDraws({ left, top, mirrored, jitter, light, cut }: ImageDraws, { draws }: RawImages, at: number): void {
  const row = draws.subarray(at * DRAWN_NUMBERS, (at + 1) * DRAWN_NUMBERS).fill(0);
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

/** Has another image of the batch mixed into one. */
export function mixInto({ draws }: RawImages, image: number, partner: number, weight: number): void {
  draws[image * DRAWN_NUMBERS + DRAWN.partner] = partner;
  draws[image * DRAWN_NUMBERS + DRAWN.weight] = weight;
}
