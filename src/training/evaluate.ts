/** Evaluates a folded network on a set of images, on the kernels that it ships with. */
import type { Backend } from "../backend/device.js";
import { ALONE } from "../cluster/alone.js";
import { type Communicator, gatherValues } from "../cluster/communicator.js";
import { shareOf } from "../cluster/ordered-sum.js";
import type { ImageSet, SkippedImage } from "../data/dataset.js";
import { Calibration } from "../deploy/calibration.js";
import { type ScoringModel, scoreImages } from "../deploy/score-images.js";
import { UserError } from "../errors.js";
import type { ClassResult, DetailedEvaluation, Mistake } from "./records/run-records.js";

const MISTAKES = 24;

export interface EvaluatedModel extends ScoringModel {
  readonly classes: readonly string[];
}

/**
 * @param communicator processes that have the images between them, and all get the result, to the bit that of one alone
 * @throws UserError where the set is empty or of other classes, or the network's scores are no numbers any more
 */
export async function evaluateModel(
  backend: Backend,
  model: EvaluatedModel,
  set: ImageSet,
  communicator: Communicator = ALONE,
): Promise<DetailedEvaluation> {
  const largest = set.labels.reduce((most, label) => Math.max(most, label), 0);
  if (largest >= model.classes.length)
    throw new UserError(
      `the images have a class number ${largest}, the network only ${model.classes.length} classes; evaluate it on data ` +
        "of the classes that it was trained on",
    );
  const { rank, size } = communicator;
  const answers: number[] = [];
  const own: SkippedImage[] = [];
  for await (const { index, label, logits } of scoreImages(backend, model, set, own, (batches) => shareOf(batches, rank, size)))
    if (logits !== undefined) answers.push(...answerTo(index, label, logits, set));
  // Losses are added up image by image, in the order of the images, whoever has seen them.
  const all = await communicator.gather(new Uint8Array(Float64Array.from(answers).buffer));
  const tally = new Tally(model.classes.length, set);
  for (const bytes of all) {
    const numbers = new Float64Array(bytes.slice().buffer);
    for (let at = 0; at < numbers.length; at += ANSWER_NUMBERS) tally.add(...answerAt(numbers, at));
  }
  const skipped = size === 1 ? own : (await gatherValues(communicator, own)).flat();
  return { ...tally.result(), skipped };
}

/** What counts of an image: its index and label, the predicted class and its probability, the loss, and how many classes are ahead. */
type Answer = readonly [index: number, label: number, predicted: number, score: number, loss: number, rank: number];

const ANSWER_NUMBERS = 6;

function answerAt(numbers: Float64Array, at: number): Answer {
  const [index, label, predicted, score, loss, rank] = numbers.subarray(at, at + ANSWER_NUMBERS);
  return [index, label, predicted, score, loss, rank];
}

function answerTo(index: number, label: number, logits: Float32Array, set: ImageSet): Answer {
  const own = logits[label] as number;
  // Loops, and no function for each score: with thousands of classes these take most of an evaluation.
  let [predicted, highest] = [0, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] as number;
    // Not a number compares as neither above nor below, and would count as right.
    if (!Number.isFinite(logit))
      throw new UserError(
        `the network's scores of ${set.nameOf(index)} are not finite numbers: its training diverged; train it with ` +
          "a lower learning rate",
      );
    if (logit > highest) [predicted, highest] = [i, logit];
  }
  // Ties count as lost to the classes before.
  let [total, rank] = [0, 0];
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] as number;
    total += Math.exp(logit - highest);
    if (logit > own || (logit === own && i < label)) rank++;
  }
  return [index, label, predicted, 1 / total, Math.log(total) + highest - own, rank];
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

/** Counts the answers to one image after the other. */
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

  add(...[index, label, predicted, score, loss, rank]: Answer): void {
    this.images++;
    this.loss += loss;
    if (rank < 1) this.top1++;
    if (rank < 5) this.top5++;
    this.calibration.add(score, rank < 1);
    const row = this.confusion[label] as number[];
    row[predicted] = (row[predicted] as number) + 1;
    if (rank > 0) this.keep({ index, name: this.set.nameOf(index), label, predicted, score });
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
