/**
 * A network's operations in a model file: what is said of each as JSON, and its weights as tensors that are called by its name. A file is
 * data from a stranger: every size is derived from the description and compared with the file's, and nothing is asked of memory
 * or kernels that was not checked.
 */
import type { UserError } from "../errors.js";
import { MAXIMUM_BINARY_INPUTS, wordsFor } from "../tensor.js";
import { type Activation, activationOf, LEARNED_ROWS, learnedValues } from "./activation.js";
import { fromHalves, LARGEST_HALF, toHalf } from "./half.js";
import { outputShape } from "./operation-shapes.js";
import type { Epilogue, Operation } from "./operations.js";
import type { StoredTensor } from "./safetensors.js";
import {
  MAXIMUM_ELEMENTS,
  MAXIMUM_TOTAL,
  type StoredActivation,
  type StoredConvolution,
  type StoredOperation,
} from "./stored-description.js";
import { elementsOf, type MapShape, spreadOf, tapCount, windowMap } from "./windows.js";

/** How real parameters are kept in a file. Signs are bits in either case. */
export type StoredPrecision = "float16" | "float32";

/** Turns what was found wrong into the error about the file. */
export type Broken = (found: string) => UserError;

/**
 * Adds the tensors of an operation, whose result has the given shape, to `tensors`, named by it; returns what the description says of it.
 *
 * @throws RangeError where a value is too large for float16, or binary layers have real weights still
 */
export function storeOperation(
  item: Operation,
  { height, width, channels }: MapShape,
  precision: StoredPrecision,
  tensors: Map<string, StoredTensor>,
): StoredOperation {
  const shape = [height, width, channels];
  const put = (part: string, data: Float32Array | Uint32Array, sides: readonly number[] = [data.length]): void => {
    const stored = data instanceof Float32Array ? storeFloats(data, precision) : ({ type: "uint32", data } as const);
    tensors.set(`${item.name}.${part}`, { ...stored, shape: sides });
  };
  switch (item.kind) {
    case "averagePool":
    case "maxPool":
    case "repeatChannels":
      return { ...item, shape };
    case "dense": {
      const { weights, bias, activation = "none", ...described } = item;
      put("weights", weights, [weights.length / item.filters, item.filters]);
      put("bias", bias);
      return { ...described, shape, activation };
    }
    default: {
      const { scale, bias, activation: bend, ...laid } = item.epilogue;
      put("scale", scale);
      put("bias", bias);
      if (bend !== undefined) putActivation(bend, put);
      if (item.kind === "binaryConvolution") {
        put("threshold", item.threshold);
        put("weights", item.weights, [item.filters, item.weights.length / item.filters]);
      } else {
        if (item.threshold !== undefined) throw new RangeError(`the weights of ${item.name} are not binary yet`);
        put("weights", item.weights, [item.weights.length / item.filters, item.filters]);
      }
      return {
        kind: item.kind,
        name: item.name,
        input: item.input,
        windows: item.windows,
        filters: item.filters,
        shape,
        epilogue: { ...laid, activation: bend?.kind ?? "none" },
      };
    }
  }
}

type Put = (part: string, data: Float32Array, shape: readonly number[]) => void;

function putActivation(bend: Activation, put: Put): void {
  const rows = LEARNED_ROWS[bend.kind].length;
  if (rows > 0) put("activation", learnedValues(bend), [rows, bend.values.length / 4]);
}

function storeFloats(
  data: Float32Array,
  precision: StoredPrecision,
): { type: "float32"; data: Float32Array } | { type: "float16"; data: Uint16Array } {
  if (precision === "float32") return { type: "float32", data };
  const large = data.find((one) => Math.abs(one) > LARGEST_HALF);
  if (large !== undefined) throw new RangeError(`${large} is more than float16 can hold`);
  return { type: "float16", data: Uint16Array.from(data, toHalf) };
}

/** The tensors of a file, taken by name with the type and number of values that they have to have. */
class TensorSource {
  constructor(
    private readonly tensors: ReadonlyMap<string, StoredTensor>,
    private readonly broken: Broken,
  ) {}

  floats(name: string, count: number): Float32Array {
    const { data, type } = this.find(name, ["float32", "float16"], count);
    const values = type === "float16" ? fromHalves(data) : data;
    if (!(values instanceof Float32Array)) throw new Error(`${name} is not float32`);
    if (!values.every(Number.isFinite)) throw this.broken(`tensor ${name} has values that are not finite`);
    return values;
  }

  words(name: string, count: number): Uint32Array {
    const { data } = this.find(name, ["uint32"], count);
    if (!(data instanceof Uint32Array)) throw new Error(`${name} is not uint32`);
    return data;
  }

