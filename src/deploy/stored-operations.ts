/**
 * A network's operations in a model file: what is said of each as JSON, and its weights as tensors named by its number. A file is data from a
 * stranger: every size is derived from the description and compared with the file's, and nothing is asked of memory or kernels that was not checked.
 */
import { z } from "zod";
import type { UserError } from "../errors.js";
import { outputShape } from "../runtime/network.js";
import type { Epilogue, Operation } from "../runtime/operations.js";
import { elementsOf, type MapShape, tapCount, windowMap } from "../runtime/windows.js";
import { wordsFor } from "../tensor.js";
import type { StoredTensor } from "./safetensors.js";

/** Largest sides that a file may ask for: beyond what any image classifier of this kind has, small enough to bound memory. */
const MAXIMUM_SIDE = 4096;
const MAXIMUM_FILTERS = 65_536;
/** Of one value for one image, and of the values under its windows; 256 MB as float32. */
const MAXIMUM_ELEMENTS = 2 ** 26;
/** Of all values together. */
const MAXIMUM_TOTAL = 2 ** 28;
/** The sum of so many signs fits the 16 bits that kernels give it. */
const MAXIMUM_BINARY_INPUTS = 32_767;

export const sideSchema = z.int().min(1).max(MAXIMUM_SIDE);
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
  z.strictObject({ kind: z.literal("averagePool"), input: value, size: sideSchema }),
  z.strictObject({ kind: z.literal("dense"), input: value, filters }),
]);
export const operationsSchema = z.array(operation).min(1).max(10_000);

export type StoredOperation = z.output<typeof operation>;
type StoredConvolution = StoredOperation & { readonly kind: "binaryConvolution" | "realConvolution" };

/** Turns what was found wrong into the error about the file. */
export type Broken = (found: string) => UserError;

