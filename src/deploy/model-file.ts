/**
 * The model file: one safetensors file with the folded network. `__metadata__` holds the format, and as JSON the network's operations, class names,
 * input size, mean and deviation; weights and parameters are tensors named by their operation. No code is ever run from it.
 */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { writeFileAtomic } from "../atomic-file.js";
import { UserError } from "../errors.js";
import { valueShapes } from "../runtime/network.js";
import type { Epilogue, Operation } from "../runtime/operations.js";
import { tapCount } from "../runtime/windows.js";
import { wordsFor } from "../tensor.js";
import { decodeSafetensors, encodeSafetensors, type StoredFile, type StoredTensor } from "./safetensors.js";

const FORMAT = "rbnet-model";
const VERSION = "1";
/** Largest sides that a file may ask for: beyond what any image classifier of this kind has, small enough to bound memory. */
const MAXIMUM_SIDE = 4096;
const MAXIMUM_FILTERS = 65536;

const side = z.int().min(1).max(MAXIMUM_SIDE);
const filters = z.int().min(1).max(MAXIMUM_FILTERS);
const value = z.int().min(0).max(10_000);
const windows = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("grid"),
    kernel: z.int().min(1).max(15),
    stride: z.int().min(1).max(15),
    padding: z.int().min(0).max(15),
  }),
  z.strictObject({ kind: z.literal("blocks"), dilation: z.int().min(1).max(64), shift: z.union([z.literal(0), z.literal(1)]) }),
]);
const epilogue = z.strictObject({ shortcut: value.optional(), activation: z.boolean(), depthToSpace: z.boolean() });
const operation = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("binaryConvolution"), input: value, windows, filters, epilogue }),
  z.strictObject({ kind: z.literal("realConvolution"), input: value, windows, filters, epilogue }),
  z.strictObject({ kind: z.literal("averagePool"), input: value, size: side }),
  z.strictObject({ kind: z.literal("dense"), input: value, filters }),
]);
const triple = z.tuple([z.number(), z.number(), z.number()]);
const headerSchema = z.strictObject({
  network: z.strictObject({ name: z.string().max(200), width: z.number() }),
  classes: z.array(z.string().max(1000)).min(1).max(MAXIMUM_FILTERS),
  size: side,
  mean: triple,
  deviation: triple,
  operations: z.array(operation).min(1).max(10_000),
});

type StoredOperation = z.output<typeof operation>;

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
  const stored = operations.map((item, index) => storeOperation(item, `operation${index}`, tensors));
  const header = JSON.stringify({ ...rest, operations: stored });
  return encodeSafetensors({ metadata: { format: FORMAT, version: VERSION, model: header }, tensors });
}

function storeOperation(item: Operation, name: string, tensors: Map<string, StoredTensor>): StoredOperation {
  const put = (part: string, data: Float32Array | Uint32Array, shape: readonly number[] = [data.length]): void => {
    tensors.set(`${name}.${part}`, { type: data instanceof Float32Array ? "float32" : "uint32", shape, data });
  };
  switch (item.kind) {
    case "averagePool":
      return item;
    case "dense": {
      const { weights, bias, ...rest } = item;
      put("weights", weights, [weights.length / item.filters, item.filters]);
      put("bias", bias);
      return rest;
    }
    default: {
      const { scale, bias, activation, ...rest } = item.epilogue;
      put("scale", scale);
      put("bias", bias);
      if (activation !== undefined) put("activation", activation, [4, activation.length / 4]);
      if (item.kind === "binaryConvolution") {
        put("threshold", item.threshold);
        put("weights", item.weights, [item.filters, item.weights.length / item.filters]);
      } else {
        put("weights", item.weights, [item.weights.length / item.filters, item.filters]);
      }
      const { kind, input, windows: itsWindows, filters: itsFilters } = item;
      return {
        kind,
        input,
        windows: itsWindows,
        filters: itsFilters,
        epilogue: { ...rest, activation: activation !== undefined },
      };
    }
  }
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
  const operations = loadOperations(header, file, broken);
  return { ...header, operations };
}

