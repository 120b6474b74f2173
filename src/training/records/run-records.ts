/**
 * What a training run says about itself: the lines of metrics.jsonl, what the report draws and what `for await (const epoch of trainer)`
 * yields.
 */

import type { SkippedImage } from "../../data/dataset.js";

/** How well a folded network does on a set of images. */
export interface Evaluation {
  readonly images: number;
  /** Mean cross-entropy, nats. */
  readonly loss: number;
  /** Shares, 0 to 1. */
  readonly top1: number;
  readonly top5: number;
}

/** An image that was classified wrongly, most confident first. */
export interface Mistake {
  readonly index: number;
  readonly name: string;
  readonly label: number;
  readonly predicted: number;
  /** Probability given to the wrong class. */
  readonly score: number;
}

export interface DetailedEvaluation extends Evaluation {
  /** Expected calibration error, 0 to 1: how far scores are from the share of right answers among those with such scores. */
  readonly calibrationError: number;
  /** confusion[label][predicted], in images. */
  readonly confusion: readonly (readonly number[])[];
  readonly mistakes: readonly Mistake[];
  /** Images that could not be read and do not count. */
  readonly skipped: readonly SkippedImage[];
}

/** How a class fares in an evaluation. */
export interface ClassResult {
  readonly name: string;
  readonly images: number;
  /** Share of them that is classified rightly; undefined where there are none. */
  readonly top1?: number;
  /** The class that most of its other images are taken for. */
  readonly takenFor?: { readonly name: string; readonly images: number };
}

/** Images that could not be read: how many, and the first few by name. */
export interface SkippedSummary {
  readonly count: number;
  readonly named: readonly SkippedImage[];
}

/** One epoch, as `for await` yields it and as metrics.jsonl holds it. */
export interface EpochRecord {
  readonly kind: "epoch";
  /** From 1, over all stages. */
  readonly index: number;
  /** From 1; absent where there is one only. In the first of two, weights are real. */
  readonly stage?: number;
  readonly steps: number;
  readonly learningRate: number;
  /** Mean over the epoch's steps, on augmented images. */
  readonly trainLoss: number;
  readonly trainTop1: number;
  /**
   * Of the folded network, with averaged weights where they are on; in a first stage with its real weights. Absent without validation
   * images.
   */
  readonly validation?: Evaluation;
  readonly imagesPerSecond: number;
  readonly seconds: number;
  /** By binary layer: share of its weights whose sign changed, per step, mean over the epoch. */
  readonly flipRatio: Readonly<Record<string, number>>;
  /** By binary layer: share of +1 among its input signs, in the epoch's last step. */
  readonly positiveShare: Readonly<Record<string, number>>;
  /** Training and validation images that could not be read since the run was started or resumed; absent where all could. */
  readonly skipped?: SkippedSummary;
}

/** First line of metrics.jsonl. */
export interface RunRecord {
  readonly kind: "run";
  readonly version: string;
  readonly startedAt: string;
  readonly network: string;
  readonly classes: readonly string[];
  readonly data: {
    readonly name: string;
    readonly train: number;
    readonly validation: number;
    readonly test: number;
    /** Share of the training images that was held out, where that is known. */
    readonly validationFraction?: number;
  };
  /** Where the run was started by one. */
  readonly recipe?: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly backend: string;
}

/** Last line of metrics.jsonl: the shipped network on the test images, or on the validation images where there are none. */
export interface ResultRecord {
  readonly kind: "result";
  readonly set: "test" | "validation";
  readonly evaluation: Evaluation;
  readonly bestEpoch: number;
  readonly seconds: number;
  readonly modelBytes: number;
}

export type MetricsRecord = RunRecord | EpochRecord | ResultRecord;

/** Said after every step. */
export interface StepProgress {
  /** From 1; absent where there is one only. */
  readonly stage?: number;
  readonly epoch: number;
  readonly epochs: number;
  /** Step within the epoch, from 1. */
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  readonly imagesPerSecond: number;
  /** If all epochs are like this one; those of a second stage are faster. */
  readonly secondsLeft: number;
  /** Of several processes the one that took longest for its parts of the step, and how many images a second it computes. */
  readonly slowest?: { readonly rank: number; readonly host: string; readonly imagesPerSecond: number };
}
