/** What an epoch came to, as it is yielded and written down. */
import type { SkippedImage } from "../../data/dataset.js";
import type { Progress } from "../stage/progress.js";
import type { EpochEnd } from "../stage/stage-run.js";
import { stageNumber, type TrainingStage } from "../stage/stages.js";
import type { DetailedEvaluation, EpochRecord, Evaluation } from "./run-records.js";

/** Enough to see what is wrong; metrics.jsonl is no list of files. */
const NAMED_SKIPPED = 5;

/** An epoch that has ended, with what was found out of it. */
export interface EndedEpoch {
  readonly stage: TrainingStage;
  /** After its last step. */
  readonly progress: Progress;
  readonly batch: number;
  readonly end: Omit<EpochEnd, "operations">;
  readonly validation: DetailedEvaluation | undefined;
  /** In training. */
  readonly skipped: readonly SkippedImage[];
}

export function epochRecord({ stage, progress, batch, end, validation, skipped }: EndedEpoch): EpochRecord {
  const { epoch, step: steps, lossSum, correct, seconds } = progress;
  const images = steps * batch;
  return {
    kind: "epoch",
    index: epoch + 1,
    ...stageNumber(stage),
    steps,
    learningRate: end.learningRate,
    trainLoss: lossSum / steps,
    trainTop1: correct / images,
    ...(validation === undefined ? {} : { validation: summaryOf(validation) }),
    imagesPerSecond: images / seconds,
    seconds,
    flipRatio: end.flipRatio,
    positiveShare: end.positiveShare,
    ...skippedIn([...skipped, ...(validation?.skipped ?? [])]),
  };
}

/** What a line holds of an evaluation. */
export function summaryOf({ images, loss, top1, top5 }: DetailedEvaluation): Evaluation {
  return { images, loss, top1, top5 };
}

function skippedIn(images: readonly SkippedImage[]): Pick<EpochRecord, "skipped"> {
  return images.length === 0 ? {} : { skipped: { count: images.length, named: images.slice(0, NAMED_SKIPPED) } };
}
