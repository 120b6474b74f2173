/**
 * Where training takes its batches from. What trains or evaluates knows this alone: the loader prepares batches by workers ahead of
 * the step, and in a page, or over several machines, they may come from elsewhere.
 */
import type { Channels } from "../../pixels/square.js";
import type { Augmentation } from "../augmentation/augmentation.js";
import type { RawImages } from "../augmentation/raw-images.js";
import type { SkippedImage } from "../dataset.js";
import type { ViewPlan } from "../views/view-plan.js";

/** In the place of an image that could not be read and was not replaced; what the batch holds there means nothing. */
export const LEFT_OUT = 0xffffffff;

/** Images that are finished, or that a device finishes. */
export type BatchImages = Float32Array | RawImages;

export interface Batch<Images extends BatchImages = Float32Array> {
  /** [count, size, size, 3], (value / 255 - mean) / standardDeviation; or what these are made of. */
  readonly images: Images;
  /** [count] class of each image. */
  readonly labels: Int32Array;
  /** [count] class of the image mixed into it; `labels` without mixup. */
  readonly mixLabels: Int32Array;
  /** [count] weight of `labels`; the rest is the weight of `mixLabels`; 1 without mixup. */
  readonly mixWeight: Float32Array;
  /** [count, classes] what a teacher says of each image as it is here, in scores; absent where there are no views to look them up. */
  readonly answers?: Float32Array;
  /** [count] index of each image in its set; LEFT_OUT where it is left out. */
  readonly indices: Uint32Array;
  readonly count: number;
  /** Gives the memory back for a later batch; the arrays must not be used after it. */
  release(): void;
}

/** What decides the bits of batches and their order. */
export interface BatchOptions {
  /** Images per batch. */
  readonly batch: number;
  /** Images are delivered as size x size x 3. */
  readonly size: number;
  readonly mean: Channels;
  readonly standardDeviation: Channels;
  /** None for evaluation. */
  readonly augmentation?: Augmentation | undefined;
  readonly seed: number;
  readonly shuffle: boolean;
  /**
   * Where images are shuffled: `balanced` draws all classes equally often, in an epoch of as many images as the set has, so that images of
   * a small class come several times (each time augmented otherwise) and some of a large one not at all.
   */
  readonly sampler?: "balanced" | undefined;
  /** Leaves out the last batch of an epoch where it is not full. */
  readonly dropLast: boolean;
  /** Delivers some of the batches only; default all. */
  readonly share?: BatchShare;
  /**
   * What becomes of an image that cannot be read: its neighbour takes its place (the default), so that batches stay full, or it
   * is left out.
   */
  readonly unreadable?: "replace" | "leave out";
  /** Images as known views of them. */
  readonly views?: ViewPlan | undefined;
}

/**
 * Of every `of` batches in a row those from `first` to `end` - 1, where others take the rest; batches that are fewer than `of` at the end
 * of an epoch are left out.
 */
export interface BatchShare {
  readonly of: number;
  readonly first: number;
  readonly end: number;
}

export interface BatchSource<Images extends BatchImages = Float32Array> extends AsyncDisposable {
  readonly batchesPerEpoch: number;
  /** Images that turned out unreadable since the source was made. */
  readonly skipped: readonly SkippedImage[];
  /**
   * The batches of an epoch, from batch `fromBatch` on: the same bits for the same (seed, epoch), wherever it starts. Each batch must be
   * released; one that is held keeps its memory, and when all memory is held, the next batch fails. Only one epoch may run at a time;
   * starting another invalidates the batches of the last.
   *
   * @throws UserError where more images turn out unreadable than the data set's `maxBadFraction` allows
   */
  epoch(epoch: number, fromBatch?: number): AsyncGenerator<Batch<Images>, void, undefined>;
  close(): Promise<void>;
}
