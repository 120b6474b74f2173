/** `rbnet train`: data in, a trained network with its metrics and report out; Ctrl-C leaves a checkpoint to go on from. */
import { type Command, Option } from "commander";
import { GRADIENT_PRECISIONS, type GradientPrecision } from "../backend/device.js";
import { chooseKernels } from "../backend/open.js";
import type { Dataset } from "../data/dataset.js";
import { openDataset } from "../data/open-dataset.js";
import { UserError } from "../errors.js";
import { networkByName, networkNames } from "../networks/catalogue.js";
import type { NetworkDescription } from "../networks/description.js";
import { formatBytes, formatDuration, formatInteger, formatShare } from "../quantities.js";
import { RunLog } from "../report/run-log.js";
import { holdsRun, prepareRunFolder, runFile } from "../stores/run-folder.js";
import { type EstimateSetup, estimateRun } from "../training/costs/estimate.js";
import { summarizeNetwork } from "../training/costs/memory.js";
import { profileTraining } from "../training/costs/profile.js";
import type { EpochRecord } from "../training/records/run-records.js";
import type { TrainingOptions } from "../training/settings/options.js";
import { recipeByName } from "../training/settings/recipes.js";
import { Trainer } from "../training/trainer.js";
import { commandLine } from "./command-line.js";
import { addBackendFlags, addDataFlags, type BackendFlags, type DataFlags, readNumber, readPositive } from "./flags.js";
import { Interrupts } from "./interrupts.js";
import { addVariationFlags, type VariationFlags, variationOf } from "./network-flags.js";
import { accuracyText, bold, dim, milliseconds, print, printJson, tell, tellSkipped } from "./output.js";
import { printProfile } from "./profile.js";
import { Progress } from "./progress.js";
import { addTrainingFlags, readSettings, recipesText, settingsFor, type TrainingFlags } from "./training-flags.js";

/** Enough for means that hold still. */
const PROFILED_STEPS = 20;

interface TrainFlags extends TrainingFlags, DataFlags, BackendFlags, VariationFlags {
  readonly seed: number;
  readonly network?: string;
  readonly width: number;
  readonly size?: number;
  readonly out?: string;
  readonly resume?: boolean;
  readonly profile?: boolean;
  readonly precision: GradientPrecision;
  readonly keepEvery: number;
  readonly json?: boolean;
}

export function addTrain(program: Command): void {
  const command = program
    .command("train")
    .description("train a network on a folder of images by class, tar shards, CIFAR, IDX (MNIST) or generated shapes")
    .argument("[data]", "folder of the data, or `shapes`, which are drawn from the seed", "shapes")
    .option("--network <name>", `${networkNames.join(", ")} (default: by the data)`)
    .option("--width <factor>", "multiplies the channels of every stage", readNumber, 1)
    .option("--size <pixels>", "side of the network's input (default: by the images)", readPositive);
  addVariationFlags(command);
  addTrainingFlags(command);
  addBackendFlags(addDataFlags(command))
    .option("--out <folder>", "where checkpoint, model, metrics and report go (default: runs/<data>-<network>)")
    .addOption(
      new Option(
        "--precision <name>",
        "of gradients where they are multiplied with signs; bfloat16 is faster, on processors that have it",
      )
        .choices(GRADIENT_PRECISIONS)
        .default("float32"),
    )
    .option(
      "--keep-every <units>",
      "keep the map of every so many-th unit for the backward pass, and compute the others again: less memory, more time, the same bits",
      readPositive,
      1,
    )
    .option("--resume", "go on from the checkpoint in that folder")
    .option("--profile", "train some steps only, and print where their time goes, by kernel and layer")
    .option("--json", "one JSON object a line on standard output")
    .addHelpText(
      "after",
      `\n${recipesText()}\n\nExample:\n  rbnet train photos --network rbnet20 --width 2 --epochs 60 --out runs/photos\n  rbnet train imagenet-shards --network rbnet18 --batch 256 --epochs 90 --color-jitter 0.4 --lighting 0.1\n  rbnet train photos --recipe two-stage --epochs 100`,
    )
    .action(train);
}

