/**
 * Whether images may be mirrored in training: not where class names tell left from right or are characters, and not where the images of one
 * class, mirrored, look like those of another. The last is found by class means: an image is nearer to its own mean than to the other, and
 * its mirror image the other way round.
 */
import type { ImageSet, MemorySource, Mirroring } from "../dataset.js";

const LEFT = /^(left|links?|gauche|izquierd[ao]|sinistr[ao]|esquerd[ao]|lew[oay]|counterclockwise|anticlockwise|port|左.*)$/iu;
const RIGHT = /^(right|rechts?|droite?|derech[ao]|destr[ao]|direit[ao]|praw[oay]|clockwise|starboard|右.*)$/iu;
/** So many names of a single character are an alphabet, and not numbers of classes. */
const CHARACTERS = 10;
/** More classes than these are compared by their names alone. */
const MOST_CLASSES = 100;
/** Images of a class that are looked at, at most and at least. */
const MOST_IMAGES = 50;
const FEWEST_IMAGES = 8;
/** Means are of squares of so many cells a side. */
const CELLS = 8;
/** Share of images, as they are and mirrored, from which a pair of classes counts as mirror images. By chance each is a half. */
const CLEAR_SHARE = 0.8;

export function mirroringOf(classes: readonly string[], train: ImageSet): Mirroring {
  const named = (side: RegExp): string | undefined => classes.find((name) => wordsOf(name).some((word) => side.test(word)));
  const [left, right] = [named(LEFT), named(RIGHT)];
  if (left !== undefined && right !== undefined)
    return { allowed: false, reason: `the class names "${left}" and "${right}" tell sides apart` };
  if (classes.length >= CHARACTERS && classes.every((name) => /^[\p{L}\p{N}]$/u.test(name)))
    return { allowed: false, reason: "the classes are named as characters, which a mirror makes others of" };
  const pair = train.source.kind === "memory" ? mirroredPair(train.source, train.labels, classes.length) : undefined;
  if (pair !== undefined)
    return { allowed: false, reason: `images of "${classes[pair[0]]}", mirrored, look like those of "${classes[pair[1]]}"` };
  return { allowed: true, reason: "neither class names nor images tell left from right" };
}

function wordsOf(name: string): readonly string[] {
  return name.replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2").split(/[^\p{L}]+/u);
}

/** Two classes whose images are each other's mirror images. */
function mirroredPair(source: MemorySource, labels: Uint16Array, classes: number): readonly [number, number] | undefined {
  if (classes > MOST_CLASSES) return undefined;
  const members: Float32Array[][] = Array.from({ length: classes }, () => []);
  labels.forEach((label, index) => {
    if (members[label].length < MOST_IMAGES) members[label].push(cellsOf(source, source.rows[index]));
  });
  const means = members.map(meanOf);
  for (let one = 0; one < classes; one++)
    for (let other = one + 1; other < classes; other++)
      if (swaps(members[one], means[one], means[other]) && swaps(members[other], means[other], means[one])) return [one, other];
  return undefined;
}

/** Whether images are nearer to the mean of their own class, and mirrored to the other's. */
function swaps(images: readonly Float32Array[], own: Float32Array, other: Float32Array): boolean {
  if (images.length < FEWEST_IMAGES) return false;
  let kept = 0;
  let swapped = 0;
  for (const image of images) {
    // Without the image itself, which would draw its class's mean closer.
    const rest = own.map((value, cell) => (value * images.length - image[cell]) / (images.length - 1));
    if (distance(image, rest) < distance(image, other)) kept++;
    const mirrored = mirror(image);
    if (distance(mirrored, other) < distance(mirrored, rest)) swapped++;
  }
  return Math.min(kept, swapped) >= CLEAR_SHARE * images.length;
}

/** Mean brightness of [CELLS, CELLS] parts of an image, less the mean of all. */
function cellsOf({ pixels, side }: MemorySource, row: number): Float32Array {
  const sums = new Float32Array(CELLS * CELLS);
  const counts = new Float32Array(CELLS * CELLS);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const cell = Math.floor((y * CELLS) / side) * CELLS + Math.floor((x * CELLS) / side);
      const at = ((row * side + y) * side + x) * 3;
      sums[cell] += pixels[at] + pixels[at + 1] + pixels[at + 2];
      counts[cell] += 3;
    }
  }
  const cells = sums.map((sum, cell) => sum / Math.max(1, counts[cell]));
  const mean = cells.reduce((sum, value) => sum + value, 0) / cells.length;
  return cells.map((value) => value - mean);
}

function meanOf(images: readonly Float32Array[]): Float32Array {
  const mean = new Float32Array(CELLS * CELLS);
  for (const image of images) for (let cell = 0; cell < mean.length; cell++) mean[cell] += image[cell] / images.length;
  return mean;
}

function mirror(image: Float32Array): Float32Array {
  return image.map((_, cell) => image[cell - (cell % CELLS) + CELLS - 1 - (cell % CELLS)]);
}

function distance(one: Float32Array, other: Float32Array): number {
  return one.reduce((sum, value, cell) => sum + (value - other[cell]) ** 2, 0);
}
