/** Evaluates a folded network on a set of images, on the kernels that it ships with. */
import type { Backend } from "../backend/device.js";
import type { ImageSet, SkippedImage } from "../data/dataset.js";
import { Calibration } from "../deploy/calibration.js";
import { type ScoringModel, scoreImages } from "../deploy/score-images.js";
import { UserError } from "../errors.js";
import type { ClassResult, DetailedEvaluation, Mistake } from "./records/run-records.js";

const MISTAKES = 24;

export interface EvaluatedModel extends ScoringModel {
  readonly classes: readonly string[];
}

/** @throws UserError where the set is empty or of other classes, or the network's scores are no numbers any more */
export async function evaluateModel(backend: Backend, model: EvaluatedModel, set: ImageSet): Promise<DetailedEvaluation> {
  const largest = set.labels.reduce((most, label) => Math.max(most, label), 0);
  if (largest >= model.classes.length)
    throw new UserError(
      `the images have a class number ${largest}, the network only ${model.classes.length} classes; evaluate it on data ` +
        "of the classes that it was trained on",
    );
  const tally = new Tally(model.classes.length, set);
  const skipped: SkippedImage[] = [];
  for await (const { index, label, logits } of scoreImages(backend, model, set, skipped))
    if (logits !== undefined) tally.add(index, label, logits);
  return { ...tally.result(), skipped };
}

/** By class, in the order of the classes. */
export function resultsByClass({ confusion }: DetailedEvaluation, classes: readonly string[]): readonly ClassResult[] {
  return confusion.map((row, label) => {
    const name = classes[label] as string;
    const images = row.reduce((sum, count) => sum + count, 0);
    if (images === 0) return { name, images };
    const others = row.map((count, predicted) => (predicted === label ? 0 : count));
    const most = Math.max(...others);
    const takenFor = most === 0 ? {} : { takenFor: { name: classes[others.indexOf(most)] as string, images: most } };
    return { name, images, top1: (row[label] as number) / images, ...takenFor };
  });
}

/** Counts what the logits of one image after the other say. */
class Tally {
  private images = 0;
  private loss = 0;
  private top1 = 0;
  private top5 = 0;
  private readonly confusion: number[][];
  private readonly mistakes: Mistake[] = [];
  private readonly calibration = new Calibration();

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
        `the network's scores of ${this.set.nameOf(index)} are not finite numbers: its training diverged; train it with ` +
          "a lower learning rate",
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
    this.calibration.add(1 / total, rank < 1);
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
    const { images, loss, top1, top5, confusion, mistakes, calibration } = this;
    const shares = { loss: loss / images, top1: top1 / images, top5: top5 / images, calibrationError: calibration.error };
    return { images, ...shares, confusion, mistakes };
  }
}