/** Adds the tensors of operation `index` to `tensors`; returns what the description says of it. */
export function storeOperation(item: Operation, index: number, tensors: Map<string, StoredTensor>): StoredOperation {
  const put = (part: string, data: Float32Array | Uint32Array, shape: readonly number[] = [data.length]): void => {
    tensors.set(`operation${index}.${part}`, { type: data instanceof Float32Array ? "float32" : "uint32", shape, data });
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

/** The tensors of a file, taken by name with the type and number of values that they have to have. */
class TensorSource {
  constructor(
    private readonly tensors: ReadonlyMap<string, StoredTensor>,
    private readonly broken: Broken,
  ) {}

  floats(name: string, count: number): Float32Array {
    const { data } = this.find(name, "float32", count);
    if (!(data instanceof Float32Array)) throw new Error(`${name} is not float32`);
    if (!data.every(Number.isFinite)) throw this.broken(`tensor ${name} has values that are not finite`);
    return data;
  }

  words(name: string, count: number): Uint32Array {
    const { data } = this.find(name, "uint32", count);
    if (!(data instanceof Uint32Array)) throw new Error(`${name} is not uint32`);
    return data;
  }

  private find(name: string, type: "float32" | "uint32", count: number): StoredTensor {
    const tensor = this.tensors.get(name);
    if (tensor === undefined) throw this.broken(`tensor ${name} is missing`);
    if (tensor.type !== type || tensor.data.length !== count)
      throw this.broken(`tensor ${name} has ${tensor.data.length} values of ${tensor.type}, not ${count} of ${type}`);
    return tensor;
  }
}

/** Puts operations and tensors together; the last one has to give `classes` scores. */
export function loadOperations(
  stored: readonly StoredOperation[],
  input: MapShape,
  classes: number,
  tensors: ReadonlyMap<string, StoredTensor>,
  broken: Broken,
): readonly Operation[] {
  const source = new TensorSource(tensors, broken);
  const shapes: MapShape[] = [input];
  let total = 0;
  const loaded = stored.map((item, index) => {
    const from = shapes[item.input];
    if (from === undefined) throw broken(`operation ${index} reads value ${item.input}, which does not exist yet`);
    checkFit(item, from, index, broken);
    const shape = outputShape(item, from);
    const elements = elementsOf(shape);
    total += elements;
    if (elements === 0) throw broken(`operation ${index} has an empty result`);
    if (elements > MAXIMUM_ELEMENTS || total > MAXIMUM_TOTAL)
      throw broken(`operation ${index} asks for more memory than an image classifier needs`);
    const shortcut = "epilogue" in item ? item.epilogue.shortcut : undefined;
    if (shortcut !== undefined && !sameShape(shapes[shortcut], shape))
      throw broken(`the shortcut of operation ${index} does not fit its result`);
    shapes.push(shape);
    return loadOperation(item, from, shape, `operation${index}`, source);
  });
  const last = shapes.at(-1);
  if (last === undefined || elementsOf(last) !== classes)
    throw broken(`its last operation does not give one score for each of its ${classes} classes`);
  return loaded;
}

function sameShape(one: MapShape | undefined, other: MapShape): boolean {
  return one !== undefined && one.height === other.height && one.width === other.width && one.channels === other.channels;
}

/** Whether the operation makes sense on its input. */
function checkFit(item: StoredOperation, from: MapShape, index: number, broken: Broken): void {
  const map = `a map of ${from.height} x ${from.width}`;
  if (item.kind === "averagePool") {
    if (item.size > from.height || item.size > from.width) throw broken(`operation ${index} pools ${item.size} pixels of ${map}`);
  } else if (item.kind === "dense") {
    if (from.height !== 1 || from.width !== 1) throw broken(`operation ${index} is dense, but reads ${map} instead of one pixel`);
  } else {
    checkConvolution(item, from, index, broken);
  }
}

function checkConvolution(item: StoredConvolution, from: MapShape, index: number, broken: Broken): void {
  const taps = tapCount(item.windows);
  const inputs = taps * from.channels;
  const perWindow = Math.max(inputs, item.filters);
  if (elementsOf(windowMap(item.windows, from, perWindow)) > MAXIMUM_ELEMENTS)
    throw broken(`operation ${index} asks for more memory than an image classifier needs`);
  if (item.kind === "binaryConvolution" && inputs > MAXIMUM_BINARY_INPUTS)
    throw broken(`operation ${index} sums ${inputs} signs, at most ${MAXIMUM_BINARY_INPUTS} are possible`);
  if (!item.epilogue.depthToSpace) return;
  // Only blocks lay exactly one result on every pixel.
  if (item.windows.kind !== "blocks") throw broken(`operation ${index} spreads filters over windows that are no blocks`);
  if (item.filters % taps !== 0) throw broken(`operation ${index} spreads ${item.filters} filters over ${taps} pixels`);
}

function loadOperation(item: StoredOperation, from: MapShape, shape: MapShape, name: string, source: TensorSource): Operation {
  if (item.kind === "averagePool") return item;
  if (item.kind === "dense") {
    const weights = source.floats(`${name}.weights`, from.channels * item.filters);
    return { ...item, weights, bias: source.floats(`${name}.bias`, item.filters) };
  }
  const inputs = tapCount(item.windows) * from.channels;
  const { activation: active, ...rest } = item.epilogue;
  const loadedEpilogue: Epilogue = {
    depthToSpace: rest.depthToSpace,
    ...(rest.shortcut === undefined ? {} : { shortcut: rest.shortcut }),
    scale: source.floats(`${name}.scale`, item.filters),
    bias: source.floats(`${name}.bias`, item.filters),
    ...(active ? { activation: source.floats(`${name}.activation`, 4 * shape.channels) } : {}),
  };
  const common = { input: item.input, windows: item.windows, filters: item.filters, epilogue: loadedEpilogue };
  if (item.kind === "realConvolution")
    return { kind: "realConvolution", ...common, weights: source.floats(`${name}.weights`, inputs * item.filters) };
  const weights = source.words(`${name}.weights`, item.filters * wordsFor(inputs));
  return { kind: "binaryConvolution", ...common, weights, threshold: source.floats(`${name}.threshold`, from.channels) };
}
