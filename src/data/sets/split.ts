/**
 * Holds images out for validation: seeded, and the same share of every class, so that a small class is neither lost nor
 * over-represented, and the same command holds out the same images tomorrow.
 */
import { UserError } from "../../errors.js";
import { Random } from "../random.js";

/** Keeps the split's draws apart from all other uses of the same seed. */
const SPLIT_STREAM = 0x73706c74;

export interface Split {
  /** Indices in increasing order. */
  readonly train: Uint32Array;
  readonly validation: Uint32Array;
}

/**
 * Splits `candidates` (indices into `labels`).
 *
 * @param fraction in (0, 1); every class keeps at least one image on each side
 * @throws UserError that names a class with fewer than two images
 */
export function splitByClass(
  candidates: Uint32Array,
  labels: Uint16Array,
  classes: readonly string[],
  fraction: number,
  seed: number,
): Split {
  const members: number[][] = classes.map(() => []);
  for (const index of candidates) members[labels[index]]?.push(index);
  const train: number[] = [];
  const validation: number[] = [];
  members.forEach((images, label) => {
    if (images.length < 2) {
      throw new UserError(
        `class "${classes[label]}" has ${images.length === 1 ? "a single usable image" : "no usable image"}, and at least ` +
          "2 are needed to hold some out for validation: add images, remove the class, or give a val folder of your own",
      );
    }
    const order = Uint32Array.from(images);
    new Random(seed, SPLIT_STREAM, label).shuffle(order);
    const heldOut = Math.min(images.length - 1, Math.max(1, Math.round(images.length * fraction)));
    for (let position = 0; position < order.length; position++) (position < heldOut ? validation : train).push(order[position]);
  });
  return { train: Uint32Array.from(train).sort(), validation: Uint32Array.from(validation).sort() };
}

/** @throws UserError unless `fraction` can be held out. */
export function checkValidationFraction(fraction: number): void {
  if (!(fraction >= 0 && fraction <= 0.9)) {
    throw new UserError(`the validation fraction is ${fraction}, but must be between 0 (none) and 0.9`);
  }
}

/** @throws UserError unless `size` is a side that images can be decoded to. */
export function checkSize(size: number): void {
  if (!Number.isInteger(size) || size < 8 || size > 2048) {
    throw new UserError(`the image size is ${size}, but must be a whole number of pixels from 8 to 2048`);
  }
}
