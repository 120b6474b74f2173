/**
 * The model file: one safetensors file with the folded network. `__metadata__` holds the format, and as JSON the network's operations, class names,
 * input size, mean and deviation; weights and parameters are tensors named by their operation. No code is ever run from it.
 */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { writeFileAtomic } from "../atomic-file.js";
import { UserError } from "../errors.js";
import type { Operation } from "../runtime/operations.js";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "./safetensors.js";
import { loadOperations, operationsSchema, sideSchema, storeOperation } from "./stored-operations.js";

const FORMAT = "rbnet-model";
const VERSION = "1";

const deviation = z.number().gt(0);
const headerSchema = z.strictObject({
  network: z.strictObject({ name: z.string().max(200), width: z.number() }),
  classes: z.array(z.string().max(1000)).min(1).max(65_536),
  size: sideSchema,
  mean: z.tuple([z.number(), z.number(), z.number()]),
  deviation: z.tuple([deviation, deviation, deviation]),
  operations: operationsSchema,
});

/** A trained network as it ships. */
export interface Model {
  readonly network: { readonly name: string; readonly width: number };
  readonly classes: readonly string[];
  /** Input images are size x size x 3; channel values in 0..1, less `mean`, by `deviation`. */
  readonly size: number;
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
  readonly operations: readonly Operation[];
}

/** Writes atomically; returns the number of bytes. */
export async function writeModelFile(path: string, model: Model): Promise<number> {
  const bytes = encodeModel(model);
  await writeFileAtomic(path, bytes);
  return bytes.length;
}

/** @throws UserError where the file cannot be read or is not a model */
export async function readModelFile(path: string): Promise<Model> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new UserError(`cannot read the model ${path} (${code}); give the path of a model.safetensors that rbnet train wrote`, {
      cause: error,
    });
  }
  return decodeModel(bytes, path);
}

export function encodeModel({ operations, ...rest }: Model): Uint8Array {
  const tensors = new Map<string, StoredTensor>();
  const stored = operations.map((item, index) => storeOperation(item, index, tensors));
  const header = JSON.stringify({ ...rest, operations: stored });
  return encodeSafetensors({ metadata: { format: FORMAT, version: VERSION, model: header }, tensors });
}

/** @param name what to call the file in an error */
export function decodeModel(bytes: Uint8Array, name: string): Model {
  const file = decodeSafetensors(bytes, name);
  const { format, version, model } = file.metadata;
  if (format !== FORMAT)
    throw new UserError(
      `${name} is a safetensors file, but not an rbnet model (its format is ${JSON.stringify(format ?? null)}); choose a model.safetensors that rbnet train wrote`,
    );
  if (version !== VERSION)
    throw new UserError(
      `${name} is a model of format version ${JSON.stringify(version)}, this rbnet reads version ${VERSION}; use the rbnet that wrote it`,
    );
  const broken = (found: string): UserError => new UserError(`the model ${name} is damaged: ${found}; get a fresh copy`);
  let header: z.output<typeof headerSchema>;
  try {
    header = headerSchema.parse(JSON.parse(model ?? ""));
  } catch (error) {
    const place = error instanceof z.ZodError ? ` at ${error.issues[0]?.path.join(".") || "its top"}` : "";
    throw broken(`its description of the network is malformed${place}`);
  }
  const input = { height: header.size, width: header.size, channels: 3 };
  const operations = loadOperations(header.operations, input, header.classes.length, file.tensors, broken);
  return { ...header, operations };
}
