/**
 * A folder of WebDataset shards as a dataset: the shards' headers are read once, and the parts become image sets whose images are
 * read and decoded when they are needed. Nothing is kept in memory but the index, so the number of images hardly matters.
 */
import { basename, dirname, resolve } from "node:path";
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
import { classesOfShards } from "./shard-classes.js";
import { NO_CLASS, type ShardSamples } from "./shard-index.js";
import { indexShards } from "./shard-index-cache.js";
import { readShardLayout, type ShardLayout } from "./shard-layout.js";

/**
 * Opens a folder with `train/*.tar`, and `val/*.tar` or `test/*.tar` where there are such, or with shards that have the word in
 * their names. Without validation shards, `validationFraction` of the training images is held out. Classes are the lines of
 * classes.txt, else the names that samples have, or numbers.
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
  const usable = indices.reduce((sum, { names }) => sum + names.length, 0);
  if (usable === 0) refuseArchive(root, layout, indices);
  requireFewSkipped(`in ${root}`, skipped, usable + skipped.length, maxBadFraction);
  requireImages(root, layout, indices);
  const { table, classes } = tableOf(root, layout, indices);

  const setOf = (rows: Uint32Array): ImageSet => shardSet(table, rows, { pixelLimit, maxBadFraction });
  const rowsOf = (part: Part): Uint32Array => rowsOfPart(layout, table, part);
  const all = rowsOf("train");
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

function tableOf(
  root: string,
  layout: ShardLayout,
  indices: readonly ShardSamples[],
): { readonly classes: readonly string[]; readonly table: ShardTable } {
  const { shards } = layout;
  const firsts: number[] = [];
  let count = 0;
  for (const { names } of indices) {
    firsts.push(count);
    count += names.length;
  }
  const shardOf = new Uint32Array(count);
  const offsets = new Float64Array(count);
  const lengths = new Uint32Array(count);
  indices.forEach((samples, shard) => {
    const first = firsts[shard];
    shardOf.fill(shard, first, first + samples.names.length);
    offsets.set(samples.offsets, first);
    lengths.set(samples.lengths, first);
  });
  const nameOf = (row: number): string =>
    `${shards[shardOf[row]].path}/${indices[shardOf[row]].names[row - firsts[shardOf[row]]]}`;
  const paths = shards.map((shard) => shard.path);
  const { classes, labels } = classesOfShards(root, layout, indices, nameOf);
  return { classes, table: { paths, shardOf, offsets, lengths, labels, nameOf } };
}

/** @throws UserError where the samples are images in folders, and none has a class: whoever packs a folder of images gets such a tar */
function refuseArchive(root: string, { shards }: ShardLayout, indices: readonly ShardSamples[]): void {
  const names = indices.flatMap(({ bad }) => bad.filter(([, reason]) => reason === NO_CLASS).map(([name]) => name));
  const bad = indices.reduce((sum, samples) => sum + samples.bad.length, 0);
  const folders = new Set(names.map((name) => dirname(name)));
  if (names.length === 0 || names.length < bad || folders.size < 2) return;
  throw new UserError(
    `${shards[0]?.path ?? root} is an archive of images in folders (such as ${names[0]}), and a shard has a file with the class beside ` +
      "each image: unpack it, and give the folder that holds the class folders; `rbnet shards` makes shards of it",
  );
}

/** @throws UserError where a part that the folder has shards for has no image */
function requireImages(root: string, { shards }: ShardLayout, indices: readonly ShardSamples[]): void {
  const parts = new Set(shards.map(({ part }) => part));
  for (const part of parts)
    if (!indices.some(({ names }, shard) => shards[shard].part === part && names.length > 0))
      throw new UserError(`the ${part} shards of ${root} hold no images: expected samples such as 7.jpg with 7.cls`);
}

function rowsOfPart({ shards }: ShardLayout, { shardOf }: ShardTable, part: Part): Uint32Array {
  return Uint32Array.from({ length: shardOf.length }, (_, row) => row).filter((row) => shards[shardOf[row]].part === part);
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
