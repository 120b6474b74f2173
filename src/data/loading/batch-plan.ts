/**
 * How the images of a batch are prepared, whoever does it: everything random is drawn from (seed, epoch, image), so it does not matter
 * who prepares what, or when.
 */
import type { CropPlan, CropRoom } from "../../pixels/crops.js";
import type { Channels } from "../../pixels/square.js";
import type { Augmentation } from "../augmentation/augmentation.js";
import type { AugmentingWriter } from "../augmentation/augmenting-writer.js";
import { ImageWriter } from "../augmentation/image-writer.js";
import { mixBatch } from "../augmentation/mixup.js";
import { CropWriter, type RawCrops, type RawImages, RawWriter } from "../augmentation/raw-images.js";
import type { MemorySource, PixelSource } from "../dataset.js";
import { Random } from "../random.js";
import { type ViewPlan, viewRandom } from "../views/view-plan.js";
import type { BatchSlot } from "./batch-ring.js";

/** Keeps the draws of augmentation apart from those of the order of images. */
const IMAGE_STREAM = 0x696d6167;

/** What is the same for all batches of a set. */
export interface BatchPlan {
  readonly source: PixelSource;
  readonly labels: Uint16Array;
  /** Images become size x size x 3. */
  readonly size: number;
  /** Side of images that are left raw. */
  readonly rawSide?: number | undefined;
  /** Where raw images are crops that are to be scaled. */
  readonly cropRoom?: CropRoom | undefined;
  readonly mean: Channels;
  readonly standardDeviation: Channels;
  readonly augmentation: Augmentation | undefined;
  readonly seed: number;
  readonly unreadable: "replace" | "leave out";
  /** Where every image is one of known views of it. */
  readonly views?: ViewPlan | undefined;
}

/** What happens to an image: the stream that it is drawn from, and its view where that is decided before. */
export interface ImageDraw {
  readonly random: Random;
  readonly view: number | undefined;
}

/** Writes what is said of an image in its view into a slot, at a place of the batch. */
export type Annotate = (slot: BatchSlot, position: number, index: number, view: number) => void;

/** Images `first` to `end - 1` of a batch of `count`. */
export interface BatchPart {
  readonly epoch: number;
  readonly first: number;
  readonly end: number;
  readonly count: number;
}

/** Writes images into slots by their place in the batch, finished or raw. */
export interface SlotWriter extends Pick<AugmentingWriter<never>, "cropsRegions" | "chooseRegion"> {
  /** A square [side, side, 3] as it was drawn; returns its view, which means something only where there are views. */
  square(pixels: Uint8Array, start: number, side: number, draw: ImageDraw, slot: BatchSlot, position: number): number;
  /** Pixels [size, size, 3] on which the crop was already done. */
  cropped(pixels: Uint8Array, random: Random, slot: BatchSlot, position: number): void;
  /** The pixels of a crop that is to be scaled; absent where crops are scaled before. */
  readonly crop?: (plan: CropPlan, pixels: Uint8Array, random: Random, slot: BatchSlot, position: number) => void;
}

export function slotWriter(plan: BatchPlan): SlotWriter {
  const { size, mean, standardDeviation, augmentation, rawSide, cropRoom } = plan;
  if (cropRoom !== undefined) {
    const writer = new CropWriter(size, standardDeviation, augmentation);
    return {
      ...slotWriterOf(plan, writer, 1, cropsOf),
      crop: (crop, pixels, random, slot, position) => writer.writeCrop(crop, pixels, cropsOf(slot), position, random),
    };
  }
  if (rawSide !== undefined) return slotWriterOf(plan, new RawWriter(size, standardDeviation, augmentation), 1, rawOf);
  const writer = new ImageWriter(size, mean, standardDeviation, augmentation);
  return slotWriterOf(plan, writer, size ** 2 * 3, ({ images }) => images);
}

function rawOf({ raw }: BatchSlot): RawImages {
  if (raw === undefined) throw new Error("a slot has no room for raw images");
  return raw;
}

function cropsOf({ crops }: BatchSlot): RawCrops {
  if (crops === undefined) throw new Error("a slot has no room for crops");
  return crops;
}

/** `stride`: of an image in the target, in what the writer counts its places by. */
function slotWriterOf<Target>(
  { views }: BatchPlan,
  writer: AugmentingWriter<Target>,
  stride: number,
  targetOf: (slot: BatchSlot) => Target,
): SlotWriter {
  return {
    cropsRegions: writer.cropsRegions,
    chooseRegion: (width, height, random) => writer.chooseRegion(width, height, random),
    square(pixels, start, side, { random, view }, slot, position) {
      if (view === undefined || views?.crops !== undefined) {
        const window = writer.write(pixels, start, side, targetOf(slot), position * stride, random);
        return view ?? window;
      }
      writer.writeWindow(pixels, start, side, targetOf(slot), position * stride, view);
      return view;
    },
    cropped: (pixels, random, slot, position) => writer.writeCropped(pixels, targetOf(slot), position * stride, random),
  };
}

/** The stream of everything that happens to an image in an epoch, `repeat` times after its first. */
function imageRandom({ seed }: BatchPlan, epoch: number, index: number, repeat: number): Random {
  return repeat === 0 ? new Random(seed, epoch, index, IMAGE_STREAM) : new Random(seed, epoch, index, IMAGE_STREAM, repeat);
}

/** Of image `index`, which has its own place in the epoch or that of `wanted`, which cannot be read. */
export function drawImage(plan: BatchPlan, epoch: number, index: number, wanted: number, repeat: number): ImageDraw {
  const { views } = plan;
  if (views?.crops === undefined) {
    return { random: imageRandom(plan, epoch, wanted, repeat), view: views?.eachEpoch === true ? epoch : undefined };
  }
  const view = views.eachEpoch ? epoch : imageRandom(plan, epoch, wanted, repeat).integer(views.crops.count);
  return { random: viewRandom(views.crops, index, view), view };
}

/** Prepares parts of batches, whose slots' `indices` and `repeats` are set, from decoded images. */
export function prepareDecoded(
  plan: BatchPlan,
  source: MemorySource,
  annotate?: Annotate,
): (slot: BatchSlot, part: BatchPart) => void {
  const writer = slotWriter(plan);
  const imageBytes = source.side ** 2 * 3;
  return (slot, { epoch, first, end }) => {
    for (let position = first; position < end; position++) {
      const index = slot.indices[position];
      slot.labels[position] = plan.labels[index];
      const start = source.rows[index] * imageBytes;
      const draw = drawImage(plan, epoch, index, index, slot.repeats[position]);
      const view = writer.square(source.pixels, start, source.side, draw, slot, position);
      annotate?.(slot, position, index, view);
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
