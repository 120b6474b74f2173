/**
 * A trained network that a run starts from: read once, before anything else of the run, since its network, input size and preprocessing are
 * the run's. A checkpoint has latent weights; a model file has their signs, and scales in place of normalizations.
 */
import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { Dataset } from "../../data/dataset.js";
import { modelFileOf, shippedModels } from "../../deploy/shipped-models.js";
import { codeOf, UserError } from "../../errors.js";
import type { WeightForm } from "../../layers/layer.js";
import { type NetworkDescription, networkTitle } from "../../networks/description.js";
import type { Channels } from "../../pixels/square.js";
import { decodeModel, type Model } from "../../runtime/model.js";
import { decodeSafetensors, type StoredFile, type StoredTensor } from "../../runtime/safetensors.js";
import { runFile } from "../../stores/run-folder.js";
import { isCheckpoint, requireWhole } from "../records/checkpoint.js";
import { firstDifference } from "../records/difference.js";
import { type TrainingOptions, trainingSchema } from "../settings/options.js";
import { progressSchema } from "../stage/progress.js";
import { stageAt } from "../stage/stages.js";
import type { Statistics } from "../teachers/renormalizer.js";
import { modelNetwork, writtenNetwork } from "./recognize.js";

interface StartFacts {
  /** What a person called it. */
  readonly from: string;
  /** SHA-256 of its file. */
  readonly digest: string;
  readonly classes: readonly string[];
  /** Side of its input in pixels. */
  readonly size: number;
  readonly mean: Channels;
  readonly standardDeviation: Channels;
  /** What its running statistics are those of: products with signs of weights, or, in the first of two stages, with real ones. */
  readonly weights: WeightForm;
  /** Its network for so many classes, by the catalogue; throws a UserError where the catalogue has none like it. */
  networkFor(classes: number): NetworkDescription;
}

export interface CheckpointStart extends StartFacts {
  readonly kind: "checkpoint";
  /** As the checkpoint describes it. */
  readonly network: unknown;
  /** Parameters, running statistics and what continued the run, by name. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

export interface ModelStart extends StartFacts {
  readonly kind: "model";
  readonly model: Model;
}

export type Start = CheckpointStart | ModelStart;

/**
 * Reads the folder of a run (its checkpoint, or where it has none its model), a checkpoint or model file, or a model that comes with rbnet.
 *
 * @throws UserError where there is none of these
 */
export async function readStart(from: string): Promise<Start> {
  const file = fileOf(from);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new UserError(
      `cannot read the start ${file} (${codeOf(error)}); give the folder of a run, a model file, or the name of a model that ` +
        `comes with rbnet: ${shippedModels().join(", ")}`,
      { cause: error },
    );
  }
  const digest = createHash("sha256").update(bytes).digest("hex");
  const stored = decodeSafetensors(bytes, file);
  if (isCheckpoint(stored)) return checkpointStart(stored, { from, digest });
  const model = decodeModel(bytes, file);
  const { classes, size, mean, standardDeviation } = model;
  const networkFor = (count: number): NetworkDescription => modelNetwork(model, count, from);
  return { kind: "model", from, digest, classes, size, mean, standardDeviation, weights: "binary", networkFor, model };
}

function fileOf(from: string): string {
  if (statSync(from, { throwIfNoEntry: false })?.isDirectory() !== true) return modelFileOf(from);
  const checkpoint = runFile(from, "checkpoint");
  return existsSync(checkpoint) ? checkpoint : runFile(from, "model");
}

const channels = z.tuple([z.number(), z.number(), z.number()]);
const dataSchema = z.looseObject({
  classes: z.array(z.string()).min(1),
  size: z.int().min(1),
  mean: channels,
  deviation: z.tuple([z.number().gt(0), z.number().gt(0), z.number().gt(0)]),
});

function checkpointStart(file: StoredFile, { from, digest }: Pick<StartFacts, "from" | "digest">): CheckpointStart {
  requireWhole(file, from);
  const parsed = [
    dataSchema.safeParse(json(file.metadata.data)),
    trainingSchema.safeParse(json(file.metadata.options)),
    progressSchema.safeParse(json(file.metadata.progress)),
  ] as const;
  const [data, options, progress] = parsed;
  if (!data.success || !options.success || !progress.success)
    throw new UserError(`the checkpoint ${from} is damaged: what it says of its run is malformed; give another start`);
  const { classes, size, mean, deviation: standardDeviation } = data.data;
  const { epoch, step } = progress.data;
  const { weights } = stageAt(options.data, step > 0 ? epoch : Math.max(0, epoch - 1));
  const network = json(file.metadata.network);
  const networkFor = (count: number): NetworkDescription => writtenNetwork(network, count, from);
  const facts = { from, digest, classes, size, mean, standardDeviation, weights, networkFor };
  return { kind: "checkpoint", ...facts, network, tensors: file.tensors };
}

function json(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}

/** Whether the classifier of the start is one of the data, too: the same classes in the same order. */
export function keepsClassifier({ classes }: Start, data: Pick<Dataset, "classes">): boolean {
  return classes.length === data.classes.length && classes.every((name, index) => name === data.classes[index]);
}

/**
 * The data as the start sees pixels, or as a teacher has seen views of them.
 *
 * @throws UserError where both are there and do not see them alike
 */
export function dataFor(start: Start | undefined, views: Statistics | undefined, data: Dataset): Dataset {
  const { mean, standardDeviation } = start ?? views ?? data;
  const alike = (one: Channels, other: Channels): boolean => one.every((value, channel) => value === other[channel]);
  if (
    start !== undefined &&
    views !== undefined &&
    !(alike(mean, views.mean) && alike(standardDeviation, views.standardDeviation))
  )
    throw new UserError(
      `the start ${start.from} takes pixels less a mean of ${mean.join(", ")}, and the views were made with ${views.mean.join(", ")}; ` +
        "start from a network that was trained on these images, or learn from a teacher itself",
    );
  return { ...data, mean, standardDeviation };
}

/** @throws UserError where the network that is to be trained is another than that of the start, its classes aside */
export function checkStart(start: Start, description: NetworkDescription, { freeze }: Pick<TrainingOptions, "freeze">): void {
  const { from, size } = start;
  if (freeze !== undefined && start.weights === "real")
    throw new UserError(
      `the start ${from} is in the first of two stages, with real weights in its binary layers, and ${freeze} of it cannot stay; ` +
        "let that run come to its second stage, or leave freeze out",
    );
  if (size !== description.input.height || size !== description.input.width)
    throw new UserError(
      `the start ${from} takes ${size} x ${size} images, and the run's network ${description.input.width} x ` +
        `${description.input.height}; build the network, and open the data, with the size of the start`,
    );
  const there = start.kind === "model" ? start.model.network : start.network;
  const { classes: _classes, ...own } = description;
  const ours = start.kind === "model" ? { name: own.name, width: own.width } : own;
  const difference = firstDifference(withoutClasses(there), ours);
  if (difference !== undefined)
    throw new UserError(
      `the start ${from} is another network than the run's ${networkTitle(description)} (${difference.place} is ` +
        `${difference.there} there, ${difference.now} here); train the network of the start`,
    );
}

function withoutClasses(network: unknown): unknown {
  if (typeof network !== "object" || network === null) return network;
  return Object.fromEntries(Object.entries(network).filter(([field]) => field !== "classes"));
}
