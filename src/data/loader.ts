/**
 * Batches of normalized float32 images, prepared by workers ahead of the training step. The bits and the order of batches depend
 * on (seed, epoch) alone: not on the number of workers, nor on where in an epoch a run was resumed.
 */
import { availableParallelism } from "node:os";
import { UserError } from "../errors.js";
import type { Augmentation } from "./augmentation.js";
import { checkAugmentation } from "./augmentation.js";
import { type BatchSlot, batchSlots } from "./batch-ring.js";
import type { Channels, ImageSet, SkippedImage } from "./dataset.js";
import { LoaderPool } from "./loader-pool.js";
import { Random } from "./random.js";

/** Keeps the draws of the order apart from those of augmentation. */
const orderStream = 0x6f726465;

export interface LoaderOptions {
  /** Images per batch. */
  readonly batch: number;
  /** Images are delivered as size x size x 3. */
  readonly size: number;
  readonly mean: Channels;
  readonly deviation: Channels;
  /** None for evaluation. */
  readonly augmentation?: Augmentation | undefined;
  readonly seed: number;
  readonly shuffle: boolean;
  /** Leaves out the last batch of an epoch where it is not full. */
  readonly dropLast: boolean;
  /** Default: 1 where images are in memory, else one a core, at most 8. */
  readonly workers?: number;
  /** Batches kept ready or in work; default 3. */
  readonly ahead?: number;
}

export interface Batch {
  /** [count, size, size, 3], (value / 255 - mean) / deviation. */
  readonly images: Float32Array;
  /** [count] class of each image. */
  readonly labels: Int32Array;
  /** [count] class of the image mixed into it; `labels` without mixup. */
  readonly mixLabels: Int32Array;
  /** [count] weight of `labels`; the rest is the weight of `mixLabels`; 1 without mixup. */
  readonly mixWeight: Float32Array;
  /** [count] index of each image in its set. */
  readonly indices: Uint32Array;
  readonly count: number;
  /** Gives the memory back for a later batch; the arrays must not be used after it. */
  release(): void;
}

export class Loader {
  readonly batchesPerEpoch: number;
  readonly #options: LoaderOptions;
  readonly #count: number;
  readonly #slots: readonly BatchSlot[];
  readonly #pool: LoaderPool;
  /** Slots that no batch of the running epoch holds. */
  readonly #free: number[] = [];
  /** Slots in the order of their batches, from the next to be delivered. */
  readonly #ahead: number[] = [];
  readonly #order: Uint32Array;
  #running = false;
  #epoch = 0;
  #nextBatch = 0;
  /** Counts calls of `epoch`, so that batches of an earlier one cannot give back a slot of this one. */
  #turn = 0;

  /** @throws UserError where the options do not fit the set */
  constructor(set: ImageSet, options: LoaderOptions) {
    const { batch, size, augmentation } = options;
    if (!Number.isInteger(batch) || batch < 1)
      throw new UserError(`the batch is ${String(batch)}, but must be a whole number of images, at least 1`);
    if (set.count === 0) throw new UserError("there are no images to load: the set is empty");
    if (options.dropLast && batch > set.count) {
      throw new UserError(
        `the batch of ${String(batch)} is larger than the data, ${String(set.count)} images: choose a smaller batch`,
      );
    }
    if (augmentation !== undefined) checkAugmentation(augmentation, size);
    this.#options = options;
    this.#count = set.count;
    this.#order = new Uint32Array(set.count);
    this.batchesPerEpoch = options.dropLast ? Math.floor(set.count / batch) : Math.ceil(set.count / batch);
    const shape = { slots: options.ahead ?? 3, batch, size };
    const { memory, slots } = batchSlots(shape);
    this.#slots = slots;
    const workers = options.workers ?? (set.source.kind === "memory" ? 1 : Math.min(8, availableParallelism()));
    this.#pool = new LoaderPool(workers, {
      source: set.source,
      labels: set.labels,
      shape,
      memory,
      mean: options.mean,
      deviation: options.deviation,
      augmentation,
      seed: options.seed,
    });
  }

  /** Files that turned out unreadable and were replaced by their neighbour, since the loader was made. */
  get skipped(): readonly SkippedImage[] {
    return this.#pool.skipped;
  }

  /**
   * The batches of an epoch, from batch `fromBatch` on. Each batch must be released; one that is held keeps its slot, and when all `ahead` slots
   * are held, the next batch fails. Only one epoch may run at a time; starting another invalidates the batches of the last.
   */
  async *epoch(epoch: number, fromBatch = 0): AsyncGenerator<Batch, void, undefined> {
    if (this.#running) throw new Error("an epoch of this loader is still running");
    this.#running = true;
    this.#turn++;
    this.#epoch = epoch;
    this.#nextBatch = fromBatch;
    this.#free.splice(0, this.#free.length, ...this.#slots.keys());
    this.#ahead.length = 0;
    this.#setOrder(epoch);
    this.#pool.hold();
    try {
      this.#fill();
      for (let batch = fromBatch; batch < this.batchesPerEpoch; batch++) {
        const slot = this.#ahead.shift();
        if (slot === undefined) throw new Error("all batches of the loader are held: release() them before asking for more");
        await this.#pool.finished(slot);
        yield this.#deliver(slot, batch);
      }
    } finally {
      this.#nextBatch = this.batchesPerEpoch;
      await this.#pool.settled();
      this.#pool.letGo();
      this.#running = false;
    }
  }

  /** Stops the workers. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #setOrder(epoch: number): void {
    for (let index = 0; index < this.#count; index++) this.#order[index] = index;
    if (this.#options.shuffle) new Random(this.#options.seed, epoch, orderStream).shuffle(this.#order);
  }

  /** Hands every free slot to the workers, as long as the epoch has batches left. */
  #fill(): void {
    while (this.#nextBatch < this.batchesPerEpoch) {
      const index = this.#free.shift();
      if (index === undefined) return;
      const slot = this.#slots[index];
      const start = this.#nextBatch * this.#options.batch;
      const indices = this.#order.subarray(start, start + this.#options.batch);
      slot.indices.set(indices);
      this.#pool.prepare(index, slot, this.#epoch, indices.length);
      this.#ahead.push(index);
      this.#nextBatch++;
    }
  }

  #deliver(index: number, batch: number): Batch {
    const slot = this.#slots[index];
    const size = this.#options.size;
    const count = Math.min(this.#options.batch, this.#count - batch * this.#options.batch);
    const turn = this.#turn;
    let released = false;
    return {
      images: slot.images.subarray(0, count * size * size * 3),
      labels: slot.labels.subarray(0, count),
      mixLabels: slot.mixLabels.subarray(0, count),
      mixWeight: slot.mixWeight.subarray(0, count),
      indices: slot.indices.subarray(0, count),
      count,
      release: () => {
        if (released || turn !== this.#turn) return;
        released = true;
        this.#free.push(index);
        if (this.#running) this.#fill();
      },
    };
  }
}