async function train(path: string, given: TrainFlags): Promise<void> {
  const flags = withRecipe(given);
  // What is wrong with the flags alone is said before the data are read, which may take minutes.
  readSettings(flags);
  chooseKernels(flags.backend, flags.precision);
  if (flags.network !== undefined) networkByName(flags.network, { classes: 2, width: flags.width, ...variationOf(flags) });
  const progress = new Progress(flags.json === true);
  const { size, seed, validationFraction } = flags;
  const data = await openDataset({
    path,
    seed,
    validationFraction,
    progress: progress.decoding,
    ...(size === undefined ? {} : { size }),
  });
  progress.clear();
  tellSkipped({ count: data.skipped.length, named: data.skipped });
  const description = networkFor(flags, data);
  if (flags.profile === true) {
    const { threads, backend: name, precision, keepEvery } = flags;
    const setup = { threads, name, precision, keepEvery };
    const profile = await profileTraining(description, data, settingsFor(flags, data, path), setup, PROFILED_STEPS);
    if (flags.json === true) printJson(profile);
    else printProfile(profile);
    return;
  }
  const out =
    flags.out ??
    standardFolder(`runs/${data.name}-${description.name}${flags.width === 1 ? "" : `-w${flags.width}`}`, flags.resume === true);
  await runTraining({
    description,
    data,
    settings: settingsFor(flags, data, path),
    out,
    progress,
    recipe: flags.recipe,
    continuation: commandLine(["--resume", "--out", out]),
    flags,
  });
}

export interface TrainingRun {
  readonly description: NetworkDescription;
  readonly data: Dataset;
  readonly settings: TrainingOptions;
  readonly out: string;
  readonly progress: Progress;
  /** Name of the recipe that the settings come of. */
  readonly recipe?: string | undefined;
  /** What to type after an interruption. */
  readonly continuation: string;
  readonly flags: BackendFlags & {
    readonly precision?: GradientPrecision;
    readonly keepEvery?: number;
    readonly resume?: boolean;
    readonly json?: boolean;
  };
}

/** Trains, keeps the run's folder, and says how it went; false where a signal stopped the run, whose exit code is set then. */
export async function runTraining({
  description,
  data,
  settings,
  out,
  progress,
  recipe,
  continuation,
  flags,
}: TrainingRun): Promise<boolean> {
  const { threads, backend, precision = "float32", keepEvery = 1, resume = false, json = false } = flags;
  if (recipe !== undefined && !resume && !json) {
    // Nobody should wait for the estimate of a run that cannot be kept.
    await prepareRunFolder(out, false);
    await tellEstimate(recipe, description, data, settings, { threads, backend, precision, keepEvery });
  }
  await using trainer = await Trainer.create(description, data, settings, {
    threads,
    backend,
    precision,
    keepEvery,
    out,
    resume,
    onStep: progress.step,
  });
  const log = await RunLog.open(trainer, { command: commandLine(), recipe });
  using interrupts = new Interrupts(() => {
    progress.clear();
    tell("finishing the step and saving a checkpoint; Ctrl-C again ends at once");
    trainer.requestStop();
  });
  try {
    if (json) printJson(log.run);
    else introduce(log.run.network, data, trainer, out);
    let skipped = 0;
    for await (const epoch of trainer) {
      progress.clear();
      await log.addEpoch(epoch);
      if (json) printJson(epoch);
      else print(epochLine(epoch, settings.epochs));
      // Said again only where more were found.
      if (epoch.skipped !== undefined && epoch.skipped.count > skipped) tellSkipped(epoch.skipped);
      skipped = epoch.skipped?.count ?? 0;
    }
    progress.clear();
    if (trainer.stopped) {
      tell(`stopped, and a checkpoint is saved. Go on with:\n  ${continuation}`);
      process.exitCode = interrupts.exitCode;
      return false;
    }
    const modelBytes = await trainer.export(runFile(out, "model"));
    const result = await log.finish(modelBytes);
    if (json) {
      if (result !== undefined) printJson(result);
    } else {
      if (result !== undefined)
        print(
          `\n${bold(accuracyText(result.evaluation, data.classes.length))} on ${formatInteger(result.evaluation.images)} ${result.set} images, ${formatDuration(result.seconds)} in all`,
        );
      print(`model   ${runFile(out, "model")} (${formatBytes(modelBytes)})\nreport  ${log.reportPath}`);
    }
    return true;
  } finally {
    progress.clear();
    await log.close();
  }
}