  private find(name: string, types: readonly string[], count: number): StoredTensor {
    const tensor = this.tensors.get(name);
    if (tensor === undefined) throw this.broken(`tensor ${name} is missing`);
    if (!types.includes(tensor.type) || tensor.data.length !== count)
      throw this.broken(
        `tensor ${name} has ${tensor.data.length} values of ${tensor.type}, not ${count} of ${types.join(" or ")}`,
      );
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
  const names = new Set<string>();
  const shapes: MapShape[] = [input];
  let total = 0;
  const loaded = stored.map((item, index) => {
    if (names.has(item.name)) throw broken(`it has two operations named ${JSON.stringify(item.name)}`);
    names.add(item.name);
    const from = shapes[item.input];
    if (from === undefined) throw broken(`operation ${index} reads value ${item.input}, which does not exist yet`);
    checkFit(item, from, index, broken);
    const shape = outputShape(item, from);
    const elements = elementsOf(shape);
    total += elements;
    if (elements === 0) throw broken(`operation ${index} has an empty result`);
    if (elements > MAXIMUM_ELEMENTS || total > MAXIMUM_TOTAL)
      throw broken(`operation ${index} asks for more memory than an image classifier needs`);
    if ("epilogue" in item) checkOperands(item, shapes, shape, index, broken);
    shapes.push(shape);
    return loadOperation(item, from, shape, source);
  });
  const last = shapes.at(-1);
  if (last === undefined || elementsOf(last) !== classes)
    throw broken(`its last operation does not give one score for each of its ${classes} classes`);
  for (const [index, { shape }] of stored.entries()) {
    const { height, width, channels } = shapes[index + 1] as MapShape;
    if (shape !== undefined && shape.join() !== [height, width, channels].join())
      throw broken(
        `it says that operation ${index} gives ${shape.join(" x ")} values, but it gives ${height} x ${width} x ${channels}`,
      );
  }
  return loaded;
}

/** Whether what the epilogue reads besides the product makes sense with its result. */
function checkOperands(
  item: StoredConvolution,
  shapes: readonly MapShape[],
  result: MapShape,
  index: number,
  broken: Broken,
): void {
  const { shortcut, factors } = item.epilogue;
  if (shortcut !== undefined && !sameShape(shapes[shortcut], result))
    throw broken(`the shortcut of operation ${index} does not fit its result`);
  if (factors !== undefined && !sameShape(shapes[factors], { height: 1, width: 1, channels: item.filters }))
    throw broken(`operation ${index} has not one factor for each of its ${item.filters} filters`);
}

function sameShape(one: MapShape | undefined, other: MapShape): boolean {
  return one !== undefined && one.height === other.height && one.width === other.width && one.channels === other.channels;
}

/** Whether the operation makes sense on its input. */
function checkFit(item: StoredOperation, from: MapShape, index: number, broken: Broken): void {
  const map = `a map of ${from.height} x ${from.width}`;
  if (item.kind === "averagePool") {
    if (item.size > from.height || item.size > from.width) throw broken(`operation ${index} pools ${item.size} pixels of ${map}`);
  } else if (item.kind === "maxPool") {
    // Every tap takes time, as it takes memory under a convolution's windows.
    if (elementsOf(windowMap(item.windows, from, tapCount(item.windows) * from.channels)) > MAXIMUM_ELEMENTS)
      throw broken(`operation ${index} asks for more memory than an image classifier needs`);
  } else if (item.kind === "dense") {
    if (from.height !== 1 || from.width !== 1) throw broken(`operation ${index} is dense, but reads ${map} instead of one pixel`);
  } else if (item.kind !== "repeatChannels") {
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
  // Only blocks and patches lay exactly one result on every pixel.
  const spread = spreadOf(item.windows, from);
  if (spread === undefined) throw broken(`operation ${index} spreads filters over windows that are no blocks`);
  const pixels = tapCount(spread.windows);
  if (item.filters % pixels !== 0) throw broken(`operation ${index} spreads ${item.filters} filters over ${pixels} pixels`);
}

function loadActivation(
  its: string,
  stored: StoredActivation,
  channels: number,
  source: TensorSource,
): { activation?: Activation } {
  if (stored === "none") return {};
  const rows = LEARNED_ROWS[stored].length;
  const learned = rows === 0 ? new Float32Array() : source.floats(`${its}.activation`, rows * channels);
  return { activation: activationOf(stored, learned, channels) };
}

function loadOperation(stored: StoredOperation, from: MapShape, result: MapShape, source: TensorSource): Operation {
  const { shape: _said, ...item } = stored;
  const { name: its } = item;
  if (item.kind === "averagePool" || item.kind === "maxPool" || item.kind === "repeatChannels") return item;
  if (item.kind === "dense") {
    const { activation, ...described } = item;
    const weights = source.floats(`${its}.weights`, from.channels * item.filters);
    const bias = source.floats(`${its}.bias`, item.filters);
    return { ...described, weights, bias, ...(activation === "none" ? {} : { activation }) };
  }
  const inputs = tapCount(item.windows) * from.channels;
  const { activation, ...laid } = item.epilogue;
  const loadedEpilogue: Epilogue = {
    ...laid,
    scale: source.floats(`${its}.scale`, item.filters),
    bias: source.floats(`${its}.bias`, item.filters),
    ...loadActivation(its, activation, result.channels, source),
  };
  const common = { name: its, input: item.input, windows: item.windows, filters: item.filters, epilogue: loadedEpilogue };
  if (item.kind === "realConvolution")
    return { kind: "realConvolution", ...common, weights: source.floats(`${its}.weights`, inputs * item.filters) };
  const weights = source.words(`${its}.weights`, item.filters * wordsFor(inputs));
  return { kind: "binaryConvolution", ...common, weights, threshold: source.floats(`${its}.threshold`, from.channels) };
}
