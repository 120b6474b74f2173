/**
 * A checkpoint: everything that a run needs to go on bit for bit, as one safetensors file. Latent weights, optimizer state, running
 * statistics, the position in the data, and what the epoch has counted so far. Random numbers need no state: they are drawn by (seed,
 * epoch, image).
 */
import { createHash } from "node:crypto";
import type { Backend } from "../../backend/device.js";
import { UserError } from "../../errors.js";
import { readParts } from "../../layers/parameters.js";
import { decodeSafetensors, encodeSafetensors, type StoredFile, type StoredTensor } from "../../runtime/safetensors.js";
import type { TypedArray } from "../../tensor.js";
import { type TrainingOptions, trainingSchema } from "../settings/options.js";
import type { KeptMemory } from "../stage/optimizer.js";
import { type Progress, progressSchema } from "../stage/progress.js";
import { isLonger } from "../stage/stages.js";
import { firstDifference } from "./difference.js";

const FORMAT = "rbnet-checkpoint";
const VERSION = "2";

/** What a run must have in common with the one that it continues. */
export interface CheckpointIdentity {
  readonly network: unknown;
  readonly options: TrainingOptions;
  readonly data: unknown;
  /** Empty without one. */
  readonly teacher: { readonly sha256?: string };
  /** The trained network that the run began with; empty without one. */
  readonly start: { readonly sha256?: string };
}

/** How a file holds what a backend reads. */
const STORED = { float32: "float32", accumulator: "float64" } as const;

/** What a checkpoint holds of `pieces`, by name. Reads them at once, so that training may go on. */
export async function readTensors(backend: Backend, pieces: readonly KeptMemory[]): Promise<ReadonlyMap<string, StoredTensor>> {
  const values = await readParts(backend, pieces);
  const stored = new Map<string, StoredTensor>();
  for (const { layout, memory } of pieces)
    for (const { name, shape } of layout.parts)
      stored.set(name, { type: STORED[memory.type], shape, data: values.get(name) as TypedArray });
  return stored;
}

/** The bytes of a checkpoint. */
export function encodeCheckpoint(
  tensors: ReadonlyMap<string, StoredTensor>,
  identity: CheckpointIdentity,
  progress: Progress,
): Uint8Array {
  const metadata = {
    format: FORMAT,
    version: VERSION,
    ...identityText(identity),
    progress: JSON.stringify(progress),
    checksum: checksumOf(tensors),
  };
  return encodeSafetensors({ metadata, tensors });
}

/** SHA-256 of all values: a flipped bit in a latent weight would go unseen otherwise. */
function checksumOf(tensors: ReadonlyMap<string, StoredTensor>): string {
  const hash = createHash("sha256");
  for (const name of [...tensors.keys()].sort()) {
    const data = tensors.get(name)?.data ?? new Uint8Array();
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}

function identityText(identity: CheckpointIdentity): Record<keyof CheckpointIdentity, string> {
  return {
    network: JSON.stringify(identity.network),
    options: JSON.stringify(identity.options),
    data: JSON.stringify(identity.data),
    teacher: JSON.stringify(identity.teacher),
    start: JSON.stringify(identity.start),
  };
}

/** Where the first of two descriptions, which comes from a file and may be anything, differs from the second. */
function difference(found: string, expected: string): string {
  const first = firstDifference(parseJson(found), parseJson(expected));
  return first === undefined ? "their order" : `${first.place} ${first.there} in the checkpoint, ${first.now} now`;
}

/** Whether settings from a file are the run's but for epochs, of which it has more now. */
function isExtended(found: string, options: TrainingOptions): boolean {
  const before = trainingSchema.safeParse(parseJson(found));
  if (!before.success) return false;
  const { epochs, firstStageEpochs } = before.data;
  const same = firstDifference(before.data, { ...options, epochs, firstStageEpochs }) === undefined;
  return same && isLonger(before.data, options);
}

/** Undefined where the text is no JSON. */
function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}

/**
 * Fills `pieces` from a checkpoint.
 *
 * @param path names it in messages
 * @throws UserError where it is no checkpoint, or one of another network, other settings or other data
 */
export function restoreCheckpoint(
  bytes: Uint8Array,
  path: string,
  backend: Backend,
  pieces: readonly KeptMemory[],
  identity: CheckpointIdentity,
): Progress {
  const file = decodeSafetensors(bytes, path);
  const { metadata } = file;
  if (!isCheckpoint(file)) throw notOurs(path);
  const expected = identityText(identity);
  // Settings come first: another seed holds out other images, which makes the data others, too.
  for (const [part, subject] of [
    ["network", "another network"],
    ["options", "other settings"],
    ["start", "a run from another start"],
    ["data", "other data"],
    ["teacher", "another teacher"],
  ] as const) {
    const found = metadata[part] ?? "{}";
    if (found !== expected[part] && !(part === "options" && isExtended(found, identity.options)))
      throw new UserError(
        `the checkpoint ${path} is of ${subject} (${difference(found, expected[part])}); resume with what the run was ` +
          "started with, or start a new one in another folder",
      );
  }
  const progress = progressSchema.safeParse(parseJson(metadata.progress));
  if (!progress.success) throw new UserError(`the checkpoint ${path} is damaged: its progress is malformed; start the run again`);
  const wholes = pieces.map((piece) => wholeOf(piece, file.tensors, path));
  requireWhole(file, path);
  for (const [index, { memory }] of pieces.entries()) backend.write(memory, wholes[index] as TypedArray);
  return progress.data;
}

/**
 * The settings that a checkpoint records.
 *
 * @throws UserError where it is none
 */
export function settingsIn(bytes: Uint8Array, path: string): TrainingOptions {
  const file = decodeSafetensors(bytes, path);
  const settings = trainingSchema.safeParse(parseJson(file.metadata.options));
  if (!isCheckpoint(file) || !settings.success) throw notOurs(path);
  return settings.data;
}

function notOurs(path: string): UserError {
  return new UserError(`${path} is not a checkpoint of this version of rbnet; give the folder of the run that was stopped`);
}

export function isCheckpoint({ metadata }: StoredFile): boolean {
  return metadata.format === FORMAT && metadata.version === VERSION;
}

/** @throws UserError where values of a checkpoint are not those that were written */
export function requireWhole({ metadata, tensors }: StoredFile, path: string): void {
  if (metadata.checksum !== checksumOf(tensors))
    throw new UserError(
      `the checkpoint ${path} is damaged: its values are not those that were written; start the run again, or restore a copy of the file`,
    );
}

/** What a piece of memory holds after a checkpoint: its parts, and 0 between them. */
function wholeOf({ layout, memory }: KeptMemory, tensors: ReadonlyMap<string, StoredTensor>, path: string): Float64Array {
  const whole = new Float64Array(layout.elements);
  for (const { name, shape, from } of layout.parts) {
    const stored = tensors.get(name);
    if (stored?.type !== STORED[memory.type] || stored.shape.join() !== shape.join())
      throw new UserError(
        `the checkpoint ${path} is damaged: tensor ${name} is missing or of another shape; start the run again`,
      );
    whole.set(stored.data, from);
  }
  return whole;
}
