/**
 * The model file: one safetensors file with the folded network. `__metadata__` holds the format, and as JSON the network's
 * operations, class names, and how an image becomes its input; weights and parameters are tensors named by their operation.
 * No code is ever run from it. The layout is written down in docs/model-file.md.
 */
import { UserError } from "../errors.js";
import { type Channels, storedSide } from "../pixels/square.js";
import { integer, list, Malformed, members, number, oneOf, text } from "./json-reader.js";
import { valueShapes } from "./operation-shapes.js";
import type { Operation } from "./operations.js";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "./safetensors.js";
import { readOldOperations, readOperations, readSide } from "./stored-description.js";
import { loadOperations, type StoredPrecision, storeOperation } from "./stored-operations.js";
import type { MapShape } from "./windows.js";

const FORMAT = "rbnet-model";
const VERSION = "3";
/** Its images are prepared as those of the present version, but it does not say so. */
const OLD_VERSION = "2";

const described = {
  network: members({ name: text(200), width: number() }),
  classes: list(text(1000), 1, 65_536),
  size: readSide,
  mean: list(number(), 3, 3),
  deviation: list(number(0), 3, 3),
};
/** How an image file becomes pixels: one word each, since this rbnet knows one way. */
const preprocessing = members({
  orientation: oneOf("exif"),
  alpha: oneOf("white"),
  shorterSide: integer(1, 65_536),
  filter: oneOf("lanczos3"),
  crop: oneOf("centre"),
});
const readHeader = members({ ...described, preprocessing, operations: readOperations });
const readOldHeader = members({ ...described, operations: readOldOperations });

/** A trained network as it ships. */
export interface Model {
  readonly network: { readonly name: string; readonly width: number };
  readonly classes: readonly string[];
  /** Input images are size x size x 3; channel values in 0..1, less `mean`, by `standardDeviation`. */
  readonly size: number;
  readonly mean: Channels;
  readonly standardDeviation: Channels;
  readonly operations: readonly Operation[];
}

/**
 * The bytes of a model file.
 *
 * @throws UserError where a value is too large for `precision`
 */
export function encodeModel(model: Model, precision: StoredPrecision = "float32"): Uint8Array {
  const { network, classes, size, mean, standardDeviation } = model;
  const tensors = new Map<string, StoredTensor>();
  try {
    const shapes = valueShapes(model.operations, inputShape(size));
    const operations = model.operations.map((item, index) =>
      storeOperation(item, shapes[index + 1] as MapShape, precision, tensors),
    );
    const prepared = { orientation: "exif", alpha: "white", shorterSide: storedSide(size), filter: "lanczos3", crop: "centre" };
    const about = { network, classes, size, mean, deviation: standardDeviation, preprocessing: prepared };
    const header = JSON.stringify({ ...about, operations });
    return encodeSafetensors({ metadata: { format: FORMAT, version: VERSION, model: header }, tensors });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(`the model cannot be written in ${precision}: ${error.message}; write it in float32`, { cause: error });
  }
}

/**
 * @param name what to call the file in an error
 * @throws UserError where the bytes are no model of this format
 */
export function decodeModel(bytes: Uint8Array, name: string): Model {
  const file = decodeSafetensors(bytes, name);
  const { format, version, model } = file.metadata;
  if (format !== FORMAT)
    throw new UserError(
      `the file ${name} is a safetensors file, but not an rbnet model (its format is ${quote(format)}); choose a ` +
        "model.safetensors that rbnet train wrote",
    );
  if (version !== VERSION && version !== OLD_VERSION)
    throw new UserError(
      `the model ${name} is of format version ${quote(version)}, this rbnet reads ${VERSION} and ${OLD_VERSION}; ` +
        "use the rbnet that wrote it",
    );
  const broken = (found: string): UserError => new UserError(`the model ${name} is damaged: ${found}; get a fresh copy`);
  let header: ReturnType<typeof readOldHeader> & Partial<ReturnType<typeof readHeader>>;
  try {
    header = (version === OLD_VERSION ? readOldHeader : readHeader)(JSON.parse(model ?? ""), "");
  } catch (error) {
    const place = error instanceof Malformed ? ` at ${error.place || "its top"}` : "";
    throw broken(`its description of the network is malformed${place}`);
  }
  const operations = loadOperations(header.operations, inputShape(header.size), header.classes.length, file.tensors, broken);
  const { mean, deviation, preprocessing: prepared, ...about } = header;
  if (prepared !== undefined) checkPreparation(prepared.shorterSide, header.size, name);
  return { ...about, mean: channelsOf(mean), standardDeviation: channelsOf(deviation), operations };
}

/** @throws UserError where images are to be prepared otherwise than this rbnet does it */
function checkPreparation(asked: number, size: number, name: string): void {
  const side = storedSide(size);
  if (asked === side) return;
  throw new UserError(
    `the model ${name} is for images whose shorter side is scaled to ${asked} pixels, this rbnet scales to ${side} for an input of ` +
      `${size}; use the rbnet that wrote it`,
  );
}

function inputShape(size: number): MapShape {
  return { height: size, width: size, channels: 3 };
}

/** Of a stranger's text a sentence repeats only the start. */
function quote(text: string | undefined): string {
  return JSON.stringify(text?.slice(0, 100) ?? null);
}

function channelsOf([red = 0, green = 0, blue = 0]: readonly number[]): Channels {
  return [red, green, blue];
}
