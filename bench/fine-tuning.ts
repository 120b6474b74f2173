/**
 * `npm run bench -- fine-tuning`: what a trained network is worth where pictures are few. A network is trained on the first six tenths of
 * the classes of a folder; on 5, 20 and 100 images of each of the others it is trained further, from its checkpoint and from its packed
 * model, beside networks from scratch, and all are tested on all test images of these classes.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";
import { alignedTable } from "#rbnet/cli/output";
import type { Dataset } from "#rbnet/data/dataset";
import { openDataset } from "#rbnet/data/open-dataset";
import { subsetByClass } from "#rbnet/data/sets/subset";
import { UserError } from "#rbnet/errors";
import { networkByName } from "#rbnet/networks/catalogue";
import { formatShare } from "#rbnet/quantities";
import { mergedSettings, type TrainingSettings } from "#rbnet/training/settings/options";
import { standardSettings } from "#rbnet/training/settings/standard-settings";
import { readStart } from "#rbnet/training/start/start";
import { Trainer } from "#rbnet/training/trainer";

/** Training images of each class. */
export const COUNTS = [5, 20, 100] as const;

export const FineTuningCase = z.strictObject({
  /** A folder with train/ and test/ or val/, each of images by class. */
  data: z.string({ error: "expected the folder of the images" }),
  /** The folder of a run on the first classes, or a model; trained anew where it is missing. */
  start: z.string().optional(),
  threads: z.int().positive(),
  /** The test images, or, to choose settings by, a tenth of the training images that is not trained on. */
  set: z.enum(["test", "validation"]),
  seeds: z.int().positive(),
  /** Of each class, one after the other. */
  images: z.array(z.literal(COUNTS)).min(1),
});

export type FineTuningCase = z.infer<typeof FineTuningCase>;

const NETWORK = "rbnet20";
const SIZE = 32;
/** Of the start. */
const EPOCHS = 8;
const START_SHARE = 0.6;
const DATA_SEED = 0;

/** A way to a network for few images. */
interface Way {
  readonly name: string;
  readonly start: "none" | "checkpoint" | "model";
  /** By images of a class; the others are those of `rbnet train`. */
  readonly settings: Readonly<Record<(typeof COUNTS)[number], TrainingSettings>>;
}

const SMALL = { batch: 16 } as const;
/** At the usual rate of a start, but for the fewest images, of which it learns too much too soon. */
const ALL_LEARNS: Way["settings"] = {
  5: { ...SMALL, epochs: 60, learningRate: 1e-3 },
  20: { ...SMALL, epochs: 30, learningRate: 3e-3 },
  100: { ...SMALL, epochs: 20, learningRate: 3e-3 },
};
/** The settings were chosen by --set validation, of those that docs/fine-tuning.md names. */
const WAYS: readonly Way[] = [
  {
    name: "from scratch",
    start: "none",
    settings: {
      5: { ...SMALL, epochs: 150, learningRate: 3e-3 },
      20: { ...SMALL, epochs: 60, learningRate: 1e-2 },
      100: { ...SMALL, epochs: 40, learningRate: 1e-2 },
    },
  },
  { name: "from the checkpoint", start: "checkpoint", settings: ALL_LEARNS },
  { name: "from the packed model", start: "model", settings: ALL_LEARNS },
  {
    name: "from the checkpoint, two stages frozen",
    start: "checkpoint",
    settings: everywhere({ ...SMALL, freeze: "stage2", learningRate: 3e-3 }),
  },
  {
    name: "from the checkpoint, body frozen",
    start: "checkpoint",
    settings: everywhere({ ...SMALL, freeze: "body", learningRate: 1e-2 }),
  },
];

/** With the epochs that the number of images asks for. */
function everywhere(settings: TrainingSettings): Way["settings"] {
  return { 5: { ...settings, epochs: 60 }, 20: { ...settings, epochs: 30 }, 100: { ...settings, epochs: 20 } };
}

export interface FineTuningRecord {
  readonly bench: "fine-tuning";
  readonly way: string;
  readonly imagesPerClass: number;
  readonly settings: TrainingSettings;
  readonly set: FineTuningCase["set"];
  readonly testedImages: number;
  /** Shares of a seed each, from seed 1 on. */
  readonly top1: readonly number[];
  /** Mean of a run. */
  readonly seconds: number;
  readonly backend: string;
  readonly processor: string;
}

