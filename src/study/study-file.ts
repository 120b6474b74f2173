/**
 * A study file: networks and settings that are trained side by side on the same data, as JSON. Everything in it that can be checked without
 * the data is checked when it is read, since a mistake in the last row would else be found after hours.
 */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { codeOf, messageOf, UserError } from "../errors.js";
import { networkByName } from "../networks/catalogue.js";
import { firstProblem } from "../problems.js";
import { mergedSettings, trainingSchema } from "../training/settings/options.js";
import { recipeNames, recipeSettings } from "../training/settings/recipes.js";
import { malformed } from "./malformed.js";
import { networkOptionsSchema } from "./network-options.js";

const seedsSchema = z
  .array(z.int().min(0).max(0xffffffff))
  .min(1)
  .refine((seeds) => new Set(seeds).size === seeds.length, "expected no seed twice");

/** Training settings by their names in the API; checked once those of the study and of the row are put together. */
const settingsSchema = z
  .record(z.string(), z.unknown())
  .refine((settings) => settings.seed === undefined, "expected no seed here: those of the runs are in the field `seeds`");

/** Named settings to start from; what the study and the row set themselves wins over them. */
const recipeSchema = z.enum(recipeNames).optional();

const rowSchema = z.strictObject({
  /** Names the row in tables, the chart and `--rows`, which separates names by commas. */
  name: z
    .string()
    .regex(/^[^,\p{Cc}]*[\p{L}\p{N}][^,\p{Cc}]*$/u, "expected text with a letter or digit, without commas")
    .max(60),
  /** A line of the chart; a row without one is a point by itself. */
  group: z.string().min(1).max(60).optional(),
  network: z.string(),
  width: z.number().default(1),
  networkOptions: networkOptionsSchema.default({}),
  /** In place of the study's. */
  recipe: recipeSchema,
  settings: settingsSchema.default({}),
  /** In place of the study's. */
  seeds: seedsSchema.optional(),
});

const dataSchema = z
  .strictObject({
    /** As `rbnet train` takes it; relative to the current folder. */
    path: z.string().min(1),
    size: z.int().min(1).optional(),
    validationFraction: z.number().min(0).max(0.9).default(0.1),
    /** Which images are held out, and which are trained on where that is a part; the same for all runs, whatever their seeds. */
    seed: z.int().min(0).max(0xffffffff).default(1),
    /** Share of the training images that is used, the same of every class. */
    trainFraction: z.number().gt(0).max(1).optional(),
    trainImages: z.int().min(1).optional(),
  })
  .refine(
    ({ trainFraction, trainImages }) => trainFraction === undefined || trainImages === undefined,
    "expected `trainFraction` or `trainImages`, not both",
  );

const studySchema = z.strictObject({
  /** Names the folder of the results. */
  name: z
    .string()
    .regex(/^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u, "expected letters, digits, dots, dashes and underscores")
    .max(60),
  data: dataSchema,
  seeds: seedsSchema.default([1]),
  /** Of all rows that name no other. */
  recipe: recipeSchema,
  /** Of all rows. */
  settings: settingsSchema.default({}),
  rows: z.array(rowSchema).min(1),
});

export type Study = z.output<typeof studySchema>;
export type StudyRow = Study["rows"][number];
/** What `parseStudy` takes. */
export type StudyInput = z.input<typeof studySchema>;

/** @throws UserError where the file cannot be read, is no JSON, or is no study */
export async function readStudy(path: string): Promise<Study> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new UserError(
      `cannot read the study ${path} (${codeOf(error)}); give the path of a study file, which docs/studies.md describes`,
      {
        cause: error,
      },
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const [reason = ""] = messageOf(error).split("\n");
    throw new UserError(`the study ${path} is not JSON (${reason}); correct it there`, { cause: error });
  }
  return parseStudy(value, path);
}

/**
 * Checks a study and fills in the defaults.
 *
 * @param origin names the study in messages
 * @throws UserError that names the place of the first mistake
 */
export function parseStudy(value: unknown, origin = "the study"): Study {
  const parsed = studySchema.safeParse(value);
  if (!parsed.success) throw malformed(origin, value, parsed.error);
  const study = parsed.data;
  const folders = new Map<string, number>();
  for (const [index, row] of study.rows.entries()) {
    const other = folders.get(rowFolder(row));
    if (other !== undefined)
      throw new UserError(
        `${origin}: rows[${index}].name is "${row.name}", too much like rows[${other}], "${study.rows[other]?.name}", ` +
          "to have a folder of its own; rename one",
      );
    folders.set(rowFolder(row), index);
    const place = `${origin}: rows[${index}] ("${row.name}")`;
    const { network, width, networkOptions } = row;
    atPlace(place, () => networkByName(network, { classes: 2, width, ...networkOptions }));
    const whole = atPlace(place, () => settingsOf(study, row));
    const settings = trainingSchema.safeParse(whole);
    if (settings.success) continue;
    const { path, unknownFields } = firstProblem(whole, settings.error);
    const own = [path[0] ?? "", ...unknownFields].some((name) => Object.hasOwn(row.settings, name));
    throw malformed(`${origin}: ${own ? `rows[${index}].` : ""}settings`, whole, settings.error);
  }
  return study;
}

/**
 * The recipe's settings, then the study's, then the row's, each in place of the same ones before; settings with parts, such as
 * augmentation, are put together by part.
 *
 * @throws UserError where the recipe needs a teacher and the settings name none
 */
export function settingsOf(study: Study, row: StudyRow): Readonly<Record<string, unknown>> {
  const own = mergedSettings(study.settings, row.settings);
  const recipe = recipeOf(study, row);
  return recipe === undefined ? own : { ...recipeSettings(recipe, own) };
}

/** The name of the recipe that a row starts from, where it starts from one. */
export function recipeOf({ recipe: shared }: Study, { recipe: own }: StudyRow): string | undefined {
  return own ?? shared;
}

/** Name of the row's folder among the study's results. */
export function rowFolder({ name }: StudyRow): string {
  return name
    .toLowerCase()
    .replace(/[^\p{L}\p{N}.]+/gu, "-")
    .replace(/^[-.]+|[-.]+$/g, "");
}

/** What `check` returns; a mistake that it finds is said to be there. */
function atPlace<T>(place: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${place}: ${error.message}`, { cause: error });
    throw error;
  }
}
