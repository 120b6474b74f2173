/**
 * The model file: one safetensors file with the folded network. `__metadata__` holds the format, and as JSON the network's
 * operations, class names, input size, mean and standard deviation; weights and parameters are tensors named by their operation.
 * No code is ever run from it. The layout is written down in docs/model-file.md.
 */
import { UserError } from "../errors.js";
import type { Channels } from "../pixels/square.js";
import { list, Malformed, members, number, text } from "./json-reader.js";
import type { Operation } from "./operations.js";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "./safetensors.js";
import { loadOperations, readOperations, readSide, type StoredPrecision, storeOperation } from "./stored-operations.js";

const FORMAT = "rbnet-model";
const VERSION = "2";

const readHeader = members({
  network: members({ name: text(200), width: number() }),
  classes: list(text(1000), 1, 65_536),
  size: readSide,
  mean: list(number(), 3, 3),
  deviation: list(number(0), 3, 3),
  operations: readOperations,
});

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
    const operations = model.operations.map((item) => storeOperation(item, precision, tensors));
    const header = JSON.stringify({ network, classes, size, mean, deviation: standardDeviation, operations });
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
      `${name} is a safetensors file, but not an rbnet model (its format is ${quote(format)}); choose a ` +
        "model.safetensors that rbnet train wrote",
    );
  if (version !== VERSION)
    throw new UserError(
      `${name} is a model of format version ${quote(version)}, this rbnet reads version ${VERSION}; use the rbnet that wrote it`,
    );
  const broken = (found: string): UserError => new UserError(`the model ${name} is damaged: ${found}; get a fresh copy`);
  let header: ReturnType<typeof readHeader>;
  try {
    header = readHeader(JSON.parse(model ?? ""), "");
  } catch (error) {
    const place = error instanceof Malformed ? ` at ${error.place || "its top"}` : "";
    throw broken(`its description of the network is malformed${place}`);
  }
  const input = { height: header.size, width: header.size, channels: 3 };
  const operations = loadOperations(header.operations, input, header.classes.length, file.tensors, broken);
  const { mean, deviation, ...described } = header;
  return { ...described, mean: channelsOf(mean), standardDeviation: channelsOf(deviation), operations };
}

/** Of a stranger's text a sentence repeats only the start. */
function quote(text: string | undefined): string {
  return JSON.stringify(text?.slice(0, 100) ?? null);
}

function channelsOf([red = 0, green = 0, blue = 0]: readonly number[]): Channels {
  return [red, green, blue];
}
