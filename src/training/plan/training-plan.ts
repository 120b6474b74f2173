/** Finds out, before a training starts, what it has understood: looks through the data, counts, and measures a few steps. */
import { type MachineSetup, machineOf } from "../../backend/machine.js";
import type { Augmentation } from "../../data/augmentation/augmentation.js";
import type { Dataset, Part } from "../../data/dataset.js";
import { balancedFactors } from "../../data/sets/balance.js";
import { findSamePictures } from "../../data/sets/same-pictures.js";
import { type NetworkDescription, networkTitle } from "../../networks/description.js";
import { estimateRun, MEASURED_STEPS } from "../costs/estimate.js";
import { summarizeNetwork } from "../costs/memory.js";
import { checkFit } from "../settings/fit.js";
import type { TrainingOptions } from "../settings/options.js";
import type { PlannedBalance, PlannedClass, TrainingPlan } from "./plan-record.js";
import { warningsOf } from "./warnings.js";

const PARTS: readonly Part[] = ["train", "validation", "test"];
const NAMED = 3;
/** A measurement should take no more than a tenth of the run. */
const WORTH_MEASURING = 10;

export interface PlanOptions {
  readonly machine: MachineSetup;
  /** Always, or where the run takes long enough for it. */
  readonly measure: "always" | "long runs" | "never";
  readonly folds?: number;
}

/** @throws UserError where network, data and settings do not fit each other */
export async function planTraining(
  description: NetworkDescription,
  data: Dataset,
  options: TrainingOptions,
  { machine, measure, folds }: PlanOptions,
): Promise<TrainingPlan> {
  checkFit(description, data, options);
  const { batch, epochs, optimizer, learningRate, augmentation } = options;
  const { keepEvery } = machineOf(machine);
  const { totals, trainingBytes } = await summarizeNetwork(description, batch, { ...options, keepEvery });
  const stepsPerEpoch = Math.floor(data.train.count / batch);
  const isLong = stepsPerEpoch * epochs >= WORTH_MEASURING * MEASURED_STEPS;
  const estimate =
    measure === "always" || (measure === "long runs" && isLong)
      ? await estimateRun(description, data, options, machine)
      : undefined;
  const classes = classCounts(data);
  return {
    kind: "plan",
    data: data.name,
    format: data.origin.format,
    parts: PARTS.flatMap((part) => {
      const images = data[part]?.count;
      return images === undefined ? [] : [{ part, images, from: data.origin.places[part] ?? "" }];
    }),
    classes,
    leftOut: data.origin.leftOut,
    skipped: { count: data.skipped.length, named: data.skipped.slice(0, NAMED) },
    ...(data.origin.sizes === undefined ? {} : { sizes: data.origin.sizes }),
    network: {
      name: networkTitle(description),
      size: data.size,
      parameters: totals.binaryParameters + totals.realParameters,
      ops: totals.ops,
    },
    mirrored: mirroringOf(data, augmentation),
    augmentation,
    ...balanceOf(data, options),
    batch,
    stepsPerEpoch,
    epochs,
    optimizer,
    learningRate,
    ...(folds === undefined ? {} : { folds }),
    ...(options.from === undefined
      ? {}
      : { start: { from: options.from, ...(options.freeze === undefined ? {} : { freeze: options.freeze }) } }),
    ...(options.distill?.teacher === undefined ? {} : { teacher: options.distill.teacher }),
    ...(options.distill?.views === undefined ? {} : { views: options.distill.views }),
    memoryBytes: trainingBytes,
    ...(estimate === undefined ? {} : { estimate }),
    warnings: warningsOf(data, classes, await findSamePictures(data), options),
  };
}

/** Images of each class in each part. */
function classCounts(data: Dataset): readonly PlannedClass[] {
  const parts = PARTS.filter((part) => data[part] !== undefined);
  const counts = parts.map((part) => {
    const images = new Uint32Array(data.classes.length);
    for (const label of data[part]?.labels ?? []) images[label]++;
    return images;
  });
  return data.classes.map((name, label) => ({
    name,
    images: Object.fromEntries(parts.map((part, place) => [part, counts[place][label]])),
  }));
}

function balanceOf(
  { train, classes }: Dataset,
  { classWeights, sampler }: TrainingOptions,
): { readonly balance?: PlannedBalance } {
  if (classWeights === undefined && sampler === undefined) return {};
  const factors = [...balancedFactors(train.labels, classes.length)]
    .map((factor, label) => ({ name: classes[label] as string, factor }))
    .filter(({ factor }) => factor > 0)
    .sort((one, other) => other.factor - one.factor);
  const [smallest, largest] = [factors[0], factors.at(-1)];
  if (smallest === undefined || largest === undefined) throw new Error("a set has images");
  return { balance: { by: classWeights === undefined ? "sampler" : "class weights", smallest, largest } };
}

function mirroringOf({ mirroring }: Dataset, { flip = false }: Augmentation): TrainingPlan["mirrored"] {
  if (flip === mirroring.allowed) return { on: flip, reason: mirroring.reason };
  return { on: flip, reason: flip ? `it was asked for, although ${mirroring.reason}` : "it was asked for" };
}
