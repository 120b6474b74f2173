/** What a run will take on this machine, measured before it by a few steps of each of its stages. */
import type { Backend } from "../../backend/device.js";
import type { MachineSetup } from "../../backend/machine.js";
import { openBackend } from "../../backend/open.js";
import type { Dataset, ImageSet } from "../../data/dataset.js";
import { subsetByClass } from "../../data/sets/subset.js";
import type { NetworkDescription } from "../../networks/description.js";
import { evaluateModel } from "../evaluate.js";
import type { TrainingOptions } from "../settings/options.js";
import { isLast, type TrainingStage, trainingStages } from "../stage/stages.js";
import { Trainer } from "../trainer.js";

export interface RunEstimate {
  /** Of a training step, stage by stage. */
  readonly stepMs: readonly number[];
  /** Of the whole run, with validation and the evaluation at its end. */
  readonly seconds: number;
}

/** The first steps wait for images and for the engine's compiler. */
const WARMUP_STEPS = 2;
export const MEASURED_STEPS = 6;
/** Steps that take so long vary little. */
const ENOUGH_MS = 15_000;
const EVALUATED_IMAGES = 256;

/** Trains and evaluates a little, and keeps nothing of it. */
export async function estimateRun(
  description: NetworkDescription,
  data: Dataset,
  options: TrainingOptions,
  machine: MachineSetup = {},
): Promise<RunEstimate> {
  const steps = Math.floor(data.train.count / options.batch);
  const validated = data.validation?.count ?? 0;
  const last = validated + (data.test?.count ?? 0);
  const stepTimes: number[] = [];
  let milliseconds = 0;
  for (const stage of trainingStages(options)) {
    using backend = await openBackend(machine);
    const alone = optionsAlone(options, stage);
    const { stepMs, evaluationMs } = await measure(description, data, alone, { ...machine, backend });
    stepTimes.push(stepMs);
    const evaluated = stage.epochs * validated + (isLast(stage) ? last : 0);
    milliseconds += stage.epochs * steps * stepMs + evaluated * evaluationMs;
  }
  return { stepMs: stepTimes, seconds: milliseconds / 1000 };
}

/** A run that begins with this stage and stays in it for all steps that are measured: an epoch has one at least. */
function optionsAlone(options: TrainingOptions, stage: TrainingStage): TrainingOptions {
  const { stages: _stages, firstStageEpochs: _split, ...rest } = options;
  const epochs = WARMUP_STEPS + MEASURED_STEPS;
  return isLast(stage) ? { ...rest, epochs } : { ...rest, epochs: 2 * epochs, stages: 2, firstStageEpochs: epochs };
}

/** Milliseconds of a training step, and of evaluating one image. */
async function measure(
  description: NetworkDescription,
  data: Dataset,
  options: TrainingOptions,
  setup: Omit<MachineSetup, "backend"> & { readonly backend: Backend },
): Promise<{ readonly stepMs: number; readonly evaluationMs: number }> {
  const times: number[] = [performance.now()];
  await using trainer = await Trainer.create(description, { ...data, validation: undefined, test: undefined }, options, {
    ...setup,
    onStep: () => {
      const measured = times.push(performance.now()) - 1 - WARMUP_STEPS;
      if (measured >= MEASURED_STEPS || (measured > 0 && (times.at(-1) ?? 0) - (times[0] ?? 0) > ENOUGH_MS))
        trainer.requestStop();
    },
  });
  for await (const _epoch of trainer) if (trainer.stopped) break;
  const measured = times.slice(WARMUP_STEPS);
  const stepMs = ((measured.at(-1) ?? 0) - (measured[0] ?? 0)) / (measured.length - 1);
  const images = data.validation ?? data.test;
  return { stepMs, evaluationMs: images === undefined ? 0 : await evaluationTime(trainer, images, data) };
}

/** Milliseconds an image. */
async function evaluationTime({ backend, network }: Trainer, images: ImageSet, data: Dataset): Promise<number> {
  const { classes, size, mean, standardDeviation } = data;
  const enough = Math.max(EVALUATED_IMAGES, classes.length);
  const few = images.count > enough ? subsetByClass(images, enough, 0) : images;
  const operations = await network.fold();
  const start = performance.now();
  await evaluateModel(backend, { operations, classes, size, mean, standardDeviation }, few);
  return (performance.now() - start) / few.count;
}
