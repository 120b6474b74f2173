/** The images that a trained model is measured on: which of the data, under the numbers that the model gives its classes. */
import type { Dataset, DatasetOptions, ImageSet, LeftOut } from "../data/dataset.js";
import { isLabelledFolder, labelledFolder } from "../data/formats/labelled-folder.js";
import { openDataset } from "../data/open-dataset.js";
import { UserError } from "../errors.js";
import type { Model } from "../runtime/model.js";

export const EVALUATED_SETS = ["train", "validation", "test", "all"] as const;

export type EvaluatedSet = (typeof EVALUATED_SETS)[number];

export interface EvaluationData {
  readonly name: string;
  /** Which images of the data these are. */
  readonly part: EvaluatedSet;
  readonly set: ImageSet;
  /** Classes of the model that the data lack. */
  readonly absent: readonly string[];
  readonly leftOut: readonly LeftOut[];
}

/** "test images of photos" */
export function imagesText({ name, part }: Pick<EvaluationData, "name" | "part">): string {
  return part === "all" ? `images, all of ${name}` : `${part} images of ${name}`;
}

type KnownModel = Pick<Model, "classes" | "size">;

/**
 * Opens data for a model, whose classes are found by name. Without `part`: all images where the data are one folder of images by class,
 * otherwise those in `preferred`, the first that there is.
 *
 * @param options held-out images are those of a training with the same seed and fraction
 * @throws UserError where the data cannot be opened, have classes that the model does not know, or lack the part
 */
export async function openEvaluationData(
  path: string,
  { classes, size }: KnownModel,
  part: EvaluatedSet | undefined,
  preferred: readonly ("train" | "validation" | "test")[],
  options: Pick<DatasetOptions, "seed" | "validationFraction" | "emnistSplit" | "progress">,
): Promise<EvaluationData> {
  if ((part ?? "all") === "all" && isLabelledFolder(path)) return { part: "all", ...labelledFolder(path, classes) };
  if (part === "all")
    throw new UserError(`${path} is divided into parts, and all was asked for: choose train, validation or test`);
  const data = await openDataset({ path, size, ...options });
  const chosen = part ?? preferred.find((name) => data[name] !== undefined) ?? "train";
  const set = data[chosen];
  if (set === undefined)
    throw new UserError(
      `${data.name} has no ${chosen} images to evaluate on; add a ${chosen} folder, give a --validation-fraction, or choose another --set`,
    );
  return { name: data.name, part: chosen, ...relabelled(set, data, classes), leftOut: data.origin.leftOut };
}

/** A set under a model's numbers of classes. */
function relabelled(
  set: ImageSet,
  data: Pick<Dataset, "classes" | "name">,
  classes: readonly string[],
): Pick<EvaluationData, "set" | "absent"> {
  const numbers = new Map(classes.map((name, number) => [name.normalize(), number]));
  const unknown = data.classes.find((name) => !numbers.has(name.normalize()));
  if (unknown !== undefined)
    throw new UserError(
      `${data.name} has a class "${unknown}" that the model does not know; it knows ${classes.length} classes (${listed(classes)}), ` +
        `${data.name} has ${data.classes.length}: evaluate it on data of the classes that it was trained on`,
    );
  const own = data.classes.map((name) => numbers.get(name.normalize()) as number);
  const labels = set.labels.map((label) => own[label] as number);
  const present = new Set(labels);
  return {
    set: { ...set, labels, nameOf: (index) => set.nameOf(index) },
    absent: classes.filter((_, number) => !present.has(number)),
  };
}

function listed(names: readonly string[]): string {
  return names.slice(0, 3).join(", ") + (names.length > 3 ? ", ..." : "");
}
