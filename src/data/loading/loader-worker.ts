/**
 * Body of a loader's worker: prepares parts of batches in shared memory. Everything random is drawn from (seed, epoch, image), so it
 * does not matter which worker prepares what, or when.
 */

import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../../errors.js";
import { type Channels, storedSide } from "../../pixels/square.js";
import { type Augmentation, ImageWriter } from "../augmentation/augmentation.js";
import { mixBatch } from "../augmentation/mixup.js";
import type { EncodedSource, MemorySource, PixelSource } from "../dataset.js";
import type { ByteRange } from "../decoding/encoded-images.js";
import { Random } from "../random.js";
import { type BatchSlot, batchSlots, type RingShape } from "./batch-ring.js";

/** What a worker is started with. */
export interface WorkerPlan {
  readonly source: PixelSource;
  readonly labels: Uint16Array;
  readonly shape: RingShape;
  readonly memory: SharedArrayBuffer;
  readonly mean: Channels;
  readonly deviation: Channels;
  readonly augmentation: Augmentation | undefined;
  readonly seed: number;
}

/** Images `first` to `end - 1` of the batch in `slot`, whose `indices` are set. */
export interface WorkerTask {
  readonly slot: number;
  readonly epoch: number;
  readonly first: number;
  readonly end: number;
  /** Images in the whole batch. */
  readonly count: number;
  /** What later batches need. */
  readonly readAhead: readonly ByteRange[];
}

/** An image, by its index in the set, that cannot be used. */
interface BadImage {
  readonly index: number;
  readonly reason: string;
}

export interface WorkerAnswer {
  readonly slot: number;
  /** Replaced by their neighbours. */
  readonly skipped: readonly BadImage[];
  /** Set where so many neighbours in a row are bad that none was tried any more; the last of them. */
  readonly unreadable?: BadImage & { readonly count: number };
  /** Set where the task failed otherwise. */
  readonly error?: string;
}

class UnreadableImages extends Error {
  constructor(readonly last: BadImage) {
    super("no neighbour of an unreadable image can be read");
  }
}

/** Keeps the draws of augmentation apart from those of the order of images. */
const IMAGE_STREAM = 0x696d6167;
/** Images that are decoded at once by one worker. */
const IMAGES_IN_FLIGHT = 4;
/** So many unreadable images in a row are no accident, but a folder that went away. */
const MOST_REPLACEMENTS = 100;

/** Prepares the images of a task in its slot; adds to `skipped` those that it had to replace. */
type Preparation = (slot: BatchSlot, task: WorkerTask, skipped: BadImage[]) => Promise<void> | void;

function start(plan: WorkerPlan, port: NonNullable<typeof parentPort>): void {
  const { slots } = batchSlots(plan.shape, plan.memory);
  const prepare = plan.source.kind === "memory" ? fromMemory(plan, plan.source) : fromEncoded(plan, plan.source);
  const run = async (task: WorkerTask): Promise<void> => {
    const skipped: BadImage[] = [];
    try {
      const slot = slots[task.slot];
      await prepare(slot, task, skipped);
      const isLast = Atomics.sub(slot.unfinished, 0, 1) === 1;
      if (isLast) finish(plan, slot, task);
      port.postMessage({ slot: task.slot, skipped } satisfies WorkerAnswer);
    } catch (error) {
      port.postMessage({
        slot: task.slot,
        skipped,
        ...(error instanceof UnreadableImages
          ? { unreadable: { ...error.last, count: MOST_REPLACEMENTS + 1 } }
          : { error: messageOf(error) }),
      } satisfies WorkerAnswer);
    }
  };
  let queue = Promise.resolve();
  port.on("message", (task: WorkerTask) => {
    queue = queue.then(() => run(task));
  });
}

/** What needs the whole batch; done by the worker that finishes its last part. */
function finish(plan: WorkerPlan, slot: BatchSlot, task: WorkerTask): void {
  for (let position = 0; position < task.count; position++) {
    slot.mixLabels[position] = slot.labels[position];
    slot.mixWeight[position] = 1;
  }
  const mixup = plan.augmentation?.mixup ?? 0;
  if (mixup > 0) mixBatch(slot, task.count, mixup, plan.seed, task.epoch);
}

function fromMemory(plan: WorkerPlan, source: MemorySource): Preparation {
  const writer = new ImageWriter(plan.shape.size, plan.mean, plan.deviation, plan.augmentation);
  const imageFloats = plan.shape.size ** 2 * 3;
  const imageBytes = source.side ** 2 * 3;
  return (slot, task) => {
    for (let position = task.first; position < task.end; position++) {
      const index = slot.indices[position];
      const random = new Random(plan.seed, task.epoch, index, IMAGE_STREAM);
      slot.labels[position] = plan.labels[index];
      writer.write(source.pixels, source.rows[index] * imageBytes, source.side, slot.images, position * imageFloats, random);
    }
  };
}

function fromEncoded(plan: WorkerPlan, source: EncodedSource): Preparation {
  const writer = new ImageWriter(plan.shape.size, plan.mean, plan.deviation, plan.augmentation);
  const { size } = plan.shape;
  const count = plan.labels.length;
  const imageFloats = size ** 2 * 3;
  // Loaded here only: workers on decoded images start without the decoder.
  const decoder = import("../decoding/image-file.js");
  const opened = import("../sets/open-encoded.js").then(({ openEncoded }) => openEncoded(source));
  let ahead: Promise<void> = Promise.resolve();

  const prepareOne = async (slot: BatchSlot, task: WorkerTask, position: number, skipped: BadImage[]): Promise<void> => {
    const { BadImageError, decodeRegion, decodeSquare } = await decoder;
    const images = await opened;
    const wanted = slot.indices[position];
    let last: BadImage = { index: wanted, reason: "" };
    for (let attempt = 0; attempt <= MOST_REPLACEMENTS; attempt++) {
      const index = (wanted + attempt) % count;
      // Of the wanted image, whatever replaces it: the neighbour may be in the same epoch, and should look different there.
      const random = new Random(plan.seed, task.epoch, wanted, IMAGE_STREAM);
      try {
        const image = await images.read(index);
        if (writer.cropsRegions) {
          const pixels = await decodeRegion(image, size, (width, height) => writer.chooseRegion(width, height, random), source);
          writer.writeCropped(pixels, slot.images, position * imageFloats, random);
        } else {
          const pixels = await decodeSquare(image, storedSide(size), source);
          writer.write(pixels, 0, storedSide(size), slot.images, position * imageFloats, random);
        }
      } catch (error) {
        if (!(error instanceof BadImageError)) throw error;
        last = { index, reason: error.reason };
        skipped.push(last);
        continue;
      }
      slot.labels[position] = plan.labels[index];
      slot.indices[position] = index;
      return;
    }
    throw new UnreadableImages(last);
  };

  return async (slot, task, skipped) => {
    const images = await opened;
    // One stretch at a time: where the disk is slower than the training, there is nothing to gain from a queue of them.
    const earlier = ahead;
    let next = task.first;
    const prepareSome = async (): Promise<void> => {
      while (next < task.end) await prepareOne(slot, task, next++, skipped);
    };
    await Promise.all(Array.from({ length: IMAGES_IN_FLIGHT }, prepareSome));
    await earlier;
    ahead = images.readAhead(task.readAhead);
  };
}

if (parentPort === null) throw new Error("loader-worker runs as a worker only");
start(workerData as WorkerPlan, parentPort);
