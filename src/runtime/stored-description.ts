/**
 * What a model file says of a network as JSON, and the readers that check it: every kind, word and bound of docs/model-file.md. Version 2
 * had other words for activations and no shapes; it is read, and what comes out is as if it were version 3.
 */
import type { ActivationKind } from "./activation.js";
import { integer, list, members, oneOf, type Reader, text, truth, variants } from "./json-reader.js";
import { denseActivations } from "./operations.js";

/** Largest sides that a file may ask for: beyond what any image classifier of this kind has, small enough to bound memory. */
const MAXIMUM_SIDE = 4096;
const MAXIMUM_FILTERS = 65_536;
const MAXIMUM_TIMES = 64;
/** Of one value for one image, and of the values under its windows; 256 MB as float32. */
export const MAXIMUM_ELEMENTS = 2 ** 26;
/** Of all values together. */
export const MAXIMUM_TOTAL = 2 ** 28;
const MAXIMUM_OPERATIONS = 10_000;

/** Side of an image or a pool. */
export const readSide = integer(1, MAXIMUM_SIDE);
const filters = integer(1, MAXIMUM_FILTERS);
const value = integer(0, MAXIMUM_OPERATIONS);
const name = text(200);
const windows = variants({
  grid: members({ kind: oneOf("grid"), kernel: integer(1, 15), stride: integer(1, 15), padding: integer(0, 15) }),
  blocks: members({ kind: oneOf("blocks"), dilation: integer(1, 64), shift: oneOf(0, 1) }),
  patches: members({ kind: oneOf("patches"), size: integer(2, 16) }),
});

/** Of a convolution. */
export type StoredActivation = ActivationKind | "none";

/** Of what every kind has, and of its own. */
const pools = {
  maxPool: { kind: oneOf("maxPool"), name, input: value, windows },
  averagePool: { kind: oneOf("averagePool"), name, input: value, size: readSide },
  repeatChannels: { kind: oneOf("repeatChannels"), name, input: value, times: integer(1, MAXIMUM_TIMES) },
};
const dense = { kind: oneOf("dense"), name, input: value, filters };
const convolution = { name, input: value, windows, filters };
/** Height, width and channels of the result. */
const shape = list(integer(1, MAXIMUM_ELEMENTS), 3, 3);
const bending = oneOf<StoredActivation>("none", "relu", "prelu", "rprelu", "balanced");
const laid = { shortcut: value, factors: value };
const epilogue = members({ activation: bending, depthToSpace: truth }, laid);

const readOperation = variants({
  binaryConvolution: members({ kind: oneOf("binaryConvolution"), ...convolution, shape, epilogue }),
  realConvolution: members({ kind: oneOf("realConvolution"), ...convolution, shape, epilogue }),
  maxPool: members({ ...pools.maxPool, shape }),
  averagePool: members({ ...pools.averagePool, shape }),
  repeatChannels: members({ ...pools.repeatChannels, shape }),
  dense: members({ ...dense, shape, activation: oneOf("none", ...denseActivations) }),
});

/** True was the balanced one. */
type OldActivation = boolean | "relu" | "prelu" | "rprelu";
const oldEpilogue = members(
  { activation: oneOf<OldActivation>(true, false, "relu", "prelu", "rprelu"), depthToSpace: truth },
  laid,
);
const readOldOperation = variants({
  binaryConvolution: members({ kind: oneOf("binaryConvolution"), ...convolution, epilogue: oldEpilogue }),
  realConvolution: members({ kind: oneOf("realConvolution"), ...convolution, epilogue: oldEpilogue }),
  maxPool: members(pools.maxPool),
  averagePool: members(pools.averagePool),
  repeatChannels: members(pools.repeatChannels),
  dense: members(dense, { activation: oneOf(...denseActivations) }),
});

type WithShape = ReturnType<typeof readOperation>;
/** Of each kind; a file of version 2 says no shapes. */
export type StoredOperation = WithShape extends infer One
  ? One extends WithShape
    ? Partial<Pick<One, "shape">> & Omit<One, "shape">
    : never
  : never;
export type StoredConvolution = StoredOperation & { readonly kind: "binaryConvolution" | "realConvolution" };

function renamed(item: ReturnType<typeof readOldOperation>): StoredOperation {
  if (item.kind === "dense") return { ...item, activation: item.activation ?? "none" };
  if (item.kind !== "binaryConvolution" && item.kind !== "realConvolution") return item;
  const { activation, ...rest } = item.epilogue;
  const word = activation === true ? "balanced" : activation === false ? "none" : activation;
  return { ...item, epilogue: { ...rest, activation: word } };
}

export const readOperations: Reader<readonly StoredOperation[]> = list(readOperation, 1, MAXIMUM_OPERATIONS);

/** Of a file of version 2. */
export const readOldOperations: Reader<readonly StoredOperation[]> = (found, place) =>
  list(readOldOperation, 1, MAXIMUM_OPERATIONS)(found, place).map(renamed);
