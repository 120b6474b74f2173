/**
 * `npm run bench -- small-data`: what the defaults are worth where images are few. A draw is three classes of a folder and 40 training
 * images of each; networks are trained on it without a flag and with flags that people try, and tested on all test images of the three
 * classes. And `lopsided`: what class weights and a balanced sampler are worth where half of ten classes have a tenth of the images.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";
import { alignedTable } from "#rbnet/cli/output";
import type { Dataset, ImageSet } from "#rbnet/data/dataset";
import { openDataset } from "#rbnet/data/open-dataset";
import { Random } from "#rbnet/data/random";
import { pickImages } from "#rbnet/data/sets/image-set";
import { memoryStatistics } from "#rbnet/data/sets/statistics";
import { shapes } from "#rbnet/data/shapes/shapes";
import { UserError } from "#rbnet/errors";
import { networkByName } from "#rbnet/networks/catalogue";
import { formatShare } from "#rbnet/quantities";
import { resultsByClass } from "#rbnet/training/evaluate";
import { mergedSettings, type TrainingSettings } from "#rbnet/training/settings/options";
import { standardSettings } from "#rbnet/training/settings/standard-settings";
import { Trainer } from "#rbnet/training/trainer";

export const SmallDataCase = z.strictObject({
  /** A folder with train/ and test/, each of images by class; lopsided classes are drawn shapes. */
  data: z.string({ error: "expected the folder of the images" }).optional(),
  threads: z.int().positive(),
  /** What is drawn; those that settings were chosen by are other ones. */
  draws: z.array(z.int().positive()).min(1),
});

export type SmallDataCase = z.infer<typeof SmallDataCase>;

const CLASSES = 3;
const IMAGES = 40;
const SIZE = 32;

interface Way {
  readonly name: string;
  readonly settings: TrainingSettings;
  /** Of the training images; 0.1 without a flag. */
  readonly validationFraction?: number;
}

const WAYS: readonly Way[] = [
  { name: "no flags", settings: {} },
  { name: "--batch 64", settings: { batch: 64 } },
  { name: "--batch 8", settings: { batch: 8 } },
  { name: "--epochs 60", settings: { epochs: 60 } },
  { name: "--epochs 120", settings: { epochs: 120 } },
  { name: "--learning-rate 0.003", settings: { learningRate: 3e-3 } },
  { name: "--cutout 8", settings: { augmentation: { cutout: 8 } } },
  { name: "--mixup 0.2", settings: { augmentation: { mixup: 0.2 } } },
  { name: "--validation-fraction 0", settings: {}, validationFraction: 0 },
];

const LOPSIDED_WAYS: readonly Way[] = [
  { name: "no flags", settings: {} },
  { name: "--class-weights balanced", settings: { classWeights: "balanced" } },
  { name: "--sampler balanced", settings: { sampler: "balanced" } },
];
const LARGE_CLASS = 200;
const SMALL_CLASS = 20;
const TESTED = 1000;

export interface SmallDataRecord {
  readonly bench: "small-data" | "lopsided";
  readonly way: string;
  readonly draw: number;
  readonly classes: readonly string[];
  readonly trained: number;
  readonly tested: number;
  /** Shares: of all test images, and the mean over classes of those with few images and with many. */
  readonly top1: number;
  readonly smallClasses?: number;
  readonly largeClasses?: number;
  readonly epoch: number;
  readonly seconds: number;
  readonly backend: string;
  readonly processor: string;
}

