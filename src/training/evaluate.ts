/** Evaluates a folded network on a set of images, on the kernels that it ships with. */
import type { Backend } from "../backend/device.js";
import type { ImageSet } from "../data/dataset.js";
import { Loader } from "../data/loading/loader.js";
import { UserError } from "../errors.js";
import type { Channels } from "../pixels/square.js";
import { RuntimeNetwork } from "../runtime/network.js";
import type { Operation } from "../runtime/operations.js";
import type { DetailedEvaluation, Mistake } from "./records/run-records.js";

/** Pixels a batch: maps of so many stay in the second-level cache. With six times as many, an image of 32 x 32 takes a third longer. */
export const BATCH_PIXELS = 1 << 14;
const MISTAKES = 24;

export interface EvaluatedModel {
  readonly operations: readonly Operation[];
  readonly classes: readonly string[];
  readonly size: number;
  readonly mean: Channels;
  readonly deviation: Channels;
}

/** @throws UserError where the set is empty or of other classes, or the network's scores are no numbers any more */
export async function evaluateModel(backend: Backend, model: EvaluatedModel, set: ImageSet): Promise<DetailedEvaluation> {
  const { size, mean, deviation, operations } = model;
  const largest = set.labels.reduce((most, label) => Math.max(most, label), 0);
  if (largest >= model.classes.length)
    throw new UserError(
      `the images have a class number ${largest}, the network only ${model.classes.length} classes; evaluate it on data of the classes that it was trained on`,
    );
  const images = Math.max(1, Math.min(set.count, Math.floor(BATCH_PIXELS / size ** 2)));
  const mark = backend.mark();
  const loader = new Loader(set, {
    batch: images,
    size,
    mean,
    deviation,
    seed: 0,
    shuffle: false,
    dropLast: false,
  });
  try {
    const network = new RuntimeNetwork(backend, operations, { height: size, width: size, channels: 3 }, images);
    const tally = new Tally(model.classes.length, set);
    const input = new Float32Array(network.images * size * size * 3);
    let first = 0;
    for await (const batch of loader.epoch(0)) {
      input.set(batch.images);
      backend.write(network.input, input);
      network.run();
      const logits = (await backend.read(network.output)) as Float32Array;
      for (let i = 0; i < batch.count; i++) {
        const index = batch.indices[i] as number;
        // An image that cannot be read was replaced by its neighbour, which has its own turn.
        if (index !== first + i) continue;
        tally.add(index, batch.labels[i] as number, logits.subarray(i * tally.classes, (i + 1) * tally.classes));
      }
      first += batch.count;
      batch.release();
    }
    return { ...tally.result(), skipped: loader.skipped };
  } finally {
    await loader.close();
    backend.release(mark);
  }
}

/** Counts what the logits of one image after the other say. */
class Tally {
  private images = 0;
  private loss = 0;
  private top1 = 0;
  private top5 = 0;
  private readonly confusion: number[][];
  private readonly mistakes: Mistake[] = [];

  constructor(
    readonly classes: number,
    private readonly set: ImageSet,
  ) {
    this.confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  }

  add(index: number, label: number, logits: Float32Array): void {
    // Not a number compares as neither above nor below, and would count as right.
    if (!logits.every(Number.isFinite))
      throw new UserError(
        `the network's scores of ${this.set.nameOf(index)} are not finite numbers: its training diverged; train it with a lower learning rate`,
      );
    const predicted = logits.indexOf(Math.max(...logits));
    const own = logits[label] as number;
    const highest = logits[predicted] as number;
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0);
    this.images++;
    this.loss += Math.log(total) + highest - own;
    // Ties count as lost to the classes before.
    const rank = logits.reduce((ahead, logit, i) => ahead + (logit > own || (logit === own && i < label) ? 1 : 0), 0);
    if (rank < 1) this.top1++;
    if (rank < 5) this.top5++;
    const row = this.confusion[label] as number[];
    row[predicted] = (row[predicted] as number) + 1;
    if (rank > 0) this.keep({ index, name: this.set.nameOf(index), label, predicted, score: 1 / total });
  }

  private keep(mistake: Mistake): void {
    const { mistakes } = this;
    if (mistakes.length === MISTAKES && (mistakes.at(-1)?.score ?? 0) >= mistake.score) return;
    const place = mistakes.findIndex(({ score }) => score < mistake.score);
    mistakes.splice(place < 0 ? mistakes.length : place, 0, mistake);
    if (mistakes.length > MISTAKES) mistakes.pop();
  }

  result(): Omit<DetailedEvaluation, "skipped"> {
    const { images, loss, top1, top5, confusion, mistakes } = this;
    return { images, loss: loss / images, top1: top1 / images, top5: top5 / images, confusion, mistakes };
  }
}
