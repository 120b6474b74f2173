/**
 * Recipes: ways to train, as data under a name. A recipe says what it is about and leaves the rest to the data and to who trains; what is
 * set beside it wins over it. The settings for ImageNet are what the best of this family of networks were trained with; none of the
 * published figures were repeated with them yet.
 */
import { UserError } from "../../errors.js";
import { mergedSettings, type TrainingSettings } from "./options.js";
import { resizedCrop, SMALLEST_CROP } from "./standard-settings.js";

export interface Recipe {
  /** What it is, in a line. */
  readonly summary: string;
  /** By its name in the catalogue, and the side of its images, where the recipe is for one network. */
  readonly network?: string;
  readonly size?: number;
  readonly settings: Omit<TrainingSettings, "distill">;
  /** How a teacher is learned from, which has to be named; a recipe without this can do with one or without. */
  readonly distill?: Omit<NonNullable<TrainingSettings["distill"]>, "teacher" | "views">;
}

const SHARED = { optimizer: "adam", schedule: "cosine", warmup: 1 } as const;

/** Adam, no decay of binary weights, a batch of 512 (here as the sum of smaller ones, which fit a memory of 4 GB), 128 epochs a stage. */
const IMAGENET = {
  ...SHARED,
  epochs: 256,
  stages: 2,
  learningRate: 2.5e-3,
  weightDecay: 1e-4,
  augmentation: { crop: resizedCrop(SMALLEST_CROP), flip: true, lighting: 0.1 },
} as const satisfies TrainingSettings;

const RECIPES: Readonly<Record<string, Recipe>> = {
  "single-stage": {
    summary: "binary weights from the start; what is done without a recipe",
    settings: {},
  },
  "two-stage": {
    summary: "real weights for the first half of the epochs, then binary ones",
    settings: { ...SHARED, epochs: 60, stages: 2 },
  },
  distill: {
    summary: "half of the loss from a teacher's probabilities, at temperature 4; needs --teacher",
    settings: { ...SHARED, epochs: 30 },
    distill: { weight: 0.5, temperature: 4 },
  },
  progressive: {
    summary:
      "two stages, the first taught by a network of ours, the second by the first, as Real-to-Binary's are; needs --teacher",
    settings: { ...SHARED, epochs: 60, stages: 2 },
    distill: { weight: 0.5, temperature: 4, attention: 1, chain: true },
  },
  "imagenet-rbnet18": {
    summary: "rbnet18 on ImageNet as such networks are trained: two stages of 128 epochs, batch 512",
    network: "rbnet18",
    size: 224,
    settings: { ...IMAGENET, batch: 128, accumulate: 4 },
  },
  "imagenet-rbnet34": {
    summary: "the same with rbnet34",
    network: "rbnet34",
    size: 224,
    settings: { ...IMAGENET, batch: 64, accumulate: 8 },
  },
  "imagenet-rbnet-s": {
    summary: "the same with rbnet-s",
    network: "rbnet-s",
    size: 224,
    settings: { ...IMAGENET, batch: 128, accumulate: 4 },
  },
  "imagenet-rbnet-m": {
    summary: "the same with rbnet-m",
    network: "rbnet-m",
    size: 224,
    settings: { ...IMAGENET, batch: 64, accumulate: 8 },
  },
  "imagenet-rbnet-l": {
    summary: "the same with rbnet-l",
    network: "rbnet-l",
    size: 224,
    settings: { ...IMAGENET, batch: 32, accumulate: 16 },
  },
};

export const recipeNames: readonly string[] = Object.keys(RECIPES);

/** @throws UserError where there is no recipe of this name */
export function recipeByName(name: string): Recipe {
  const recipe = Object.hasOwn(RECIPES, name) ? RECIPES[name] : undefined;
  if (recipe === undefined) throw new UserError(`there is no recipe "${name}"; the recipes are ${recipeNames.join(", ")}`);
  return recipe;
}

/**
 * The settings of a recipe, with `own` in place of the same ones; augmentation and teacher are put together by part.
 *
 * @throws UserError where there is no recipe of this name, or it needs a teacher and `own.distill` names none
 */
export function recipeSettings(name: string, own: TrainingSettings = {}): TrainingSettings {
  const { settings, distill } = recipeByName(name);
  if (distill !== undefined && own.distill === undefined)
    throw new UserError(
      `the recipe ${name} needs a teacher, and there is none; name one: --teacher, or settings.distill.teacher in a study`,
    );
  return mergedSettings({ ...settings, ...(distill === undefined ? {} : { distill }) }, own);
}
