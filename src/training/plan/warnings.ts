/** What may go wrong with the data of a training, in one sentence each: what was found, and what to do. */
import type { Dataset, Part } from "../../data/dataset.js";
import { usualSize } from "../../data/decoding/usual-size.js";
import type { PictureSearch, SamePictures } from "../../data/sets/same-pictures.js";
import { formatInteger } from "../../quantities.js";
import type { TrainingOptions } from "../settings/options.js";
import type { PlannedClass } from "./plan-record.js";

/** A class with so many times the images of another outweighs it. */
const LOPSIDED = 10;
/** Fewer training images say little of a class. */
const TINY = 10;

export function warningsOf(
  data: Dataset,
  classes: readonly PlannedClass[],
  same: PictureSearch,
  { classWeights, sampler }: Pick<TrainingOptions, "classWeights" | "sampler">,
): readonly string[] {
  return [
    ...data.origin.doubts,
    ...(classWeights === undefined && sampler === undefined ? lopsided(classes) : []),
    ...tiny(classes),
    ...missing(classes),
    ...sameIn("under two classes", "remove the wrong one of each", same.acrossClasses),
    ...sameIn("in two parts, which makes the network look better than it is", "keep each in one part", same.acrossParts),
    ...sizes(data),
  ];
}

const imagesOf = ({ images }: PlannedClass, part: Part = "train"): number => images[part] ?? 0;

function lopsided(classes: readonly PlannedClass[]): readonly string[] {
  const sorted = classes.toSorted((one, other) => imagesOf(other) - imagesOf(one));
  const [largest, smallest] = [sorted[0], sorted[sorted.length - 1]];
  if (imagesOf(largest) < LOPSIDED * imagesOf(smallest)) return [];
  return [
    `the classes are lopsided, from ${count(smallest)} to ${count(largest)}: the network will seldom say the small ones; ` +
      "add images of them, or train with --class-weights balanced or --sampler balanced",
  ];
}

function tiny(classes: readonly PlannedClass[]): readonly string[] {
  const few = classes.filter((one) => imagesOf(one) < TINY);
  if (few.length === 0) return [];
  const named = few.slice(0, 3).map(count).join(", ");
  return [
    `${few.length === 1 ? "a class has" : `${formatInteger(few.length)} classes have`} fewer than ${TINY} training images ` +
      `(${named}${few.length > 3 ? ", ..." : ""}): add images, or remove or join such classes`,
  ];
}

/** A figure over all classes says nothing of one that was not tested. */
function missing(classes: readonly PlannedClass[]): readonly string[] {
  return (["validation", "test"] as const).flatMap((part) => {
    const none = classes.filter(({ images }) => images[part] === 0);
    if (none.length === 0) return [];
    const named = none
      .slice(0, 3)
      .map(({ name }) => `"${name}"`)
      .join(", ");
    const [subject, object] = none.length === 1 ? ["the class", "it"] : [`${formatInteger(none.length)} classes,`, "them"];
    return [
      `${part} has no images of ${subject} ${named}${none.length > 3 ? ", ..." : ""}: its figures say nothing of ${object}; add some`,
    ];
  });
}

function count(one: PlannedClass): string {
  return `${imagesOf(one) === 1 ? "1 image" : `${formatInteger(imagesOf(one))} images`} of "${one.name}"`;
}

function sameIn(where: string, advice: string, same: SamePictures | undefined): readonly string[] {
  if (same === undefined) return [];
  const [first, second] = same.example;
  const pictures = same.count === 1 ? "a picture is" : `${formatInteger(same.count)} pictures are`;
  return [`${pictures} there ${where}, such as ${first} and ${second}: ${advice}`];
}

/** The input is chosen by the pictures, so only a size that was asked for is far from theirs. */
function sizes({ size, origin }: Dataset): readonly string[] {
  if (origin.sizes === undefined) return [];
  const usual = usualSize(origin.sizes);
  const [width, height] = origin.sizes.median;
  if (size >= 2 * Math.min(width, height) && size >= 2 * usual)
    return [
      `the pictures are far smaller than the network's input (${width} x ${height} in the median, ${size} x ${size}): ` +
        `enlarging them adds nothing; --size ${usual} takes less time`,
    ];
  if (usual >= 2 * size && Math.min(width, height) >= 2 * size)
    return [
      `the pictures are far larger than the network's input (${width} x ${height} in the median, ${size} x ${size}): ` +
        `--size ${usual} shows it more of them`,
    ];
  return [];
}
