/** `rbnet train`: data in, a trained network with its metrics and report out; Ctrl-C leaves a checkpoint to go on from. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import type { Machine, MachineSetup } from "../backend/machine.js";
import { chooseBackend } from "../backend/open.js";
import { trainingMachine } from "../backend/training-machine.js";
import { lookForNodeGpu } from "../backend/webgpu/node.js";
import type { Job } from "../cluster/job.js";
import { lead } from "../cluster/lead.js";
import type { Dataset } from "../data/dataset.js";
import { openDataset } from "../data/open-dataset.js";
import { foldsOf } from "../data/sets/folds.js";
import { readViews } from "../data/views/views-file.js";
import { UserError } from "../errors.js";
import { networkByName, networkNames } from "../networks/catalogue.js";
import type { NetworkDescription } from "../networks/description.js";
import { FolderTaken, isClaimed } from "../stores/run-claim.js";
import { holdsFolds, holdsRun, prepareRunFolder, runFile } from "../stores/run-folder.js";
import { profileTraining } from "../training/costs/profile.js";
import { planTraining } from "../training/plan/training-plan.js";
import { settingsIn } from "../training/records/checkpoint.js";
import type { TrainingOptions } from "../training/settings/options.js";
import { recipeByName } from "../training/settings/recipes.js";
import { readStart } from "../training/start/start.js";
import { commandLine } from "./command-line.js";
import {
  addDataFlags,
  addMachineFlags,
  type DataFlags,
  dataOptions,
  forbidFlags,
  type MachineFlags,
  readFolds,
  readNumber,
  readPositive,
} from "./flags.js";
import { crossValidate } from "./folds.js";
import { inJob, threadsFor } from "./in-job.js";
import { agreedMachine, requireAlikeForTraining } from "./job-terms.js";
import { addVariationFlags, type VariationFlags, variationOf } from "./network-flags.js";
import { printJson, tell, tellSkipped } from "./output.js";
import { printPlan } from "./plan.js";
import { printProfile } from "./profile.js";
import { ProgressBar } from "./progress-bar.js";
import { followStart } from "./start-flags.js";
import { addTrainingFlags, readSettings, recipesText, settingsFor, type TrainingFlags } from "./training-flags.js";
import { runTraining } from "./training-run.js";

/** Enough for means that hold still. */
const PROFILED_STEPS = 20;

interface GivenFlags extends TrainingFlags, DataFlags, MachineFlags, VariationFlags {
  readonly seed: number;
  readonly network?: string;
  readonly width?: number;
  readonly size?: number;
  readonly out?: string;
  readonly resume?: boolean;
  readonly folds?: number;
  readonly profile?: boolean;
  readonly dryRun?: boolean;
  readonly tensorboard?: boolean;
  readonly json?: boolean;
}

/** With what a start, a recipe and nobody has decided. */
type TrainFlags = GivenFlags & { readonly width: number };

export function addTrain(program: Command): void {
  const command = program
    .command("train")
    .description("train a network on a folder of images by class, tar shards, CIFAR, IDX (MNIST) or generated shapes")
    .argument("[data]", "folder of the data, or `shapes`, which are drawn from the seed", "shapes")
    .option("--network <name>", `${networkNames.join(", ")} (default: by the data)`)
    .option("--width <factor>", "multiplies the channels of every stage (default: 1)", readNumber)
    .option("--size <pixels>", "side of the network's input (default: by the images)", readPositive);
  addVariationFlags(command);
  addTrainingFlags(command);
  addMachineFlags(addDataFlags(command))
    .option("--out <folder>", "where checkpoint, model, metrics and report go (default: runs/<data>-<network>)")
    .option("--resume", "go on from the checkpoint in that folder")
    .option(
      "--folds <n>",
      "cross-validation, for few images: a run for each fold, tested on it and trained on the others",
      readFolds,
    )
    .option("--profile", "train some steps only, and print where their time goes, by kernel and layer")
    .option("--tensorboard", "write event files for TensorBoard beside metrics.jsonl, too")
    .option("--dry-run", "say what the training has understood of data and flags, and how long it will take, and end there")
    .option("--json", "one JSON object a line on standard output")
    .addHelpText(
      "after",
      `\n${recipesText()}\n\n` +
        "Example:\n" +
        "  rbnet train photos --network rbnet20 --width 2 --epochs 60 --out runs/photos\n" +
        "  rbnet train imagenet-shards --network rbnet18 --batch 256 --epochs 90 --color-jitter 0.4 --lighting 0.1\n" +
        "  rbnet train photos --recipe two-stage --epochs 100\n" +
        "  rbnet train photos --from rbnet20-cifar10",
    )
    .action(train);
}

