/**
 * `npm run bench -- small-data`: what the defaults are worth where images are few. A draw is three classes of a folder and 40 training
 * images of each; networks are trained on it without a flag and with flags that people try, and tested on all test images of the three
 * classes. And `lopsided`: what class weights and a balanced sampler are worth where one of three classes has 300 images, the others 30.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";
import { alignedTable } from "#rbnet/cli/output";
import type { Dataset } from "#rbnet/data/dataset";
import { openDataset } from "#rbnet/data/open-dataset";
import { Random } from "#rbnet/data/random";
import { UserError } from "#rbnet/errors";
import { networkByName } from "#rbnet/networks/catalogue";
import { formatShare } from "#rbnet/quantities";
import { resultsByClass } from "#rbnet/training/evaluate";
import { mergedSettings, type TrainingSettings } from "#rbnet/training/settings/options";
import { standardSettings } from "#rbnet/training/settings/standard-settings";
import { Trainer } from "#rbnet/training/trainer";

export const SmallDataCase = z.strictObject({
  /** A folder with train/ and test/, each of images by class. */
  data: z.string({ error: "expected the folder of the images" }),
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
  { name: "--epochs 30", settings: { epochs: 30 } },
  { name: "--epochs 30 --batch 64", settings: { epochs: 30, batch: 64 } },
  { name: "--epochs 30 --batch 8", settings: { epochs: 30, batch: 8 } },
  { name: "--epochs 30 --validation-fraction 0", settings: { epochs: 30 }, validationFraction: 0 },
];

const SHORT = { epochs: 20 } as const;
const LOPSIDED_WAYS: readonly Way[] = [
  { name: "neither", settings: SHORT, validationFraction: 0 },
  { name: "--class-weights balanced", settings: { ...SHORT, classWeights: "balanced" }, validationFraction: 0 },
  { name: "--sampler balanced", settings: { ...SHORT, sampler: "balanced" }, validationFraction: 0 },
];
const LARGE_CLASS = 300;
const SMALL_CLASS = 30;

export interface SmallDataRecord {
  readonly bench: "small-data" | "lopsided";
  readonly way: string;
  readonly draw: number;
  readonly classes: readonly string[];
  readonly tested: number;
  /** Shares: of all test images, of which classes have as many; and of each class. */
  readonly top1: number;
  readonly byClass: readonly number[];
  /** Training images of each class. */
  readonly images: readonly number[];
  readonly epoch: number;
  readonly seconds: number;
  readonly backend: string;
  readonly processor: string;
}

export async function benchSmallData(
  options: SmallDataCase,
  report: (line: string) => void,
): Promise<readonly SmallDataRecord[]> {
  return bench("small-data", WAYS, () => [IMAGES, IMAGES, IMAGES], options, report);
}

export async function benchLopsided(options: SmallDataCase, report: (line: string) => void): Promise<readonly SmallDataRecord[]> {
  const counts = (draw: number): readonly number[] =>
    Array.from({ length: CLASSES }, (_, place) => (place === draw % CLASSES ? LARGE_CLASS : SMALL_CLASS));
  return bench("lopsided", LOPSIDED_WAYS, counts, options, report);
}

/** @param counts training images of each class in a draw */
async function bench(
  name: SmallDataRecord["bench"],
  ways: readonly Way[],
  counts: (draw: number) => readonly number[],
  { data: folder, threads, draws }: SmallDataCase,
  report: (line: string) => void,
): Promise<readonly SmallDataRecord[]> {
  const records: SmallDataRecord[] = [];
  for (const draw of draws) {
    const root = mkdtempSync(join(tmpdir(), "rbnet-bench-"));
    try {
      const images = counts(draw);
      linkDraw(folder, root, draw, images);
      for (const way of ways) {
        const { validationFraction = 0.1 } = way;
        const data = await openDataset({ path: root, size: SIZE, validationFraction, cacheDir: join(root, "cache") });
        const record = await measure(name, way, data, { draw, threads, images });
        report(rowOf(record).join("  "));
        records.push(record);
      }
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  }
  return records;
}

/** A folder of links to the images of a draw. */
function linkDraw(data: string, root: string, draw: number, counts: readonly number[]): void {
  for (const part of ["train", "test"])
    if (!existsSync(join(data, part)))
      throw new UserError(`${data} has no folder ${part}/; give one with train/ and test/, of images by class`);
  const all = readdirSync(join(data, "train")).sort();
  for (const [place, label] of drawn(all.length, CLASSES, draw, 1).entries()) {
    const name = all[label] ?? "";
    const files = readdirSync(join(data, "train", name)).sort();
    mkdirSync(join(root, "train", name), { recursive: true });
    mkdirSync(join(root, "test"), { recursive: true });
    for (const index of drawn(files.length, counts[place] ?? 0, draw, label, 2)) {
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
  { draw, threads, images }: { readonly draw: number; readonly threads: number; readonly images: readonly number[] },
): Promise<SmallDataRecord> {
  const description = networkByName("rbnet20", { classes: CLASSES, size: SIZE });
  const own = mergedSettings({ ...standardSettings(data, description) }, { ...settings });
  await using trainer = await Trainer.create(description, data, own, { threads });
  for await (const _epoch of trainer);
  if (data.test === undefined) throw new UserError("the data have no test images; give a folder that has");
  const evaluation = await trainer.evaluate(data.test);
  return {
    bench,
    way: name,
    draw,
    classes: data.classes,
    images,
    tested: evaluation.images,
    top1: evaluation.top1,
    byClass: resultsByClass(evaluation, data.classes).map(({ top1 = 0 }) => top1),
    epoch: trainer.bestEpoch,
    seconds: trainer.totalSeconds,
    backend: trainer.backend.description,
    processor: cpus()[0]?.model.trim() ?? "unknown",
  };
}

/** A row for each way, means over the draws. */
export function smallDataTable(records: readonly SmallDataRecord[]): string {
  const ways = [...new Set(records.map(({ way }) => way))];
  const rows = ways.map((way) => {
    const own = records.filter((record) => record.way === way);
    const byDraw = own.map(({ top1 }) => formatShare(top1)).join(", ");
    const seconds = meanOf(own.map((record) => record.seconds)).toFixed(1);
    return [way, byDraw, formatShare(meanOf(own.map(({ top1 }) => top1))), ...bySize(own).map(formatShare), seconds];
  });
  const isLopsided = records.some(({ images }) => new Set(images).size > 1);
  const heads = isLopsided ? ["small classes", "large class"] : ["by class"];
  return alignedTable([["way", "top-1 by draw", "mean", ...heads, "seconds"], ...rows], 2).join("\n");
}

/** Mean of the classes with fewest images, and of those with most where these are more. */
function bySize(records: readonly SmallDataRecord[]): readonly number[] {
  const counts = [...new Set(records.flatMap(({ images }) => images))].sort((one, other) => one - other);
  return counts.map((count) =>
    meanOf(records.flatMap(({ byClass, images }) => byClass.filter((_, place) => images[place] === count))),
  );
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function rowOf({ way, draw, top1, byClass, epoch, seconds }: SmallDataRecord): string[] {
  return [String(draw), way, formatShare(top1), byClass.map(formatShare).join(", "), `epoch ${epoch}`, `${seconds.toFixed(1)} s`];
}