/** Puts operations and tensors together; every size is derived from the description and compared with the file's. */
function loadOperations(
  { operations, size, classes }: z.output<typeof headerSchema>,
  file: StoredFile,
  broken: (found: string) => UserError,
): readonly Operation[] {
  const take = (name: string, type: "float32" | "uint32", count: number): Float32Array | Uint32Array => {
    const tensor = file.tensors.get(name);
    if (tensor === undefined) throw broken(`tensor ${name} is missing`);
    if (tensor.type !== type || tensor.data.length !== count)
      throw broken(`tensor ${name} has ${tensor.data.length} values of ${tensor.type}, not ${count} of ${type}`);
    if (tensor.data instanceof Float32Array && !tensor.data.every(Number.isFinite))
      throw broken(`tensor ${name} has values that are not finite`);
    return tensor.data as Float32Array | Uint32Array;
  };
  const floats = (name: string, count: number): Float32Array => take(name, "float32", count) as Float32Array;
  const loaded: Operation[] = [];
  const input = { height: size, width: size, channels: 3 };
  for (const [index, stored] of operations.entries()) {
    const name = `operation${index}`;
    const shapes = valueShapes(loaded, input);
    const from = shapes[stored.input];
    if (from === undefined) throw broken(`operation ${index} reads value ${stored.input}, which does not exist yet`);
    if (stored.kind === "averagePool") {
      if (stored.size > from.height || stored.size > from.width)
        throw broken(`operation ${index} pools ${stored.size} pixels of a map of ${from.height} x ${from.width}`);
      loaded.push(stored);
    } else if (stored.kind === "dense") {
      const inputs = from.height * from.width * from.channels;
      loaded.push({
        ...stored,
        weights: floats(`${name}.weights`, inputs * stored.filters),
        bias: floats(`${name}.bias`, stored.filters),
      });
    } else {
      const taps = tapCount(stored.windows);
      const inputs = taps * from.channels;
      const outputChannels = stored.epilogue.depthToSpace ? stored.filters / taps : stored.filters;
      if (!Number.isInteger(outputChannels))
        throw broken(`operation ${index} spreads ${stored.filters} filters over ${taps} pixels`);
      const { activation: active, shortcut, depthToSpace } = stored.epilogue;
      const epilogueOf: Epilogue = {
        scale: floats(`${name}.scale`, stored.filters),
        bias: floats(`${name}.bias`, stored.filters),
        ...(active ? { activation: floats(`${name}.activation`, 4 * outputChannels) } : {}),
        ...(shortcut === undefined ? {} : { shortcut }),
        depthToSpace,
      };
      const common = { input: stored.input, windows: stored.windows, filters: stored.filters, epilogue: epilogueOf };
      if (stored.kind === "binaryConvolution") {
        const weights = take(`${name}.weights`, "uint32", stored.filters * wordsFor(inputs)) as Uint32Array;
        loaded.push({ kind: "binaryConvolution", ...common, threshold: floats(`${name}.threshold`, from.channels), weights });
      } else {
        loaded.push({ kind: "realConvolution", ...common, weights: floats(`${name}.weights`, inputs * stored.filters) });
      }
      checkShortcut(loaded, input, index, shortcut, broken);
    }
  }
  const last = valueShapes(loaded, input).at(-1);
  if (last === undefined || last.height * last.width * last.channels !== classes.length)
    throw broken(`its last operation does not give one score for each of its ${classes.length} classes`);
  return loaded;
}

function checkShortcut(
  loaded: readonly Operation[],
  input: { height: number; width: number; channels: number },
  index: number,
  shortcut: number | undefined,
  broken: (found: string) => UserError,
): void {
  const shapes = valueShapes(loaded, input);
  const out = shapes[index + 1];
  if (out === undefined || out.height < 1 || out.width < 1) throw broken(`operation ${index} has an empty result`);
  if (shortcut === undefined) return;
  const added = shortcut <= index ? shapes[shortcut] : undefined;
  if (added === undefined || added.height !== out.height || added.width !== out.width || added.channels !== out.channels)
    throw broken(`the shortcut of operation ${index} does not fit its result`);
}
