/**
 * Batches of normalized float32 images, prepared by workers ahead of the training step. The bits and the order of batches depend
 * on (seed, epoch) alone: not on the number of workers, nor on where in an epoch a run was resumed.
 */
import { availableParallelism } from "node:os";
import { UserError } from "../../errors.js";
import type { Channels } from "../../pixels/square.js";
import type { Augmentation } from "../augmentation/augmentation.js";
import { checkAugmentation } from "../augmentation/augmentation.js";
import type { ImageSet, PixelSource, SkippedImage } from "../dataset.js";
import type { ByteRange } from "../decoding/encoded-images.js";
import { requireFewSkipped } from "../decoding/skipped-images.js";
import { Random } from "../random.js";
import { bufferShuffle, byteRanges, SHUFFLE_BUFFER, shardSequence } from "../shards/shard-order.js";
import { type BatchSlot, batchSlots } from "./batch-ring.js";
import { LoaderPool } from "./loader-pool.js";

/** Keeps the draws of the order apart from those of augmentation. */
const ORDER_STREAM = 0x6f726465;

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
  private readonly options: LoaderOptions;
  private readonly count: number;
  private readonly slots: readonly BatchSlot[];
  private readonly pool: LoaderPool;
  /** Slots that no batch of the running epoch holds. */
  private readonly free: number[] = [];
  /** Slots in the order of their batches, from the next to be delivered. */
  private readonly ahead: number[] = [];
  private readonly order: Uint32Array;
  private readonly source: PixelSource;
  /** Samples of shards in the order in which they are read ahead. */
  private sequence: Uint32Array = new Uint32Array(0);
  /** How far in it they have been read ahead. */
  private readTo = 0;
  private running = false;
  private runningEpoch = 0;
  private nextBatch = 0;
  /** Counts calls of `epoch`, so that batches of an earlier one cannot give back a slot of this one. */
  private turn = 0;

  /** @throws UserError where the options do not fit the set */
  constructor(set: ImageSet, options: LoaderOptions) {
    const { batch, size, augmentation } = options;
    if (!Number.isInteger(batch) || batch < 1)
      throw new UserError(`the batch is ${batch}, but must be a whole number of images, at least 1`);
    if (set.count === 0) throw new UserError("there are no images to load: the set is empty");
    if (options.dropLast && batch > set.count) {
      throw new UserError(`the batch of ${batch} is larger than the data, ${set.count} images: choose a smaller batch`);
    }
    if (augmentation !== undefined) checkAugmentation(augmentation, size);
    this.options = options;
    this.count = set.count;
    this.order = new Uint32Array(set.count);
    this.source = set.source;
    this.batchesPerEpoch = options.dropLast ? Math.floor(set.count / batch) : Math.ceil(set.count / batch);
    const shape = { slots: options.ahead ?? 3, batch, size };
    const { memory, slots } = batchSlots(shape);
    this.slots = slots;
    const workers = options.workers ?? (set.source.kind === "memory" ? 1 : Math.min(8, availableParallelism()));
    const plan = {
      source: set.source,
      labels: set.labels,
      shape,
      memory,
      mean: options.mean,
      deviation: options.deviation,
      augmentation,
      seed: options.seed,
    };
    this.pool = new LoaderPool(workers, plan, (index) => set.nameOf(index));
  }

  /** Images that turned out unreadable and were replaced by their neighbour, since the loader was made. */
  get skipped(): readonly SkippedImage[] {
    return this.pool.skipped;
  }

  /**
   * The batches of an epoch, from batch `fromBatch` on. Each batch must be released; one that is held keeps its slot, and when all `ahead` slots
   * are held, the next batch fails. Only one epoch may run at a time; starting another invalidates the batches of the last.
   *
   * @throws UserError where more images turn out unreadable than the data set's `maxBadFraction` allows
   */
  async *epoch(epoch: number, fromBatch = 0): AsyncGenerator<Batch, void, undefined> {
    if (this.running) throw new Error("an epoch of this loader is still running");
    this.running = true;
    this.turn++;
    this.runningEpoch = epoch;
    this.nextBatch = fromBatch;
    this.free.splice(0, this.free.length, ...this.slots.keys());
    this.ahead.length = 0;
    this.setOrder(epoch);
    this.readTo = fromBatch * this.options.batch;
    this.pool.hold();
    try {
      this.fill();
      for (let batch = fromBatch; batch < this.batchesPerEpoch; batch++) {
        const slot = this.ahead.shift();
        if (slot === undefined) throw new Error("all batches of the loader are held: release() them before asking for more");
        await this.pool.finished(slot);
        if (this.source.kind !== "memory") requireFewSkipped("to load", this.skipped, this.count, this.source.maxBadFraction);
        yield this.deliver(slot, batch);
      }
    } finally {
      this.nextBatch = this.batchesPerEpoch;
      await this.pool.settled();
      this.pool.letGo();
      this.running = false;
    }
  }

  /** Stops the workers. */
  async close(): Promise<void> {
    await this.pool.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private setOrder(epoch: number): void {
    for (let index = 0; index < this.count; index++) this.order[index] = index;
    this.sequence = this.order;
    if (!this.options.shuffle) return;
    const random = new Random(this.options.seed, epoch, ORDER_STREAM);
    if (this.source.kind === "shards") {
      this.sequence = shardSequence(this.source, random);
      bufferShuffle(this.sequence, SHUFFLE_BUFFER, random, this.order);
    } else {
      random.shuffle(this.order);
    }
  }

  /** What enters the buffer of the shuffle before batch `batch` and a few more are drawn, and was not read before. */
  private readAhead(batch: number): readonly ByteRange[] {
    if (this.source.kind !== "shards") return [];
    const drawn = (batch + 1 + this.slots.length) * this.options.batch;
    const first = this.readTo;
    this.readTo = Math.min(this.count, drawn + (this.options.shuffle ? SHUFFLE_BUFFER : 0));
    return byteRanges(this.source, this.sequence, first, this.readTo);
  }

  /** Hands every free slot to the workers, as long as the epoch has batches left. */
  private fill(): void {
    while (this.nextBatch < this.batchesPerEpoch) {
      const index = this.free.shift();
      if (index === undefined) return;
      const slot = this.slots[index];
      const start = this.nextBatch * this.options.batch;
      const indices = this.order.subarray(start, start + this.options.batch);
      slot.indices.set(indices);
      this.pool.prepare(index, slot, this.runningEpoch, indices.length, this.readAhead(this.nextBatch));
      this.ahead.push(index);
      this.nextBatch++;
    }
  }

  private deliver(index: number, batch: number): Batch {
    const slot = this.slots[index];
    const size = this.options.size;
    const count = Math.min(this.options.batch, this.count - batch * this.options.batch);
    const turn = this.turn;
    let released = false;
    return {
      images: slot.images.subarray(0, count * size * size * 3),
      labels: slot.labels.subarray(0, count),
      mixLabels: slot.mixLabels.subarray(0, count),
      mixWeight: slot.mixWeight.subarray(0, count),
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
}
