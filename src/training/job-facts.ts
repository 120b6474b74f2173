/** What processes that train together must have in common, as facts to compare: version, flags, and above all the data. */
import { createHash } from "node:crypto";
import type { Facts } from "../cluster/alike.js";
import type { Dataset, ImageSet } from "../data/dataset.js";

/** Lists are told apart by so many stretches, so that the first image that differs can be looked for in one of them. */
const STRETCHES = 8;

/** Of a data set: counts, classes, statistics, and digests of names and labels. */
export function dataFacts({ name, classes, size, mean, standardDeviation, ...sets }: Dataset): Facts {
  const parts = (["train", "validation", "test"] as const).flatMap((part) => {
    const set = sets[part];
    return set === undefined ? [] : [listFacts(part, set)];
  });
  return {
    "name of the data": name,
    classes: classes.join(", "),
    "size of the images": size,
    ...Object.assign({}, ...parts),
    "mean and deviation of the pixels": [...mean, ...standardDeviation].join(" "),
  };
}

/** How many images a list has, and by stretch of it what they are called and what they are. */
export function listFacts(part: string, set: ImageSet): Facts {
  const stretches = Array.from({ length: STRETCHES }, (_, stretch) => {
    const [from, end] = [stretch, stretch + 1].map((edge) => Math.floor((set.count * edge) / STRETCHES)) as [number, number];
    const hash = createHash("sha256");
    for (let index = from; index < end; index++) hash.update(`${set.nameOf(index)}\n${set.labels[index]}\n`);
    return [`names and classes of ${part} images ${from + 1} to ${end}`, `digest ${hash.digest("hex").slice(0, 12)}`];
  });
  return { [`number of ${part} images`]: set.count, ...Object.fromEntries(stretches) };
}
