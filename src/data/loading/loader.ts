/**
 * Batches of images, normalized or raw, prepared by workers ahead of the training step. The bits and the order of batches depend
 * on (seed, epoch) alone: not on the number of workers, nor on where in an epoch a run was resumed.
 */
import { availableParallelism } from "node:os";
import { UserError } from "../../errors.js";
import { type CropRoom, encodedCropRoom, squareCropRoom } from "../../pixels/crops.js";
import { DRAWN_NUMBERS } from "../../pixels/draws.js";
import { storedSide } from "../../pixels/square.js";
import { checkAugmentation } from "../augmentation/augmentation.js";
import { type RawForm, type RawImages, rawBytes } from "../augmentation/raw-images.js";
import type { ImageSet, PixelSource, SkippedImage } from "../dataset.js";
import { requireFewSkipped } from "../decoding/skipped-images.js";
import { type BatchSlot, batchSlots } from "./batch-ring.js";
import type { Batch, BatchImages, BatchOptions, BatchShare, BatchSource } from "./batch-source.js";
import { EpochOrder } from "./epoch-order.js";
import { LoaderPool } from "./loader-pool.js";

export interface LoaderOptions extends BatchOptions {
  /** Default: 1 where images are in memory, else one a core, at most 8. */
  readonly workers?: number;
  /** Batches kept ready or in work; default 3. */
  readonly ahead?: number;
}

export class Loader<Images extends BatchImages = Float32Array> implements BatchSource<Images> {
  readonly batchesPerEpoch: number;
  /** What raw images are like; undefined where images are finished. */
  readonly rawForm: RawForm | undefined;
  private readonly set: ImageSet;
  private readonly options: LoaderOptions;
  private readonly slots: readonly BatchSlot[];
  private readonly pool: LoaderPool;
  private readonly order: EpochOrder;
  /** Slots that no batch of the running epoch holds. */
  private readonly free: number[] = [];
  /** Slots in the order of their batches, from the next to be delivered. */
  private readonly ahead: number[] = [];
  private running = false;
  private runningEpoch = 0;
  private nextBatch = 0;
  /** Counts calls of `epoch`, so that batches of an earlier one cannot give back a slot of this one. */
  private turn = 0;

  /**
   * A loader whose images a device finishes.
   *
   * @throws UserError where the options do not fit the set
   */
  static raw(set: ImageSet, options: LoaderOptions): Loader<RawImages> {
    return new Loader<RawImages>(set, options, true);
  }

  /** @throws UserError where the options do not fit the set */
  constructor(set: ImageSet, options: LoaderOptions, raw = false) {
    const { batch, size, mean, standardDeviation, augmentation, seed, unreadable = "replace", views } = options;
    if (!Number.isInteger(batch) || batch < 1)
      throw new UserError(`the batch is ${batch}, but must be a whole number of images, at least 1`);
    if (set.count === 0) throw new UserError("there are no images to load: the set is empty");
    if (options.dropLast && batch > set.count)
      throw new UserError(`the batch of ${batch} is larger than the data, ${set.count} images: choose a smaller batch`);
    if (augmentation !== undefined) checkAugmentation(augmentation, size);
    this.set = set;
    this.options = options;
    const { of, first, end } = this.share;
    const isOwn = (place: number): boolean => {
      const turn = Math.floor(place / batch) % of;
      return turn >= first && turn < end;
    };
    this.order = new EpochOrder(set, seed, options.shuffle, options.sampler, options.share === undefined ? undefined : isOwn);
    const batches = options.dropLast ? Math.floor(set.count / batch) : Math.ceil(set.count / batch);
    this.batchesPerEpoch = Math.floor(batches / of) * (end - first);
    const { colorJitter, crop } = augmentation ?? {};
    const whole = set.source.kind === "memory" ? set.source.side : storedSide(size);
    const isScaled = crop?.kind === "resized";
    const rawSide = raw ? (isScaled ? size : whole) : undefined;
    const cropRoom = raw && isScaled ? cropRoomOf(set.source, size, batch) : undefined;
    const recolours = colorJitter !== undefined;
    this.rawForm = rawSide === undefined ? undefined : { side: rawSide, mean, standardDeviation, recolours, cropRoom };
    const shape = {
      slots: options.ahead ?? 3,
      batch,
      size,
      scores: views?.answers?.form.classes ?? 0,
      rawSide,
      cropRoom,
    };
    const { memory, slots } = batchSlots(shape);
    this.slots = slots;
    const workers = options.workers ?? (set.source.kind === "memory" ? 1 : Math.min(8, availableParallelism()));
    const plan = {
      source: set.source,
      labels: set.labels,
      ...shape,
      memory,
      mean,
      standardDeviation,
      augmentation,
      seed,
      unreadable,
      views,
    };
    this.pool = new LoaderPool(workers, plan, (index) => set.nameOf(index));
  }

