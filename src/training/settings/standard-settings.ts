/** What is usual for the data where a person has said nothing else: how images are augmented, and a batch that they can fill. */
import type { Augmentation } from "../../data/augmentation/augmentation.js";
import type { Dataset } from "../../data/dataset.js";
import { LARGE_SIDE } from "../../pixels/square.js";
import { type TrainingOptions, trainingSchema } from "./options.js";

/** Smallest share of an image's area that a random resized crop takes, after Szegedy et al. 2015. */
export const SMALLEST_CROP = 0.08;
const CROP_RATIO = [3 / 4, 4 / 3] as const;

export function standardSettings(data: Dataset): Pick<TrainingOptions, "batch" | "augmentation"> {
  const crop = data.size >= LARGE_SIDE ? resizedCrop(SMALLEST_CROP) : ({ kind: "pad", padding: data.size >> 3 } as const);
  const fitting = 2 ** Math.floor(Math.log2(Math.max(1, data.train.count)));
  return { batch: Math.min(trainingSchema.parse({}).batch, fitting), augmentation: { flip: data.mirroring.allowed, crop } };
}

export function resizedCrop(smallest: number): NonNullable<Augmentation["crop"]> {
  return { kind: "resized", scale: [smallest, 1], ratio: CROP_RATIO };
}
