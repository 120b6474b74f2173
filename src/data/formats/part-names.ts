/** The names under which people keep the parts of their data: Training/ beside Testing/, seg_train/, dev/, val2017/. */
import type { Part } from "../dataset.js";

/** The plainest name of a part first: where two folders could be it, it is taken. */
const NAMES: Readonly<Record<Part, readonly string[]>> = {
  train: ["train", "training", "trn"],
  validation: ["val", "validation", "valid", "validate", "dev", "development", "eval", "evaluation", "holdout"],
  test: ["test", "testing", "tests", "tst"],
};
/** Words that say nothing of a part: seg_train, train-set, images_val, TestData. */
const PLAIN_SUFFIX = /(set|data|dataset|images?|imgs?|pics|pictures|photos|split|folder)$/;

/** What a folder of this name is for; undefined where the name says nothing of it. */
export function partNamed(name: string): Part | undefined {
  return findPart(name)?.part;
}

/** Of folders that are for the same part, the one with the plainest name. */
export function plainest(names: readonly string[]): string | undefined {
  const ranked = names.map((name) => ({ name, rank: findPart(name)?.rank ?? Number.POSITIVE_INFINITY }));
  return ranked.sort((one, other) => one.rank - other.rank || (one.name < other.name ? -1 : 1))[0]?.name;
}

function findPart(name: string): { readonly part: Part; readonly rank: number } | undefined {
  const whole = name.toLowerCase();
  const words = name
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}]+/u)
    .filter((word) => word !== "");
  const bare = words.map((word) => (word.length > 4 ? word.replace(PLAIN_SUFFIX, "") : word));
  let found: { part: Part; rank: number } | undefined;
  for (const part of Object.keys(NAMES) as Part[]) {
    NAMES[part].forEach((known, place) => {
      const position = bare.lastIndexOf(known);
      if (position < 0) return;
      // The last such word counts, as in train-stations-val; a name that is nothing else comes before one with more in it.
      const rank = place + (whole === known ? 0 : 100) - position * 10_000;
      if (found === undefined || rank < found.rank) found = { part, rank };
    });
  }
  return found;
}
