/**
 * Which class each sample of a folder of shards is of. Numbers are what they say, and classes.txt or nothing names them; names are those of
 * classes.txt, else those of the training shards in alphabetical order.
 */
import { UserError } from "../../errors.js";
import { HIGHEST_LABEL, isClassNumber, type ShardSamples } from "./shard-index.js";
import type { ShardLayout } from "./shard-layout.js";

/** Share of different texts among all above which they are no classes. */
const CAPTIONS = 0.75;

export interface ShardClasses {
  readonly classes: readonly string[];
  /** Of all samples, shard after shard. */
  readonly labels: Uint16Array;
}

/**
 * @param nameOf a sample in messages
 * @throws UserError where there is a single class, samples of validation or test are of others than those of training, classes are partly
 *   numbers and partly names, or look like captions
 */
export function classesOfShards(
  root: string,
  layout: ShardLayout,
  indices: readonly ShardSamples[],
  nameOf: (row: number) => string,
): ShardClasses {
  const texts = new Set(indices.flatMap((samples) => samples.texts));
  const firstWith = (wanted: (text: string) => boolean): { readonly name: string; readonly text: string } => {
    let row = 0;
    for (const samples of indices)
      for (const label of samples.labels) {
        const text = samples.texts[label];
        if (wanted(text)) return { name: nameOf(row), text };
        row++;
      }
    throw new Error("every text is that of a sample");
  };
  const numbers = [...texts].filter(isClassNumber).length;
  if (numbers > 0 && numbers < texts.size) {
    const [number, name] = [firstWith(isClassNumber), firstWith((text) => !isClassNumber(text))];
    throw new UserError(
      `the shards of ${root} have classes as numbers (${number.name}: ${number.text}) and as names (${name.name}: "${name.text}"): ` +
        "use one of the two in all",
    );
  }
  const trained = new Set(indices.flatMap(({ texts: own }, shard) => (layout.shards[shard].part === "train" ? own : [])));
  if (trained.size < 2)
    throw new UserError(
      `the training shards of ${root} hold a single class, ${[...trained].join()}: a classifier needs at least 2`,
    );
  const classes = numbers > 0 ? numberedClasses(layout, trained) : namedClasses(root, layout, trained, indices);
  const labelOf = numbers > 0 ? Number : labelByName(classes);
  const known = (text: string): boolean => (labelOf(text) ?? classes.length) < classes.length;
  if (![...texts].every(known)) {
    const { name, text } = firstWith((one) => !known(one));
    throw new UserError(
      `${name} has the class ${quotedName(text)}, but ${expectation(layout, numbers > 0, classes)}: use the same classes in all`,
    );
  }
  const labels = new Uint16Array(indices.reduce((sum, samples) => sum + samples.labels.length, 0));
  let row = 0;
  for (const samples of indices) {
    const own = samples.texts.map((text) => labelOf(text) ?? 0);
    for (const label of samples.labels) labels[row++] = own[label];
  }
  return { classes, labels };
}

function numberedClasses({ classes }: ShardLayout, trained: ReadonlySet<string>): readonly string[] {
  if (classes !== undefined) return classes;
  const highest = Math.max(...[...trained].map(Number));
  return Array.from({ length: highest + 1 }, (_, label) => String(label));
}

function namedClasses(
  root: string,
  { classes }: ShardLayout,
  trained: ReadonlySet<string>,
  indices: readonly ShardSamples[],
): readonly string[] {
  if (classes !== undefined) return classes;
  const samples = indices.reduce((sum, { labels }) => sum + labels.length, 0);
  const [one = "", other = ""] = trained;
  if (trained.size > Math.min(CAPTIONS * samples, HIGHEST_LABEL + 1))
    throw new UserError(
      `the shards of ${root} have ${trained.size} texts for the classes of ${samples} images, such as "${one}" and "${other}", which ` +
        "look like captions: give the class of each image as .cls, or name the classes in classes.txt",
    );
  return [...trained].sort();
}

/** A letter with an accent may be stored as one character or as two. */
function labelByName(classes: readonly string[]): (text: string) => number | undefined {
  const numbers = new Map(classes.map((name, label) => [name.normalize(), label]));
  return (text) => numbers.get(text.normalize());
}

function quotedName(text: string): string {
  return isClassNumber(text) ? text : `"${text}"`;
}

function expectation({ classes: named }: ShardLayout, areNumbers: boolean, classes: readonly string[]): string {
  if (areNumbers)
    return named === undefined
      ? `the training shards only go up to ${classes.length - 1}`
      : `classes.txt names only ${named.length}, numbered from 0`;
  return named === undefined ? "no image to train on has" : "classes.txt does not name it";
}
