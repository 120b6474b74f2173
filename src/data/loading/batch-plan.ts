/**
 * How the images of a batch are prepared, whoever does it: everything random is drawn from (seed, epoch, image), so it does not matter
 * who prepares what, or when.
 */
import type { Channels } from "../../pixels/square.js";
import type { Augmentation } from "../augmentation/augmentation.js";
import { ImageWriter } from "../augmentation/image-writer.js";
import { mixBatch } from "../augmentation/mixup.js";
import type { MemorySource, PixelSource } from "../dataset.js";
import { Random } from "../random.js";
import type { BatchSlot } from "./batch-ring.js";

/** Keeps the draws of augmentation apart from those of the order of images. */
const IMAGE_STREAM = 0x696d6167;

/** What is the same for all batches of a set. */
export interface BatchPlan {
  readonly source: PixelSource;
  readonly labels: Uint16Array;
  /** Images become size x size x 3. */
  readonly size: number;
  readonly mean: Channels;
  readonly standardDeviation: Channels;
  readonly augmentation: Augmentation | undefined;
  readonly seed: number;
  readonly unreadable: "replace" | "leave out";
}

/** Images `first` to `end - 1` of a batch of `count`. */
export interface BatchPart {
  readonly epoch: number;
  readonly first: number;
  readonly end: number;
  readonly count: number;
}

export function imageWriter({ size, mean, standardDeviation, augmentation }: BatchPlan): ImageWriter {
  return new ImageWriter(size, mean, standardDeviation, augmentation);
}

/** The stream of everything that happens to an image in an epoch, `repeat` times after its first. */
export function imageRandom({ seed }: BatchPlan, epoch: number, index: number, repeat: number): Random {
  return repeat === 0 ? new Random(seed, epoch, index, IMAGE_STREAM) : new Random(seed, epoch, index, IMAGE_STREAM, repeat);
}

/** Prepares parts of batches, whose slots' `indices` and `repeats` are set, from decoded images. */
export function prepareDecoded(plan: BatchPlan, source: MemorySource): (slot: BatchSlot, part: BatchPart) => void {
  const writer = imageWriter(plan);
  const imageFloats = plan.size ** 2 * 3;
  const imageBytes = source.side ** 2 * 3;
  return (slot, { epoch, first, end }) => {
    for (let position = first; position < end; position++) {
      const index = slot.indices[position];
      slot.labels[position] = plan.labels[index];
      const start = source.rows[index] * imageBytes;
      const random = imageRandom(plan, epoch, index, slot.repeats[position]);
      writer.write(source.pixels, start, source.side, slot.images, position * imageFloats, random);
    }
  };
}

/** What needs the whole batch, once all of its parts are prepared. */
export function finishBatch(plan: BatchPlan, slot: BatchSlot, { epoch, count }: BatchPart): void {
  for (let position = 0; position < count; position++) {
    slot.mixLabels[position] = slot.labels[position];
    slot.mixWeight[position] = 1;
  }
  const { mixup = 0 } = plan.augmentation ?? {};
  if (mixup > 0) mixBatch(slot, count, mixup, plan.seed, epoch);
}
