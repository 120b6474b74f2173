/** What a network says of each image of a set, in the set's order: decoded by workers ahead of the kernels, batch by batch. */
import type { Backend } from "../backend/device.js";
import { MemoryScope } from "../backend/scope.js";
import type { ImageSet, SkippedImage } from "../data/dataset.js";
import { LEFT_OUT } from "../data/loading/batch-source.js";
import { Loader, type LoaderOptions } from "../data/loading/loader.js";
import type { Channels } from "../pixels/square.js";
import { RuntimeNetwork } from "../runtime/network.js";
import type { Operation } from "../runtime/operations.js";
import { ImageInput } from "./image-input.js";

/** A folded network, and what becomes of images before it sees them. */
export interface ScoringModel {
  readonly operations: readonly Operation[];
  readonly size: number;
  readonly mean: Channels;
  readonly standardDeviation: Channels;
}

/** `logits`: [classes], valid until the next image is asked for; undefined where the image could not be read. */
export interface ScoredImage {
  readonly index: number;
  readonly label: number;
  readonly logits: Float32Array | undefined;
}

/** Which of so many batches are scored: those from `first` to `end` - 1. */
export type BatchChoice = (batches: number) => { readonly first: number; readonly end: number };

/**
 * Allocates on `backend`, and releases it at the end. `skipped` gains the images that could not be read, before they are yielded.
 *
 * @throws UserError where the set is empty, or more of its images cannot be read than its `maxBadFraction` allows
 */
export async function* scoreImages(
  backend: Backend,
  { operations, size, mean, standardDeviation }: ScoringModel,
  set: ImageSet,
  skipped: SkippedImage[],
  choose: BatchChoice = (batches) => ({ first: 0, end: batches }),
): AsyncGenerator<ScoredImage, void, undefined> {
  const images = Math.max(1, Math.min(set.count, Math.floor(backend.preferences.batchPixels / size ** 2)));
  // The batches are the same whoever scores them: how many images are computed together may show in the last bit.
  const of = Math.ceil(set.count / images);
  const share = { of, ...choose(of) };
  if (set.count > 0 && share.end === share.first) return;
  using _scope = new MemoryScope(backend);
  const options: LoaderOptions = {
    batch: images,
    size,
    mean,
    standardDeviation,
    seed: 0,
    shuffle: false,
    dropLast: false,
    unreadable: "leave out",
    share,
  };
  await using loader = backend.augmentImages === undefined ? new Loader(set, options) : Loader.raw(set, options);
  const network = new RuntimeNetwork(backend, operations, { height: size, width: size, channels: 3 }, images);
  const input = new ImageInput(backend, network.input, loader.rawForm);
  await backend.rehearse?.(() => {
    input.rehearse();
    network.run();
  });
  let first = share.first * images;
  for await (const batch of loader.epoch(0)) {
    input.write(batch.images);
    network.run();
    const logits = (await backend.read(network.output)) as Float32Array;
    const classes = logits.length / images;
    skipped.push(...loader.skipped.slice(skipped.length));
    for (let i = 0; i < batch.count; i++) {
      const wasRead = batch.indices[i] !== LEFT_OUT;
      yield {
        index: first + i,
        label: batch.labels[i],
        logits: wasRead ? logits.subarray(i * classes, (i + 1) * classes) : undefined,
      };
    }
    first += batch.count;
    batch.release();
  }
}