/** Network and size of a recipe that has its own, where the flags name no others. */
function withRecipe(flags: TrainFlags): TrainFlags {
  if (flags.recipe === undefined) return flags;
  const { network, size } = recipeByName(flags.recipe);
  return { ...(network === undefined ? {} : { network }), ...(size === undefined ? {} : { size }), ...flags };
}

function networkFor({ network, width, ...flags }: TrainFlags, data: Dataset): NetworkDescription {
  const usual = data.name === "shapes" ? "rbnet8" : data.size <= 64 ? "rbnet20" : "rbnet18";
  return networkByName(network ?? usual, { classes: data.classes.length, width, size: data.size, ...variationOf(flags) });
}

/** The first of name, name-2, name-3, ... without a run; to resume, the last with one. */
function standardFolder(name: string, resume: boolean): string {
  const folderOf = (number: number): string => (number === 1 ? name : `${name}-${number}`);
  let next = 1;
  while (holdsRun(folderOf(next))) next++;
  if (!resume) return folderOf(next);
  if (next === 1)
    throw new UserError(`there is no run in ${name} to resume; start one without --resume, or name its folder by --out`);
  return folderOf(next - 1);
}

/** Before a run that may take days: what it will take, of time and memory. */
async function tellEstimate(
  recipe: string,
  description: NetworkDescription,
  data: Dataset,
  settings: TrainingOptions,
  setup: EstimateSetup,
): Promise<void> {
  const { keepEvery = 1 } = setup;
  const { trainingBytes } = await summarizeNetwork(description, settings.batch, { ...settings, keepEvery });
  const { seconds, stepMs } = await estimateRun(description, data, settings, setup);
  print(
    `${bold(recipe)}: about ${bold(formatDuration(seconds))} (${stepMs.map(milliseconds).join(", then ")} ms a step, measured by a few) and ${formatBytes(trainingBytes)} of memory${settings.distill === undefined ? "" : ", besides the teacher's"}`,
  );
}

function introduce(network: string, data: Dataset, trainer: Trainer, out: string): void {
  const { train: images, validation, test, classes, size } = data;
  const parts = [
    `${formatInteger(images.count)} training`,
    validation === undefined ? "" : `${formatInteger(validation.count)} validation`,
    test === undefined ? "" : `${formatInteger(test.count)} test`,
  ];
  print(
    `${bold(network)} on ${bold(data.name)}: ${parts.filter((part) => part !== "").join(", ")} images of ${size} x ${size}, ${classes.length} classes`,
  );
  print(
    dim(
      `${trainer.backend.description}; everything goes to ${out}${trainer.startEpoch > 1 ? `; going on with epoch ${trainer.startEpoch}` : ""}`,
    ),
  );
}

/** One epoch for a person. */
export function epochLine(
  { index, stage, trainLoss, trainTop1, validation, imagesPerSecond, seconds }: EpochRecord,
  epochs: number,
): string {
  const number = String(index).padStart(String(epochs).length);
  const held =
    validation === undefined
      ? ""
      : `   validation ${formatShare(validation.top1).padStart(7)} (loss ${validation.loss.toFixed(3)})`;
  const speed = dim(`${formatInteger(imagesPerSecond)} images/s, ${formatDuration(seconds)}`);
  const part = stage === undefined ? "" : `stage ${stage}, `;
  return `${part}epoch ${number}/${epochs}   train ${formatShare(trainTop1).padStart(7)} (loss ${trainLoss.toFixed(3)})${held}   ${speed}`;
}
