/**
 * Weights that another program trained, under the names of our checkpoints (integrations/pytorch/rbnet_torch.py writes them): checked
 * against the network that they are said to be of, folded, and a model from there on.
 */
import { z } from "zod";
import type { Backend } from "../../backend/device.js";
import { MemoryScope } from "../../backend/scope.js";
import { UserError } from "../../errors.js";
import { type LayoutPart, writeParts } from "../../layers/parameters.js";
import { type NetworkDescription, networkTitle } from "../../networks/description.js";
import { Network } from "../../networks/network.js";
import type { Model } from "../../runtime/model.js";
import { decodeSafetensors, type StoredFile, type StoredTensor } from "../../runtime/safetensors.js";
import { firstDifference } from "../records/difference.js";

const FORMAT = "rbnet-weights";
const VERSION = "1";

const channels = z.tuple([z.number(), z.number(), z.number()]);
const aboutSchema = z.looseObject({
  classes: z.array(z.string()).min(1),
  size: z.int().min(1),
  mean: channels,
  deviation: z.tuple([z.number().gt(0), z.number().gt(0), z.number().gt(0)]),
});
const sizesSchema = z.looseObject({ width: z.number(), input: z.looseObject({ height: z.number() }) });

export interface ImportedWeights {
  readonly path: string;
  /** As the file describes it: text of a stranger's. */
  readonly network: unknown;
  readonly width: number;
  readonly size: number;
  readonly classes: readonly string[];
  readonly mean: Model["mean"];
  readonly standardDeviation: Model["standardDeviation"];
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** @throws UserError where the bytes are no weights of this format */
export function decodeWeights(bytes: Uint8Array, path: string): ImportedWeights {
  const { metadata, tensors } = decoded(bytes, path);
  if (metadata.format !== FORMAT || metadata.version !== VERSION)
    throw new UserError(
      `${path} says nothing of a network, its classes and pixels, as version ${VERSION} of ${FORMAT} does; write it by rbnet_torch.save`,
    );
  const network = json(metadata.network);
  const [sizes, about] = [sizesSchema.safeParse(network), aboutSchema.safeParse(json(metadata.data))];
  if (!sizes.success || !about.success)
    throw new UserError(`what ${path} says of its network or data is malformed; write it by rbnet_torch.save`);
  if (metadata.weights !== "binary")
    throw new UserError(
      `${path} is of the first of two stages, whose binary layers have real weights; go on to the second and import that`,
    );
  const { classes, size, mean, deviation } = about.data;
  return { path, network, width: sizes.data.width, size, classes, mean, standardDeviation: deviation, tensors };
}

/** What safetensors begin with is a length, which may look like the mark of any format: others are told apart where it is none. */
function decoded(bytes: Uint8Array, path: string): StoredFile {
  try {
    return decodeSafetensors(bytes, path);
  } catch (error) {
    if (!isPickle(bytes)) throw error;
    throw new UserError(
      `${path} is a pickle, as torch.save writes it, and running what is in it is not safe; write the weights by rbnet_torch.save`,
    );
  }
}

/** A zip file, as PyTorch has written since version 1.6, or a bare pickle. */
function isPickle([first, second, third, fourth]: Uint8Array): boolean {
  const isZip = first === 0x50 && second === 0x4b && third === 0x03 && fourth === 0x04;
  return isZip || (first === 0x80 && second !== undefined && second >= 2 && second <= 5);
}

function json(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}

/**
 * The model that the weights fold into; the backend's memory is as it was before.
 *
 * @throws UserError where they are of another network, or a tensor is missing, too much, or not what it has to be
 */
export async function modelOfWeights(
  backend: Backend,
  weights: ImportedWeights,
  description: NetworkDescription,
): Promise<Model> {
  const { path, classes, size, mean, standardDeviation, tensors } = weights;
  const title = networkTitle(description);
  const difference = firstDifference(weights.network, description);
  if (difference !== undefined)
    throw new UserError(
      `${path} is not of ${title}: ${difference.place} is ${difference.there} there, ${difference.now} in ${title}; name the ` +
        "network that was trained, with its variations",
    );
  using _scope = new MemoryScope(backend);
  const network = new Network(backend, description, { normal: (count) => new Float32Array(count) });
  const { values, states } = network.store;
  const parts = [values, states].flatMap(({ layout }) => layout.parts);
  const own = new Set(parts.map(({ name }) => name));
  const found = new Map(parts.map((part) => [part.name, valuesOf(part, tensors.get(part.name), path, title)]));
  const other = [...tensors.keys()].find((name) => !own.has(name));
  if (other !== undefined)
    throw new UserError(
      `${path} has a tensor ${JSON.stringify(other.slice(0, 100))}, which ${title} has not; write it by rbnet_torch.save`,
    );
  for (const piece of [values, states]) await writeParts(backend, piece, found);
  const operations = await network.fold();
  const { name, width } = description;
  return { network: { name, width }, classes, size, mean, standardDeviation, operations };
}

function valuesOf({ name, shape }: LayoutPart, stored: StoredTensor | undefined, path: string, title: string): Float32Array {
  const expected = `float32 of shape ${shape.join(" x ")}`;
  if (stored === undefined) throw new UserError(`${path} has no tensor ${name}, which ${title} needs (${expected})`);
  if (!(stored.data instanceof Float32Array) || stored.shape.join() !== shape.join())
    throw new UserError(
      `tensor ${name} of ${path} is ${stored.type} of shape ${stored.shape.join(" x ")}, but ${title} needs ${expected}`,
    );
  if (!stored.data.every(Number.isFinite))
    throw new UserError(
      `tensor ${name} of ${path} has values that are not finite: its training diverged; import an earlier state`,
    );
  return stored.data;
}
