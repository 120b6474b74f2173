/**
 * What is usual for data and network where a person has said nothing else: how images are augmented, a batch that they can fill, how long,
 * and the rate.
 */
import type { Augmentation } from "../../data/augmentation/augmentation.js";
import type { Dataset } from "../../data/dataset.js";
import type { NetworkDescription } from "../../networks/description.js";
import { LARGE_SIDE } from "../../pixels/square.js";
import { type TrainingOptions, trainingSchema } from "./options.js";

/** Smallest share of an image's area that a random resized crop takes, after Szegedy et al. 2015. */
export const SMALLEST_CROP = 0.08;
const CROP_RATIO = [3 / 4, 4 / 3] as const;

/** Measured on CIFAR-10: of few images large batches learn too little (docs/small-data.md). */
const STEPS_PER_EPOCH = 25;
const SMALLEST_BATCH = 16;
/** A run from scratch has as many steps, if that takes no more epochs than this. */
const STEPS = 720;
const MOST_EPOCHS = 120;
/** Measured on CIFAR-10 (docs/fine-tuning.md): higher rates forget more of the start. */
const RATE_FROM_START = 3e-3;
/** Channels of the first stage of networks for which Adam's standard rate was chosen (docs/short-runs.md). */
const NARROW = 16;

/** What is asked of the settings that a person has chosen: whether the run starts from a trained network, its batch and its optimizer. */
interface Chosen {
  readonly from?: unknown;
  readonly batch?: number | undefined;
  readonly optimizer?: TrainingOptions["optimizer"] | undefined;
}

export function standardSettings(
  data: Dataset,
  description: NetworkDescription,
  own: Chosen = {},
): Pick<TrainingOptions, "batch" | "augmentation" | "epochs" | "learningRate"> {
  const crop = data.size >= LARGE_SIDE ? resizedCrop(SMALLEST_CROP) : ({ kind: "pad", padding: data.size >> 3 } as const);
  const augmentation = { flip: data.mirroring.allowed, crop };
  const { count } = data.train;
  const enough = Math.max(SMALLEST_BATCH, powerOfTwo(count / STEPS_PER_EPOCH));
  const standard = trainingSchema.parse({});
  const batch = Math.min(standard.batch, enough, powerOfTwo(count));
  if (own.from !== undefined) return { batch, augmentation, epochs: standard.epochs, learningRate: RATE_FROM_START };
  const steps = Math.max(1, Math.floor(count / (own.batch ?? batch)));
  const epochs = Math.max(standard.epochs, Math.min(MOST_EPOCHS, Math.ceil(STEPS / steps)));
  return { batch, augmentation, epochs, learningRate: standardRate(description, own.optimizer) };
}

/**
 * The rate at the peak of the schedule, in two digits. An update of Adam is as large for each of a filter's weights, however many there
 * are: where updates agree, what they change in a sum grows with the width, and the sum of as many signs with its root. So the rate falls
 * with the root of the width.
 */
export function standardRate({ stages }: NetworkDescription, optimizer?: TrainingOptions["optimizer"]): number {
  const standard = trainingSchema.parse({});
  const [first = { channels: NARROW }] = stages;
  if ((optimizer ?? standard.optimizer) !== "adam") return standard.learningRate;
  return Number((standard.learningRate * Math.min(1, Math.sqrt(NARROW / first.channels))).toPrecision(2));
}

/** The largest that is not above `count`. */
function powerOfTwo(count: number): number {
  return 2 ** Math.floor(Math.log2(Math.max(1, count)));
}

export function resizedCrop(smallest: number): NonNullable<Augmentation["crop"]> {
  return { kind: "resized", scale: [smallest, 1], ratio: CROP_RATIO };
}
