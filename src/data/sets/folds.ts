/**
 * Cross-validation's parts: every image is tested once, by a network that was trained on the images of the other folds. Folds have the same
 * share of every class, as far as images can be divided, and are decided by the seed.
 */
import { UserError } from "../../errors.js";
import type { Dataset } from "../dataset.js";
import { Random } from "../random.js";
import { statisticsOf } from "./encoded-statistics.js";
import { pickImages } from "./image-set.js";

/** Keeps these draws apart from all other uses of the same seed. */
const FOLD_STREAM = 0x666f6c64;

/**
 * The training images as so many data sets: each has one fold for test images and the others for training, and none held out to choose an
 * epoch by, which would have to be taken from the few that there are. Mean and deviation are those of the images that are trained on.
 *
 * @throws UserError where there are validation images, less than two folds, or a class with fewer images than folds
 */
export async function foldsOf(data: Dataset, folds: number, seed: number): Promise<readonly Dataset[]> {
  if (data.validation !== undefined)
    throw new UserError(
      `${data.name} has validation images besides those to train on (${data.origin.places.validation ?? "held out"}), and folds make ` +
        "them needless; move them to the training images, or train without folds",
    );
  if (!Number.isInteger(folds) || folds < 2)
    throw new UserError(`${folds} folds were asked for, but it must be a whole number from 2`);
  const foldOf = assign(data, folds, seed);
  const all = Uint32Array.from(foldOf.keys());
  const { test, origin } = data;
  const doubts =
    test === undefined
      ? origin.doubts
      : [
          ...origin.doubts,
          `the ${test.count} test images (${origin.places.test ?? "test"}) are not used: each fold is tested on its own`,
        ];
  return Promise.all(
    Array.from({ length: folds }, async (_, fold) => {
      const train = pickImages(
        data.train,
        all.filter((index) => foldOf[index] !== fold),
      );
      const held = all.filter((index) => foldOf[index] === fold);
      const place = `fold ${fold + 1} of ${folds}, the same share of each class`;
      return {
        ...data,
        train,
        validation: undefined,
        test: pickImages(data.train, held),
        ...(await statisticsOf(train, data.size, seed)),
        origin: { ...origin, doubts, places: { train: origin.places.train, validation: undefined, test: place } },
      };
    }),
  );
}

/** The fold of each training image. What cannot be divided evenly goes to other folds with each class, so that folds are alike large. */
function assign({ train, classes, name }: Dataset, folds: number, seed: number): Uint32Array {
  const members: number[][] = classes.map(() => []);
  for (const [index, label] of train.labels.entries()) members[label]?.push(index);
  const foldOf = new Uint32Array(train.count);
  let next = 0;
  for (const [label, images] of members.entries()) {
    if (images.length < folds)
      throw new UserError(
        `class "${classes[label]}" of ${name} has ${images.length === 1 ? "a single image" : `${images.length} images`}, too few for ` +
          `${folds} folds; add images of it, or take fewer folds`,
      );
    const order = Uint32Array.from(images);
    new Random(seed, FOLD_STREAM, label).shuffle(order);
    for (const index of order) foldOf[index] = next++ % folds;
  }
  return foldOf;
}