  get skipped(): readonly SkippedImage[] {
    return this.pool.skipped;
  }

  /** As `BatchSource` has it; `ahead` batches can be held at once. */
  async *epoch(epoch: number, fromBatch = 0): AsyncGenerator<Batch<Images>, void, undefined> {
    if (this.running) throw new Error("an epoch of this loader is still running");
    const { count, source } = this.set;
    this.running = true;
    this.turn++;
    this.runningEpoch = epoch;
    this.nextBatch = fromBatch;
    this.free.splice(0, this.free.length, ...this.slots.keys());
    this.ahead.length = 0;
    this.order.draw(epoch, this.placeOf(fromBatch));
    this.pool.hold();
    try {
      this.fill();
      for (let batch = fromBatch; batch < this.batchesPerEpoch; batch++) {
        const slot = this.ahead.shift();
        if (slot === undefined) throw new Error("all batches of the loader are held: release() them before asking for more");
        await this.pool.finished(slot);
        if (source.kind !== "memory") requireFewSkipped("to load", this.skipped, count, source.maxBadFraction);
        yield this.deliver(slot, batch);
      }
    } finally {
      this.nextBatch = this.batchesPerEpoch;
      await this.pool.settled();
      this.pool.letGo();
      this.running = false;
    }
  }

  private get share(): BatchShare {
    return this.options.share ?? { of: 1, first: 0, end: 1 };
  }

  /** Where in the epoch's order the images of a delivered batch begin. */
  private placeOf(batch: number): number {
    const { of, first, end } = this.share;
    const own = end - first;
    return (Math.floor(batch / own) * of + first + (batch % own)) * this.options.batch;
  }

  /** Stops the workers. */
  async close(): Promise<void> {
    await this.pool.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Hands every free slot to the workers, as long as the epoch has batches left; what a few batches more need is read ahead. */
  private fill(): void {
    const { batch } = this.options;
    while (this.nextBatch < this.batchesPerEpoch) {
      const index = this.free.shift();
      if (index === undefined) return;
      const slot = this.slots[index];
      const start = this.placeOf(this.nextBatch);
      const indices = this.order.indices.subarray(start, start + batch);
      slot.indices.set(indices);
      if (this.order.repeats !== undefined) slot.repeats.set(this.order.repeats.subarray(start, start + batch));
      const readAhead = this.order.readAhead(start + (1 + this.slots.length) * batch);
      this.pool.prepare(index, slot, this.runningEpoch, indices.length, readAhead);
      this.ahead.push(index);
      this.nextBatch++;
    }
  }

  private deliver(index: number, batch: number): Batch<Images> {
    const slot = this.slots[index];
    const { batch: full, views } = this.options;
    const count = Math.min(full, this.set.count - this.placeOf(batch));
    const turn = this.turn;
    let released = false;
    return {
      images: this.imagesOf(slot, count) as Images,
      labels: slot.labels.subarray(0, count),
      mixLabels: slot.mixLabels.subarray(0, count),
      mixWeight: slot.mixWeight.subarray(0, count),
      ...(views?.answers === undefined ? {} : { answers: slot.answers.subarray(0, count * views.answers.form.classes) }),
      indices: slot.indices.subarray(0, count),
      count,
      release: () => {
        if (released || turn !== this.turn) return;
        released = true;
        this.free.push(index);
        if (this.running) this.fill();
      },
    };
  }

  private imagesOf({ images, raw }: BatchSlot, count: number): BatchImages {
    const { rawForm, options } = this;
    if (raw === undefined || rawForm === undefined) return images.subarray(0, count * options.size ** 2 * 3);
    const draws = raw.draws.subarray(0, count * DRAWN_NUMBERS);
    if (raw.crops !== undefined) return { bytes: raw.bytes, draws, crops: raw.crops.subarray(0, 2 * count) };
    return { bytes: raw.bytes.subarray(0, rawBytes(count, rawForm.side)), draws };
  }
}

function cropRoomOf(source: PixelSource, size: number, batch: number): CropRoom {
  return source.kind === "memory" ? squareCropRoom(source.side, size) : encodedCropRoom(size, batch);
}
