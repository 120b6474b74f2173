/** Flags that several commands share, and how their values are read. */
import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import { GRADIENT_PRECISIONS } from "../backend/device.js";
import { BACKEND_NAMES, type MachineSetup } from "../backend/machine.js";
import type { DatasetOptions } from "../data/dataset.js";
import { UserError } from "../errors.js";

export function readNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("A number is expected.");
  return value;
}

export function readWholeNumber(text: string): number {
  const value = readNumber(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError("A whole number from 0 is expected.");
  return value;
}

export function readPositive(text: string): number {
  const value = readWholeNumber(text);
  if (value < 1) throw new InvalidArgumentError("A whole number from 1 is expected.");
  return value;
}

export function readFolds(text: string): number {
  const folds = readWholeNumber(text);
  if (folds < 2) throw new InvalidArgumentError("At least 2 are needed: one to test on, the others to train on.");
  return folds;
}

/** Of values with commas in between. */
export function listOf(read: (text: string) => number): (text: string) => readonly number[] {
  return (text) => text.split(",").map(read);
}

/** Of commands that run a network. */
export type BackendFlags = Required<Pick<MachineSetup, "threads" | "backend">>;

/** Of commands that train one: a whole MachineSetup. */
export type MachineFlags = Required<Omit<MachineSetup, "instructionSets">>;

export function addBackendFlags(command: Command, standard = availableParallelism()): Command {
  return command
    .option("--threads <n>", "threads that compute; the results do not depend on it", readThreads, standard)
    .addOption(
      new Option(
        "--backend <name>",
        "auto: native where the C accelerator is there, else wasm, and train before both a GPU; webgpu: a GPU",
      )
        .choices(BACKEND_NAMES)
        .default("auto"),
    );
}

export function addMachineFlags(command: Command): Command {
  return addBackendFlags(command)
    .addOption(
      new Option(
        "--precision <name>",
        "of gradients where they are multiplied with signs: bfloat16 on processors, float16 on GPUs, where they have it",
      )
        .choices(GRADIENT_PRECISIONS)
        .default("float32"),
    )
    .option(
      "--keep-every <units>",
      "keep the map of every so many-th unit for the backward pass, and compute the others again: less memory, more time, the same bits",
      readPositive,
      1,
    );
}

/** More threads than this have no use, and each takes memory. */
const THREAD_LIMIT = 256;

export function readThreads(text: string): number {
  const threads = readPositive(text);
  if (threads > THREAD_LIMIT) throw new InvalidArgumentError(`At most ${THREAD_LIMIT} are possible.`);
  return threads;
}

export interface DataFlags {
  readonly seed: number;
  readonly validationFraction: number;
  readonly emnistSplit?: string;
}

/** What decides which images are held out: `eval` has to be given what `train` was given. */
export function addDataFlags(command: Command): Command {
  return command
    .option("--seed <n>", "decides held-out images, initial weights and the order of images", readSeed, USUAL_DATA.seed)
    .option(
      "--validation-fraction <share>",
      "share of the training images to hold out where the data bring none",
      readNumber,
      USUAL_DATA.validationFraction,
    )
    .addOption(new Option("--emnist-split <name>", "which of the splits in EMNIST's folder").choices(EMNIST_SPLITS));
}

/** The options of a data set that the flags decide. */
export function dataOptions({ seed, validationFraction, emnistSplit }: DataFlags): DatasetOptions {
  return { seed, validationFraction, ...(emnistSplit === undefined ? {} : { emnistSplit }) };
}

/** Of commands that measure a trained model: what its training had, where that is known, else what `train` takes by itself. */
export type HeldOutFlags = Partial<DataFlags>;

export function addHeldOutFlags(command: Command): Command {
  return command
    .option(
      "--seed <n>",
      "that of the training, whose held-out images are meant (default: as its run recorded, else 1)",
      readSeed,
    )
    .option("--validation-fraction <share>", "that of the training (default: as its run recorded, else 0.1)", readNumber)
    .addOption(new Option("--emnist-split <name>", "which of the splits in EMNIST's folder").choices(EMNIST_SPLITS));
}

export function heldOutOptions(
  flags: HeldOutFlags,
  run: { readonly seed: number; readonly validationFraction: number | undefined } | undefined,
): DatasetOptions {
  const { seed = run?.seed ?? USUAL_DATA.seed, validationFraction = run?.validationFraction ?? USUAL_DATA.validationFraction } =
    flags;
  return dataOptions({ ...flags, seed, validationFraction });
}

const USUAL_DATA = { seed: 1, validationFraction: 0.1 };
const EMNIST_SPLITS = ["byclass", "bymerge", "balanced", "letters", "digits", "mnist"];

export function readSeed(text: string): number {
  const seed = readWholeNumber(text);
  if (seed > 0xffffffff) throw new InvalidArgumentError("At most 4294967295 is possible.");
  return seed;
}

/** @throws UserError where a flag was given that means nothing here */
export function forbidFlags(flags: Readonly<Record<string, unknown>>, names: readonly string[], reason: string): void {
  const given = names.find((name) => flags[name] !== undefined);
  if (given !== undefined) throw new UserError(`${flagName(given)} cannot be used here: ${reason}`);
}

/** learningRate -> --learning-rate */
export function flagName(property: string): string {
  return `--${property.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
