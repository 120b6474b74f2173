/** A seeded part of a set with the same share of every class, so that runs fit scarce compute; a smaller part lies within a larger one. */
import { UserError } from "../../errors.js";
import type { ImageSet } from "../dataset.js";
import { Random } from "../random.js";
import { pickImages } from "./image-set.js";

/** Keeps these draws apart from all other uses of the same seed. */
const SUBSET_STREAM = 0x73756273;

/**
 * `count` images of `set`, in their order.
 *
 * @throws UserError where there are fewer images than that, or more classes
 */
export function subsetByClass(set: ImageSet, count: number, seed: number): ImageSet {
  const members = new Map<number, number[]>();
  for (const [index, label] of set.labels.entries()) {
    const own = members.get(label);
    if (own === undefined) members.set(label, [index]);
    else own.push(index);
  }
  if (!Number.isInteger(count) || count < members.size || count > set.count)
    throw new UserError(
      `${count} training images were asked for, but it must be a whole number from ${members.size} (one a class) to ` +
        `${set.count} (all there are)`,
    );
  const ranked = [...members].flatMap(([label, images]) => {
    const order = Uint32Array.from(images);
    new Random(seed, SUBSET_STREAM, label).shuffle(order);
    // The share of its class that an image completes: taken from the lowest up, all classes grow alike, and each has its first image.
    return Array.from(order, (index, position) => ({ index, label, share: position / order.length }));
  });
  ranked.sort((one, other) => one.share - other.share || one.label - other.label);
  const chosen = Uint32Array.from(ranked.slice(0, count), ({ index }) => index).sort();
  return pickImages(set, chosen);
}
