/** From a study's rows to trainings: on which data, of which network, with which settings, in which order and folder. */
import { join } from "node:path";
import type { Dataset, DatasetOptions } from "../data/dataset.js";
import { openDataset } from "../data/open-dataset.js";
import { subsetByClass } from "../data/sets/subset.js";
import { viewedAugmentation } from "../data/views/views-file.js";
import { UserError } from "../errors.js";
import { networkByName } from "../networks/catalogue.js";
import type { NetworkDescription } from "../networks/description.js";
import { mergedSettings, parseTrainingSettings, type TrainingOptions } from "../training/settings/options.js";
import { standardSettings } from "../training/settings/standard-settings.js";
import { recipeOf, rowFolder, type Study, type StudyRow, settingsOf } from "./study-file.js";

/** What decides a run's result, and nothing else: a run of the same identity is not trained again. */
export interface RunIdentity {
  readonly network: NetworkDescription;
  readonly options: TrainingOptions;
  readonly data: Readonly<Record<string, unknown>>;
}

/** One training of a study. */
export interface StudyRun {
  readonly row: StudyRow;
  /** Where the row starts from one. */
  readonly recipe: string | undefined;
  readonly seed: number;
  readonly folder: string;
  readonly description: NetworkDescription;
  readonly options: TrainingOptions;
  readonly identity: RunIdentity;
}

/**
 * Opens the data of all runs, with the part of the training images that the study uses.
 *
 * @param path in place of the study's own
 * @throws UserError where there are no usable data, or fewer images than the study asks for
 */
export async function openStudyData(
  { data }: Study,
  { path = data.path, progress }: { readonly path?: string } & Pick<DatasetOptions, "progress"> = {},
): Promise<Dataset> {
  const { seed, size, validationFraction, trainFraction, trainImages } = data;
  const all = await openDataset({
    path,
    seed,
    validationFraction,
    ...(size === undefined ? {} : { size }),
    ...(progress === undefined ? {} : { progress }),
  });
  const count = trainImages ?? Math.round((trainFraction ?? 1) * all.train.count);
  const train = count === all.train.count ? all.train : subsetByClass(all.train, count, seed);
  return { ...all, train };
}

/**
 * The runs in their order: every row with its first seed, then every row with its second, so that early results cover the whole table.
 *
 * @param names of the rows to run; all where undefined
 * @throws UserError where there is no row of a name, or a row does not fit the data
 */
export function planStudy(study: Study, data: Dataset, out: string, names?: readonly string[]): readonly StudyRun[] {
  const known = study.rows.map(({ name }) => name);
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new UserError(`the study ${study.name} has no row "${unknown}"; its rows are ${known.join(", ")}`);
  const rows = study.rows.filter(({ name }) => names === undefined || names.includes(name));
  const seedsOf = (row: StudyRow): readonly number[] => row.seeds ?? study.seeds;
  const rounds = Math.max(...rows.map((row) => seedsOf(row).length));
  return Array.from({ length: rounds }, (_, round) =>
    rows.flatMap((row) => {
      const seed = seedsOf(row)[round];
      return seed === undefined ? [] : [runOf(study, row, seed, data, out)];
    }),
  ).flat();
}

function runOf(study: Study, row: StudyRow, seed: number, data: Dataset, out: string): StudyRun {
  const { description, options } = trainingOf(study, row, seed, data);
  const { name, classes, size, train, validation, test, mean, standardDeviation } = data;
  const { path: _path, ...split } = study.data;
  const counts = { train: train.count, validation: validation?.count ?? 0, test: test?.count ?? 0 };
  // The path is no part of it: data may be moved. Means tell other images of the same name and number.
  const identity = {
    network: description,
    options,
    data: { name, classes, size, ...counts, mean, deviation: standardDeviation, split },
  };
  return {
    row,
    recipe: recipeOf(study, row),
    seed,
    folder: join(out, rowFolder(row), `seed-${seed}`),
    description,
    options,
    identity,
  };
}

/**
 * The one place where a row becomes a training: a network of the data's classes and size, and settings on top of what is usual for the
 * data.
 */
function trainingOf(study: Study, row: StudyRow, seed: number, data: Dataset): Pick<StudyRun, "description" | "options"> {
  const { network, width, networkOptions } = row;
  const description = networkByName(network, { classes: data.classes.length, width, size: data.size, ...networkOptions });
  const own = settingsOf(study, row);
  const { distill } = parseTrainingSettings(own);
  const usual = { ...standardSettings(data, description, own), ...viewedAugmentation(distill?.views) };
  const options = parseTrainingSettings({ ...mergedSettings(usual, own), seed });
  if (options.batch > data.train.count)
    throw new UserError(
      `row "${row.name}" has a batch of ${options.batch}, larger than the ${data.train.count} training images; use a ` +
        "smaller batch or more images",
    );
  return { description, options };
}