function train(path: string, flags: GivenFlags, command: Command): Promise<void> {
  refuseWithFolds(flags, command);
  return inJob(async (job) => trainIn(job, path, { ...flags, threads: await threadsFor(job, flags, command) }));
}

async function trainIn(job: Job, path: string, given: GivenFlags): Promise<void> {
  const start = given.from === undefined ? undefined : await readStart(given.from);
  const flags = { width: 1, ...withRecipe(start === undefined ? given : followStart(given, start)) };
  // What is wrong with the flags alone is said before the data are read, which may take minutes.
  const chosen = readSettings(flags);
  chooseBackend(flags);
  if (flags.views !== undefined) readViews(flags.views);
  if (flags.network !== undefined) networkByName(flags.network, { classes: 2, width: flags.width, ...variationOf(flags) });
  const progress = new ProgressBar(flags.json === true);
  const { size } = flags;
  const data = await openDataset({
    path,
    ...dataOptions(flags),
    ...(flags.folds === undefined ? {} : { validationFraction: 0 }),
    progress: progress.decoding,
    ...(size === undefined ? {} : { size }),
  });
  progress.clear();
  const description = start?.networkFor(data.classes.length) ?? networkFor(flags, data);
  const folds = flags.folds === undefined ? undefined : await foldsOf(data, flags.folds, flags.seed);
  // Folds differ by an image a class, and the batch has to suit all of them.
  const planned = folds?.toSorted((one, other) => one.train.count - other.train.count)[0] ?? data;
  const width = flags.width === 1 ? "" : `-w${flags.width}`;
  const name = `runs/${data.name}-${description.name}${width}${folds === undefined ? "" : "-folds"}`;
  const resumed = flags.resume === true && flags.dryRun !== true;
  const replicas = await replicasFor(job, flags, resumed ? () => folderOf(flags, name, true) : undefined);
  const settings = settingsFor(replicas === 1 ? chosen : { ...chosen, replicas }, planned, description);
  refuseInJob(job, flags);
  await requireAlikeForTraining(job, description, data, settings);
  const agreed = await agreedMachine(job, flags);
  // A profile takes times as calls return; a job's processes would share the GPU of their machine.
  const machine = job.size > 1 || flags.profile === true ? agreed : await machineWithGpu(agreed);
  if (flags.profile === true) {
    tellSkipped({ count: data.skipped.length, named: data.skipped });
    const profile = await profileTraining(description, data, settings, machine, PROFILED_STEPS);
    if (flags.json === true) printJson(profile);
    else printProfile(profile);
    return;
  }
  if (resumed) tellSkipped({ count: data.skipped.length, named: data.skipped });
  else {
    // Nobody should wait for the estimate of a run that cannot be kept.
    if (flags.dryRun !== true) await lead(job, async () => prepareRunFolder(await folderOf(flags, name, false), false));
    await lead(job, () => introduce(description, planned, settings, flags, machine, job));
    if (flags.dryRun === true) return;
  }
  await inFolder(job, flags, name, async (out) => {
    const run = {
      job,
      description,
      settings,
      out,
      progress,
      recipe: flags.recipe,
      continuation: `${job.size === 1 ? "" : `mpirun -np ${job.size} `}${commandLine(["--resume", "--out", out])}`,
      machine,
      resume: flags.resume === true,
      tensorboard: flags.tensorboard === true,
      json: flags.json === true,
    };
    if (folds !== undefined) return crossValidate({ ...run, folds });
    await runTraining({ ...run, data, introduced: !run.resume, validationFraction: flags.validationFraction });
  });
}

async function machineWithGpu(given: Machine): Promise<Machine> {
  const { machine, gpu } = await trainingMachine(given, lookForNodeGpu);
  if (gpu !== undefined) tell(`training on the GPU ${gpu}; --backend native or wasm takes the processor`);
  return machine;
}