export async function benchSmallData(
  { data: folder, threads, draws }: SmallDataCase,
  report: (line: string) => void,
): Promise<readonly SmallDataRecord[]> {
  if (folder === undefined) throw new UserError("--data is missing: give a folder with train/ and test/, of images by class");
  const records: SmallDataRecord[] = [];
  for (const draw of draws) {
    const root = mkdtempSync(join(tmpdir(), "rbnet-bench-"));
    try {
      linkDraw(folder, root, draw);
      for (const way of WAYS) {
        const { validationFraction = 0.1 } = way;
        const data = await openDataset({ path: root, size: SIZE, validationFraction, cacheDir: join(root, "cache") });
        const description = networkByName("rbnet20", { classes: CLASSES, size: SIZE });
        const { record } = await measure("small-data", way, data, description, { draw, threads });
        report(rowOf(record).join("  "));
        records.push(record);
      }
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  }
  return records;
}

export async function benchLopsided(
  { threads, draws }: SmallDataCase,
  report: (line: string) => void,
): Promise<readonly SmallDataRecord[]> {
  const records: SmallDataRecord[] = [];
  for (const draw of draws) {
    const data = lopsidedShapes(draw);
    for (const way of LOPSIDED_WAYS) {
      const description = networkByName("rbnet8", { classes: data.classes.length, size: SIZE });
      const { record, byClass } = await measure("lopsided", way, data, description, { draw, threads });
      const mean = (some: readonly number[]): number => some.reduce((sum, value) => sum + value, 0) / some.length;
      const shares = {
        smallClasses: mean(byClass.filter((_, label) => label % 2 === 1)),
        largeClasses: mean(byClass.filter((_, label) => label % 2 === 0)),
      };
      records.push({ ...record, ...shares });
      report(rowOf({ ...record, ...shares }).join("  "));
    }
  }
  return records;
}

/** Every other class of the ten shapes has a tenth of the images of the others; the same for test. */
function lopsidedShapes(seed: number): Dataset {
  const data = shapes({ seed, size: SIZE, train: LARGE_CLASS * 10, validation: 0, test: TESTED });
  const kept = Uint32Array.from(data.train.labels.keys()).filter((index) => {
    const isSmall = (data.train.labels[index] ?? 0) % 2 === 1;
    return !isSmall || index < SMALL_CLASS * 10;
  });
  const train: ImageSet = pickImages(data.train, kept);
  if (train.source.kind !== "memory") throw new Error("generated images are in memory");
  return { ...data, train, ...memoryStatistics(train.source) };
}

/** A folder of links to the images of a draw. */
function linkDraw(data: string, root: string, draw: number): void {
  for (const part of ["train", "test"])
    if (!existsSync(join(data, part)))
      throw new UserError(`${data} has no folder ${part}/; give one with train/ and test/, of images by class`);
  const all = readdirSync(join(data, "train")).sort();
  for (const label of drawn(all.length, CLASSES, draw, 1)) {
    const name = all[label] ?? "";
    const files = readdirSync(join(data, "train", name)).sort();
    mkdirSync(join(root, "train", name), { recursive: true });
    mkdirSync(join(root, "test"), { recursive: true });
    for (const index of drawn(files.length, IMAGES, draw, label, 2)) {
      const file = files[index] ?? "";
      symlinkSync(resolve(data, "train", name, file), join(root, "train", name, file));
    }
    symlinkSync(resolve(data, "test", name), join(root, "test", name));
  }
}

/** So many of `count` numbers, in increasing order. */
function drawn(count: number, wanted: number, ...keys: readonly number[]): readonly number[] {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  new Random(...keys).shuffle(order);
  return [...order.subarray(0, wanted)].sort((one, other) => one - other);
}

async function measure(
  bench: SmallDataRecord["bench"],
  { name, settings }: Way,
  data: Dataset,
  description: ReturnType<typeof networkByName>,
  { draw, threads }: { readonly draw: number; readonly threads: number },
): Promise<{ readonly record: SmallDataRecord; readonly byClass: readonly number[] }> {
  const own = mergedSettings({ ...standardSettings(data) }, { ...settings });
  await using trainer = await Trainer.create(description, data, own, { threads });
  for await (const _epoch of trainer);
  if (data.test === undefined) throw new UserError("the data have no test images; give a folder that has");
  const evaluation = await trainer.evaluate(data.test);
  const record: SmallDataRecord = {
    bench,
    way: name,
    draw,
    classes: data.classes,
    trained: data.train.count,
    tested: evaluation.images,
    top1: evaluation.top1,
    epoch: trainer.bestEpoch,
    seconds: trainer.totalSeconds,
    backend: trainer.backend.description,
    processor: cpus()[0]?.model.trim() ?? "unknown",
  };
  return { record, byClass: resultsByClass(evaluation, data.classes).map(({ top1 = 0 }) => top1) };
}

/** A row for each way, means over the draws. */
export function smallDataTable(records: readonly SmallDataRecord[]): string {
  const ways = [...new Set(records.map(({ way }) => way))];
  const rows = ways.map((way) => {
    const own = records.filter((record) => record.way === way);
    const mean = (of: (record: SmallDataRecord) => number): number =>
      own.reduce((sum, record) => sum + of(record), 0) / own.length;
    const byDraw = own.map(({ top1 }) => formatShare(top1)).join(", ");
    const small = own[0]?.smallClasses === undefined ? "" : formatShare(mean(({ smallClasses = 0 }) => smallClasses));
    const large = own[0]?.largeClasses === undefined ? "" : formatShare(mean(({ largeClasses = 0 }) => largeClasses));
    return [way, byDraw, formatShare(mean(({ top1 }) => top1)), small, large, mean(({ seconds }) => seconds).toFixed(1)];
  });
  return alignedTable([["way", "top-1 by draw", "mean", "small classes", "large classes", "seconds"], ...rows], 2).join("\n");
}

function rowOf({ way, draw, top1, smallClasses, largeClasses, epoch, seconds }: SmallDataRecord): string[] {
  const classes = [smallClasses, largeClasses].flatMap((share) => (share === undefined ? [] : [formatShare(share)]));
  return [String(draw), way, formatShare(top1), ...classes, `epoch ${epoch}`, `${seconds.toFixed(1)} s`];
}
