/**
 * A folder of WebDataset shards as a dataset: the shards' headers are read once, and the parts become image sets whose images are
 * read and decoded when they are needed. Nothing is kept in memory but the index, so the number of images hardly matters.
 */
import { basename, resolve } from "node:path";
import { UserError } from "../../errors.js";
import { PIXEL_LIMIT } from "../../pixels/square.js";
import type { Dataset, DatasetOptions, ImageSet, ImageSizes, Origin, Part, SkippedImage } from "../dataset.js";
import { imageShape } from "../decoding/image-file.js";
import { requireFewSkipped, USUAL_BAD_FRACTION } from "../decoding/skipped-images.js";
import { imageSizes, usualSize } from "../decoding/usual-size.js";
import { statisticsOf } from "../sets/encoded-statistics.js";
import { heldOutText } from "../sets/held-out.js";
import { type ShardTable, shardSet } from "../sets/image-set.js";
import { mirroringOf } from "../sets/mirroring.js";
import { openEncoded } from "../sets/open-encoded.js";
import { checkSize, checkValidationFraction, splitByClass } from "../sets/split.js";
import type { ShardSamples } from "./shard-index.js";
import { indexShards } from "./shard-index-cache.js";
import { readShardLayout, type ShardLayout } from "./shard-layout.js";

/**
 * Opens a folder with `train/*.tar`, and `val/*.tar` or `test/*.tar` where there are such, or with shards that have the word in
 * their names. Without validation shards, `validationFraction` of the training images is held out. Classes are the lines of
 * classes.txt, else numbers.
 *
 * @throws UserError where the folder is not laid out so, a shard is damaged, or too many of its samples are unusable
 */
export async function shardFolder(path: string, options: DatasetOptions = {}): Promise<Dataset> {
  const { validationFraction = 0.1, seed = 1, maxBadFraction = USUAL_BAD_FRACTION, pixelLimit = PIXEL_LIMIT } = options;
  checkValidationFraction(validationFraction);
  if (options.size !== undefined) checkSize(options.size);
  const root = resolve(path);
  const layout = readShardLayout(root);
  const indices = await indexShards({ root, shards: layout.shards, cacheDir: options.cacheDir, progress: options.progress });
  const skipped = skippedSamples(layout, indices);
  const table = tableOf(layout, indices);
  requireFewSkipped(`in ${root}`, skipped, table.labels.length + skipped.length, maxBadFraction);

  const setOf = (rows: Uint32Array): ImageSet => shardSet(table, rows, { pixelLimit, maxBadFraction });
  const rowsOf = (part: Part): Uint32Array => usedRows(root, layout, table, part);
  const all = rowsOf("train");
  const classes = classesOf(root, layout, table, all);
  const split =
    layout.hasValidation || validationFraction === 0
      ? { train: all, validation: layout.hasValidation ? rowsOf("validation") : undefined }
      : splitByClass(all, table.labels, classes, validationFraction, seed);
  const train = setOf(split.train);
  const sizes = await sizesOf(train);
  const size = options.size ?? usualSize(sizes);
  return {
    name: basename(root),
    classes,
    train,
    validation: split.validation === undefined ? undefined : setOf(split.validation),
    test: layout.hasTest ? setOf(rowsOf("test")) : undefined,
    size,
    ...(await statisticsOf(train, size, seed)),
    mirroring: mirroringOf(classes, train),
    skipped,
    origin: {
      format: "tar shards (WebDataset)",
      places: placesOf(layout, split.validation !== undefined, validationFraction),
      leftOut: [],
      sizes,
      doubts: [],
    },
  };
}

function skippedSamples({ shards }: ShardLayout, indices: readonly ShardSamples[]): readonly SkippedImage[] {
  return indices.flatMap(({ bad }, shard) => bad.map(([name, reason]) => ({ path: `${shards[shard].path}/${name}`, reason })));
}

function tableOf({ shards }: ShardLayout, indices: readonly ShardSamples[]): ShardTable {
  const firsts: number[] = [];
  let count = 0;
  for (const { names } of indices) {
    firsts.push(count);
    count += names.length;
  }
  const shardOf = new Uint32Array(count);
  const offsets = new Float64Array(count);
  const lengths = new Uint32Array(count);
  const labels = new Uint16Array(count);
  indices.forEach((samples, shard) => {
    const first = firsts[shard];
    shardOf.fill(shard, first, first + samples.names.length);
    offsets.set(samples.offsets, first);
    lengths.set(samples.lengths, first);
    labels.set(samples.labels, first);
  });
  const nameOf = (row: number): string =>
    `${shards[shardOf[row]].path}/${indices[shardOf[row]].names[row - firsts[shardOf[row]]]}`;
  return { paths: shards.map((shard) => shard.path), shardOf, offsets, lengths, labels, nameOf };
}

/** Samples of a part that the folder has shards for. */
function usedRows(root: string, { shards }: ShardLayout, { shardOf }: ShardTable, part: Part): Uint32Array {
  const rows = Uint32Array.from({ length: shardOf.length }, (_, row) => row).filter((row) => shards[shardOf[row]].part === part);
  if (rows.length === 0)
    throw new UserError(`the ${part} shards of ${root} hold no images: expected samples such as 7.jpg with 7.cls`);
  return rows;
}

function classesOf(root: string, { classes: named }: ShardLayout, table: ShardTable, train: Uint32Array): readonly string[] {
  const present = new Set<number>();
  for (const row of train) present.add(table.labels[row]);
  if (present.size < 2)
    throw new UserError(
      `the training shards of ${root} hold a single class, ${[...present].join()}: a classifier needs at least 2`,
    );
  const highest = Math.max(...present);
  const classes = named ?? Array.from({ length: highest + 1 }, (_, label) => String(label));
  const beyond = table.labels.findIndex((label) => label >= classes.length);
  if (beyond >= 0) {
    const expected =
      named === undefined
        ? `the training shards only go up to ${highest}`
        : `classes.txt names only ${named.length}, numbered from 0`;
    throw new UserError(
      `${table.nameOf(beyond)} has the class ${table.labels[beyond]}, but ${expected}: use the same classes in all`,
    );
  }
  return classes;
}

async function sizesOf({ source, count }: ImageSet): Promise<ImageSizes | undefined> {
  if (source.kind === "memory") throw new Error("a set of shards has no images in memory");
  await using images = openEncoded(source);
  // Awaited here: what reads must be done before the files are closed.
  return await imageSizes(count, async (index) => imageShape(await images.read(index)));
}

function placesOf(layout: ShardLayout, hasValidation: boolean, fraction: number): Origin["places"] {
  const place = (part: Part): string | undefined => {
    const names = layout.shards.filter((shard) => shard.part === part).map(({ path }) => basename(path));
    return names.length > 1 ? `${names[0]} and ${names.length - 1} more` : names[0];
  };
  const held = hasValidation ? heldOutText(fraction) : undefined;
  return { train: place("train"), validation: place("validation") ?? held, test: place("test") };
}