/** Says what was understood, for a person as a table and for a program as an object. */
async function introduce(
  description: NetworkDescription,
  data: Dataset,
  settings: TrainingOptions,
  flags: TrainFlags,
  machine: MachineSetup,
  job: Job,
): Promise<void> {
  const { dryRun, recipe, json, folds } = flags;
  const alone = dryRun === true || recipe !== undefined ? "always" : "long runs";
  // What one process measures by itself says nothing of a job.
  const measure = job.size > 1 ? "never" : alone;
  const plan = await planTraining(description, data, settings, {
    machine,
    measure,
    ...(folds === undefined ? {} : { folds }),
  });
  if (json === true) printJson(plan);
  else printPlan(plan, recipe);
}

/** @throws UserError where a flag is for one process, and there are several */
function refuseInJob(job: Job, { profile, folds }: TrainFlags): void {
  if (job.size === 1) return;
  forbidFlags(
    { profile },
    ["profile"],
    "it shows the steps of one process, and several have been started; start it without mpirun",
  );
  forbidFlags({ folds }, ["folds"], "its runs are of one process each, and several have been started; start it without mpirun");
}

/** @throws UserError where a flag means nothing for a fold, which has no images held out to choose an epoch by */
function refuseWithFolds(flags: GivenFlags, command: Command): void {
  if (flags.folds === undefined) return;
  const { patience, profile } = flags;
  const fraction = command.getOptionValueSource("validationFraction") === "cli" ? flags.validationFraction : undefined;
  forbidFlags({ patience }, ["patience"], "with --folds no images are held out to watch, and the last epoch is tested");
  forbidFlags({ profile }, ["profile"], "it takes a few steps of one run; leave --folds out");
  forbidFlags(
    { validationFraction: fraction },
    ["validationFraction"],
    "with --folds each fold is what the others are tested on",
  );
}

/** Trains in the folder that the flags name, or in one of the usual names: the next where somebody else takes it at the same moment. */
async function inFolder(job: Job, flags: TrainFlags, name: string, run: (folder: string) => Promise<void>): Promise<void> {
  const { out, resume = false, folds } = flags;
  const chosen = (): Promise<string> => lead(job, () => folderOf(flags, name, resume));
  if (resume) {
    const folder = await chosen();
    if (folds === undefined && (await lead(job, async () => holdsFolds(folder))))
      throw new UserError(`${folder} holds a cross-validation; to go on with it, give --folds as it was started with`);
    return run(folder);
  }
  if (out !== undefined) return run(out);
  for (;;) {
    try {
      return await run(await chosen());
    } catch (error) {
      if (!(error instanceof FolderTaken)) throw error;
    }
  }
}

async function folderOf({ out }: TrainFlags, name: string, resume: boolean): Promise<string> {
  return out ?? (await standardFolder(name, resume));
}

/** Parts of a batch: as many as the flags say, as the run that goes on has, or one a process. */
async function replicasFor(job: Job, { replicas }: TrainFlags, resumedFolder?: () => Promise<string>): Promise<number> {
  if (replicas !== undefined) return replicas;
  if (resumedFolder === undefined) return job.size;
  return lead(job, async () => {
    const path = runFile(await resumedFolder(), "checkpoint");
    // Where there is none, whoever opens the run says so.
    return existsSync(path) ? (settingsIn(await readFile(path), path).replicas ?? 1) : job.size;
  });
}

/** Network and size of a recipe that has its own, where the flags name no others. */
function withRecipe(flags: GivenFlags): GivenFlags {
  if (flags.recipe === undefined) return flags;
  const { network, size } = recipeByName(flags.recipe);
  return { ...(network === undefined ? {} : { network }), ...(size === undefined ? {} : { size }), ...flags };
}

function networkFor({ network, width, ...flags }: TrainFlags, data: Dataset): NetworkDescription {
  const usual = data.name === "shapes" ? "rbnet8" : data.size <= 64 ? "rbnet20" : "rbnet18";
  return networkByName(network ?? usual, { classes: data.classes.length, width, size: data.size, ...variationOf(flags) });
}

/** The first of name, name-2, name-3, ... without a run; to resume, the last with one. */
async function standardFolder(name: string, resume: boolean): Promise<string> {
  const folderOf = (number: number): string => (number === 1 ? name : `${name}-${number}`);
  let next = 1;
  const holds = (folder: string): boolean => holdsRun(folder) || holdsFolds(folder);
  while (holds(folderOf(next)) || (!resume && (await isClaimed(folderOf(next))))) next++;
  if (!resume) return folderOf(next);
  if (next === 1)
    throw new UserError(`there is no run in ${name} to resume; start one without --resume, or name its folder by --out`);
  return folderOf(next - 1);
}
