/** Training runs of a second: a network of a few thousand weights on a few dozen pictures, and what is compared of two runs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Dataset } from "#rbnet/data/dataset";
import { shapes } from "#rbnet/data/shapes/shapes";
import { UserError } from "#rbnet/errors";
import type { NetworkDescription } from "#rbnet/networks/description";
import { rbnet8 } from "#rbnet/networks/rbnet";
import { decodeSafetensors, type StoredFile } from "#rbnet/runtime/safetensors";
import type { EpochRecord } from "#rbnet/training/records/run-records";
import type { TrainingSettings } from "#rbnet/training/settings/options";
import { Trainer } from "#rbnet/training/trainer";
import type { TrainerSetup } from "#rbnet/training/trainer-setup";
import { temporaryFolder } from "../temporary-folder.js";

/** Six batches of eight and two images over; the validation images do not fill one batch. */
export const data: Dataset = shapes({ train: 50, validation: 20, test: 0, size: 16 });
export const network: NetworkDescription = rbnet8({ classes: 10, width: 0.5, size: 16 });
export const STEPS_PER_EPOCH = 6;

export const settings = {
  epochs: 3,
  batch: 8,
  learningRate: 5e-3,
  warmup: 0.5,
  average: 0.9,
  labelSmoothing: 0.1,
  augmentation: { crop: { kind: "pad", padding: 2 }, flip: true, mixup: 0.3 },
} as const satisfies TrainingSettings;

/** No convolution, no batch normalization: the mean colour and a dense layer. What images contribute to its gradients only adds up. */
export const linearNetwork: NetworkDescription = { ...network, name: "linear", stem: [], stages: [] };

export interface TinyRun extends TrainerSetup {
  readonly settings?: TrainingSettings;
  readonly description?: NetworkDescription;
  readonly dataset?: Dataset;
  /** Asks for a stop after this step, counted over the whole run from 1. */
  readonly stopAfter?: number;
}

/** Trains until the end or the stop; the records without what a clock measured. */
export async function trainTiny({
  settings: own = settings,
  description = network,
  dataset = data,
  stopAfter,
  ...setup
}: TinyRun) {
  let stop = (): void => {};
  const trainer = await Trainer.create(description, dataset, own, {
    threads: 1,
    ...setup,
    onStep(progress) {
      setup.onStep?.(progress);
      if ((progress.epoch - 1) * progress.steps + progress.step === stopAfter) stop();
    },
  });
  await using running = trainer;
  stop = () => trainer.requestStop();
  const records: Omit<EpochRecord, "seconds" | "imagesPerSecond">[] = [];
  for await (const { seconds: _seconds, imagesPerSecond: _rate, ...record } of running) records.push(record);
  return { records, stopped: trainer.stopped, bestEpoch: trainer.bestEpoch };
}

export function readStored(folder: string, name: "checkpoint" | "model"): StoredFile {
  return decodeSafetensors(readFileSync(join(folder, `${name}.safetensors`)), name);
}

/** Every tensor of a run's checkpoint and model, as text; equal texts are equal bits. */
export function bitsOf(folder: string): Readonly<Record<string, string>> {
  const bits: Record<string, string> = {};
  for (const file of ["checkpoint", "model"] as const) {
    for (const [name, { data: values }] of readStored(folder, file).tensors) {
      bits[`${file} ${name}`] = Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("base64");
    }
  }
  return bits;
}

/** Names of what differs between two runs. */
export function differences(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): readonly string[] {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].filter((name) => one[name] !== other[name]);
}

/** Trains twice, once in a piece and once stopped after a step and resumed on more threads, and expects the same records and bits. */
export async function expectContinued(own: TrainingSettings, stopAfter: number): Promise<void> {
  const [straight, broken] = [temporaryFolder(), temporaryFolder()];
  const { records } = await trainTiny({ out: straight, settings: own });
  const first = await trainTiny({ out: broken, settings: own, stopAfter });
  expect(first.stopped).toBe(true);
  const rest = await trainTiny({ out: broken, settings: own, threads: 2, resume: true });
  expect([...first.records, ...rest.records]).toEqual(records);
  expect(differences(bitsOf(broken), bitsOf(straight))).toEqual([]);
}

/** The sentence that a promise is refused with: one, and for the user. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  const reason: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(reason instanceof UserError)) throw new Error(`expected a UserError, found ${reason}`, { cause: reason });
  if (reason.message.includes("\n")) throw new Error(`more than one line: ${reason.message}`);
  return reason.message;
}
