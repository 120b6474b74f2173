/** How far a run has come: what a checkpoint records besides tensors, and the plain arithmetic of steps and epochs on it. */
import { z } from "zod";
import type { Evaluation, StepProgress } from "../records/run-records.js";
import type { TrainingOptions } from "../settings/options.js";
import { stageAt, stageNumber, trainingStages } from "./stages.js";
import type { StepTotals } from "./training-step.js";

export const progressSchema = z.strictObject({
  /** Finished epochs. */
  epoch: z.int().min(0),
  /** Finished steps of the epoch under way. */
  step: z.int().min(0),
  /** Of the epoch under way. */
  lossSum: z.number(),
  correct: z.number(),
  seconds: z.number(),
  /** Of the whole run. */
  totalSeconds: z.number(),
  /** Validation top-1 of the best epoch, -1 before the first. */
  bestTop1: z.number(),
  /** Its validation loss, which decides between epochs of the same top-1. */
  bestLoss: z.number().default(Number.MAX_VALUE),
  bestEpoch: z.int().min(0),
});

export type Progress = z.output<typeof progressSchema>;

export const START: Progress = {
  epoch: 0,
  step: 0,
  lossSum: 0,
  correct: 0,
  seconds: 0,
  totalSeconds: 0,
  bestTop1: -1,
  bestLoss: Number.MAX_VALUE,
  bestEpoch: 0,
};

/** `totals`: of all steps of the epoch up to this one. */
export function afterStep(progress: Progress, totals: StepTotals, seconds: number): Progress {
  return {
    ...progress,
    ...totals,
    step: progress.step + 1,
    seconds: progress.seconds + seconds,
    totalSeconds: progress.totalSeconds + seconds,
  };
}

/** Of fewer, an image is more than 2 %: which epoch is the best is then chance more than learning (docs/small-data.md). */
const ENOUGH_TO_CHOOSE = 50;

/** Whether validation decides which epoch ships, and not only says how good it is; who sets a patience lets it decide. */
export function choosesEpoch(validationImages: number, { patience }: Pick<TrainingOptions, "patience">): boolean {
  return validationImages > 0 && (validationImages >= ENOUGH_TO_CHOOSE || patience > 0);
}

/** What decides which epoch's network ships, of its validation. */
export type Score = Pick<Evaluation, "top1" | "loss">;

/**
 * Whether an epoch is the best so far: by top-1; of those with the same, which a small validation set has many of, by loss, and then the
 * later one, which has learned longer. Without a score, where validation does not choose, the last one always is.
 */
export function isBest({ bestTop1, bestLoss }: Progress, score: Score | undefined): boolean {
  if (score === undefined) return true;
  return score.top1 > bestTop1 || (score.top1 === bestTop1 && score.loss <= bestLoss);
}

/** `isBestSoFar`: whether its network is the one to ship so far; `seconds`: of what followed the last step. */
export function afterEpoch(progress: Progress, isBestSoFar: boolean, score: Score | undefined, seconds: number): Progress {
  const epoch = progress.epoch + 1;
  const { bestTop1, bestLoss, bestEpoch } = progress;
  const best = isBestSoFar
    ? { bestTop1: score?.top1 ?? 0, bestLoss: score?.loss ?? 0, bestEpoch: epoch }
    : { bestTop1, bestLoss, bestEpoch };
  return { ...START, epoch, totalSeconds: progress.totalSeconds + seconds, ...best };
}

/** All epochs are done, or none of the last `patience` was better than the best. */
export function isFinished({ epoch, bestEpoch }: Progress, options: TrainingOptions, hasValidation: boolean): boolean {
  const { patience, epochs } = options;
  const { firstEpoch = 0 } = trainingStages(options).at(-1) ?? {};
  const waited = epoch - Math.max(firstEpoch, bestEpoch);
  return epoch >= epochs || (patience > 0 && hasValidation && waited >= patience);
}

/** What onStep is told; `steps` are those of an epoch. */
export function stepProgress(progress: Progress, options: TrainingOptions, steps: number): StepProgress {
  const { epochs, batch } = options;
  const { epoch, step, lossSum, seconds } = progress;
  const perStep = seconds / step;
  const secondsLeft = perStep * ((epochs - epoch) * steps - step);
  return {
    ...stageNumber(stageAt(options, epoch)),
    epoch: epoch + 1,
    epochs,
    step,
    steps,
    loss: lossSum / step,
    imagesPerSecond: batch / perStep,
    secondsLeft,
  };
}
