/** What is usual for the data where a person has said nothing else: how images are augmented, and a batch that they can fill. */
import { readdirSync } from "node:fs";
import type { Dataset } from "../../data/dataset.js";
import { isIdxFolder } from "../../data/formats/idx-folder.js";
import { LARGE_SIDE } from "../../pixels/square.js";
import { type TrainingOptions, trainingSchema } from "./options.js";

type Augmentation = TrainingOptions["augmentation"];

/** Smallest share of an image's area that a random resized crop takes, after Szegedy et al. 2015. */
export const SMALLEST_CROP = 0.08;
const CROP_RATIO: [number, number] = [3 / 4, 4 / 3];

/** @param path where the data were opened from; undefined for generated ones */
export function standardSettings(data: Dataset, path: string | undefined): Pick<TrainingOptions, "batch" | "augmentation"> {
  const crop = data.size >= LARGE_SIDE ? resizedCrop(SMALLEST_CROP) : ({ kind: "pad", padding: data.size >> 3 } as const);
  const fitting = 2 ** Math.floor(Math.log2(Math.max(1, data.train.count)));
  return { batch: Math.min(trainingSchema.parse({}).batch, fitting), augmentation: { flip: !isIdx(path), crop } };
}

export function resizedCrop(smallest: number): NonNullable<Augmentation["crop"]> {
  return { kind: "resized", scale: [smallest, 1], ratio: CROP_RATIO };
}

/** IDX data are digits, letters and the like, which change their meaning in a mirror. */
function isIdx(path: string | undefined): boolean {
  if (path === undefined) return false;
  try {
    return isIdxFolder(readdirSync(path));
  } catch {
    return false;
  }
}