export async function benchFineTuning(
  options: FineTuningCase,
  report: (line: string) => void,
): Promise<readonly FineTuningRecord[]> {
  const folder = mkdtempSync(join(tmpdir(), "rbnet-bench-"));
  try {
    const names = classesIn(options.data);
    const split = Math.round(START_SHARE * names.length);
    const start =
      options.start ?? (await trainStart(options, classFolder(options.data, names.slice(0, split), folder, "start"), report));
    const path = classFolder(options.data, names.slice(split), folder, "few");
    const data = await openDataset({ path, size: SIZE, validationFraction: 0.1, seed: DATA_SEED });
    const records: FineTuningRecord[] = [];
    for (const count of options.images)
      for (const way of WAYS) {
        const record = await measure(way, count, data, start, options);
        report(rowOf(record).join("  "));
        records.push(record);
      }
    return records;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function classesIn(data: string): readonly string[] {
  const train = join(data, "train");
  if (!existsSync(train))
    throw new UserError(`${data} has no folder train/; give one with train/ and test/ or val/, of images by class`);
  return readdirSync(train).sort();
}

/** A folder of links to those of some classes. */
function classFolder(data: string, names: readonly string[], root: string, name: string): string {
  const test = existsSync(join(data, "test")) ? "test" : "val";
  for (const [part, from] of [
    ["train", "train"],
    ["test", test],
  ] as const) {
    mkdirSync(join(root, name, part), { recursive: true });
    for (const label of names) symlinkSync(resolve(data, from, label), join(root, name, part, label));
  }
  return join(root, name);
}

/** As `rbnet train <folder> --network rbnet20 --epochs 8` does it; returns the folder of the run. */
async function trainStart({ threads }: FineTuningCase, path: string, report: (line: string) => void): Promise<string> {
  const data = await openDataset({ path, size: SIZE, validationFraction: 0.1, seed: 1 });
  const out = join(path, "run");
  report(`training the start on ${data.classes.join(", ")}`);
  const description = networkByName(NETWORK, { classes: data.classes.length, size: SIZE });
  const settings = mergedSettings({ ...standardSettings(data, description) }, { epochs: EPOCHS });
  await using trainer = await Trainer.create(description, data, settings, { threads, out });
  for await (const { index, validation } of trainer) report(`epoch ${index}: ${formatShare(validation?.top1 ?? 0)}`);
  return out;
}

async function measure(
  { name, start: kind, settings: byCount }: Way,
  count: (typeof COUNTS)[number],
  data: Dataset,
  start: string,
  { threads, set, seeds }: FineTuningCase,
): Promise<FineTuningRecord> {
  const from = kind === "none" ? {} : { from: kind === "model" ? join(start, "model.safetensors") : start };
  const images = data[set];
  if (images === undefined) throw new UserError(`the data have no ${set} images to test on; give a folder that has`);
  const settings = byCount[count];
  const top1: number[] = [];
  let [seconds, backend] = [0, ""];
  for (let seed = 1; seed <= seeds; seed++) {
    const train = subsetByClass(data.train, count * data.classes.length, seed);
    const few = { ...data, train, validation: undefined, test: undefined };
    const description =
      from.from === undefined
        ? networkByName(NETWORK, { classes: data.classes.length, size: SIZE })
        : (await readStart(from.from)).networkFor(data.classes.length);
    const own = { ...mergedSettings({ ...standardSettings(few, description, from) }, settings), ...from, seed };
    await using trainer = await Trainer.create(description, few, own, { threads });
    for await (const _epoch of trainer);
    top1.push((await trainer.evaluate(images)).top1);
    seconds += trainer.totalSeconds / seeds;
    backend = trainer.backend.description;
  }
  const processor = cpus()[0]?.model.trim() ?? "unknown";
  const tested = { set, testedImages: images.count };
  return { bench: "fine-tuning", way: name, imagesPerClass: count, settings, ...tested, top1, seconds, backend, processor };
}

/** One row for each way and number of images. */
export function fineTuningTable(records: readonly FineTuningRecord[]): string {
  return alignedTable([["images a class", "way", "mean top-1", "by seed", "seconds"], ...records.map(rowOf)], 2).join("\n");
}

function rowOf({ way, imagesPerClass, top1, seconds }: FineTuningRecord): string[] {
  const mean = top1.reduce((sum, value) => sum + value, 0) / top1.length;
  return [String(imagesPerClass), way, formatShare(mean), top1.map(formatShare).join(", "), seconds.toFixed(1)];
}
