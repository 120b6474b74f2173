/**
 * A checkpoint: everything that a run needs to go on bit for bit, as one safetensors file. Latent weights, optimizer state, running
 * statistics, the position in the data, and what the epoch has counted so far. Random numbers need no state: they are drawn by (seed,
 * epoch, image).
 */
import { createHash } from "node:crypto";
import type { Backend } from "../../backend/device.js";
import { UserError } from "../../errors.js";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "../../runtime/safetensors.js";
import type { ElementArrays, ElementType, Tensor } from "../../tensor.js";
import { type Progress, progressSchema } from "../stage/progress.js";
import { firstDifference } from "./difference.js";

const FORMAT = "rbnet-checkpoint";
const VERSION = "2";

/** What a run must have in common with the one that it continues. */
export interface CheckpointIdentity {
  readonly network: unknown;
  readonly options: unknown;
  readonly data: unknown;
  /** Empty without one. */
  readonly teacher: { readonly sha256?: string };
}

/** How a file holds what a backend reads. */
const STORED = {
  float32: "float32",
  int32: "int32",
  uint32: "uint32",
  accumulator: "float64",
  dotProduct: "int32",
} as const satisfies Record<ElementType, StoredTensor["type"]>;

/** The bytes of a checkpoint. Reads `tensors` out at once, so that training may go on. */
export async function encodeCheckpoint(
  backend: Backend,
  tensors: ReadonlyMap<string, Tensor<ElementType>>,
  identity: CheckpointIdentity,
  progress: Progress,
): Promise<Uint8Array> {
  const stored = new Map<string, StoredTensor>();
  const copies = await backend.readAll([...tensors.values()]);
  for (const [index, [name, { type, shape }]] of [...tensors].entries())
    stored.set(name, { type: STORED[type], shape, data: copies[index] as ElementArrays[ElementType] });
  const metadata = {
    format: FORMAT,
    version: VERSION,
    ...identityText(identity),
    progress: JSON.stringify(progress),
    checksum: checksumOf(stored),
  };
  return encodeSafetensors({ metadata, tensors: stored });
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
  };
}

/** Where the first of two descriptions, which comes from a file and may be anything, differs from the second. */
function difference(found: string, expected: string): string {
  const first = firstDifference(parseJson(found), parseJson(expected));
  return first === undefined ? "their order" : `${first.place} ${first.there} in the checkpoint, ${first.now} now`;
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
 * Fills `tensors` from a checkpoint.
 *
 * @param path names it in messages
 * @throws UserError where it is no checkpoint, or one of another network, other settings or other data
 */
export function restoreCheckpoint(
  bytes: Uint8Array,
  path: string,
  backend: Backend,
  tensors: ReadonlyMap<string, Tensor<ElementType>>,
  identity: CheckpointIdentity,
): Progress {
  const file = decodeSafetensors(bytes, path);
  const { metadata } = file;
  if (metadata.format !== FORMAT || metadata.version !== VERSION)
    throw new UserError(`${path} is not a checkpoint of this version of rbnet; give the folder of the run that was stopped`);
  const expected = identityText(identity);
  for (const [part, subject] of [
    ["network", "another network"],
    ["data", "other data"],
    ["options", "other settings"],
    ["teacher", "another teacher"],
  ] as const) {
    const found = metadata[part] ?? "{}";
    if (found !== expected[part])
      throw new UserError(
        `the checkpoint ${path} is of ${subject} (${difference(found, expected[part])}); resume with what the run was started with, or start a new one in another folder`,
      );
  }
  const progress = progressSchema.safeParse(parseJson(metadata.progress));
  if (!progress.success) throw new UserError(`the checkpoint ${path} is damaged: its progress is malformed; start the run again`);
  const writes: (() => void)[] = [];
  for (const [name, tensor] of tensors) {
    const stored = file.tensors.get(name);
    const fits = stored?.type === STORED[tensor.type] && stored.shape.join() === tensor.shape.join();
    if (stored === undefined || stored.type === "float16" || !fits)
      throw new UserError(
        `the checkpoint ${path} is damaged: tensor ${name} is missing or of another shape; start the run again`,
      );
    writes.push(() => backend.write(tensor, stored.data));
  }
  if (metadata.checksum !== checksumOf(file.tensors))
    throw new UserError(
      `the checkpoint ${path} is damaged: its values are not those that were written; start the run again, or restore a copy of the file`,
    );
  for (const write of writes) write();
  return progress.data;
}
