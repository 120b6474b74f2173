/** What a training has understood before it starts: its data, what becomes of them, its network and its time. */
import type { Augmentation } from "../../data/augmentation/augmentation.js";
import type { ImageSizes, LeftOut, Part, SkippedImage } from "../../data/dataset.js";
import type { RunEstimate } from "../costs/estimate.js";
import type { TrainingOptions } from "../settings/options.js";

export interface TrainingPlan {
  readonly kind: "plan";
  readonly data: string;
  /** "folder of images by class" */
  readonly format: string;
  readonly parts: readonly PlannedPart[];
  readonly classes: readonly PlannedClass[];
  readonly leftOut: readonly LeftOut[];
  /** Images that cannot be read. */
  readonly skipped: { readonly count: number; readonly named: readonly SkippedImage[] };
  readonly sizes?: ImageSizes;
  readonly network: PlannedNetwork;
  readonly mirrored: { readonly on: boolean; readonly reason: string };
  readonly augmentation: Augmentation;
  /** How lopsided classes are made to count alike; absent where they are not. */
  readonly balance?: PlannedBalance;
  readonly batch: number;
  readonly stepsPerEpoch: number;
  readonly epochs: number;
  readonly optimizer: TrainingOptions["optimizer"];
  /** At the peak of the schedule. */
  readonly learningRate: number;
  /** Of a cross-validation; data, steps and estimate are those of one of them. */
  readonly folds?: number;
  /** The trained network that it starts from, and what of it stays. */
  readonly start?: { readonly from: string; readonly freeze?: string };
  /** What the network learns from besides labels. */
  readonly teacher?: string;
  /** The folder of what a teacher has said before. */
  readonly views?: string;
  /** Peak of a training step, a teacher's not counted. */
  readonly memoryBytes: number;
  /** Where it was measured. */
  readonly estimate?: RunEstimate;
  /** What may go wrong with such data, and what to do, in a sentence each. */
  readonly warnings: readonly string[];
}

export interface PlannedPart {
  readonly part: Part;
  readonly images: number;
  /** Where they lie, or how they came about. */
  readonly from: string;
}

export interface PlannedClass {
  readonly name: string;
  /** Images by part. */
  readonly images: Partial<Readonly<Record<Part, number>>>;
}

export interface PlannedNetwork {
  readonly name: string;
  /** Side of its input in pixels. */
  readonly size: number;
  readonly parameters: number;
  readonly ops: number;
}

/** What an image counts in the loss, or how often it is drawn in an epoch, in the smallest class and in the largest. */
export interface PlannedBalance {
  readonly by: "class weights" | "sampler";
  readonly smallest: { readonly name: string; readonly factor: number };
  readonly largest: { readonly name: string; readonly factor: number };
}
