/** `rbnet/runtime` in Node: models from files, addresses and memory; images from files, their bytes, and pixels. */
import "../dispose-symbol.js";
import { fileURLToPath } from "node:url";
import type { MachineSetup } from "../backend/machine.js";
import { decodeImage } from "../data/decoding/image-file.js";
import { UserError } from "../errors.js";
import { centredSquare, type PixelImage } from "../pixels/square.js";
import { type Classify, createClassifier } from "../runtime/classifier.js";
import { type AddressLike, addressGiven, type BlobLike, bytesGiven, isBlob, refuseGiven, shortened } from "../runtime/given.js";
import { decodeModel, type Model } from "../runtime/model.js";
import { fetchModel } from "../runtime/model-source.js";
import { readModelFile } from "./model-file.js";
import { openInference } from "./open-inference.js";

export type { PixelImage } from "../pixels/square.js";
export type { Classify, ClassifyOptions, ModelFacts, Prediction } from "../runtime/classifier.js";

/** A path, the bytes of an image file (JPEG, PNG, WebP, AVIF, GIF, TIFF) or a Blob of them, or pixels. */
export type NodeImage = string | Uint8Array | BlobLike | PixelImage;

/** A path, the name of a model that comes with rbnet, a file: or http(s): address, or the bytes of a model file. */
export type ModelSource = string | AddressLike | ArrayBuffer | Uint8Array | BlobLike;

/** Where it runs: one thread by default. */
export type LoadOptions = Pick<MachineSetup, "threads" | "backend">;

/** @throws UserError where the source cannot be read or is not a model */
export async function loadModel(
  source: ModelSource,
  { threads = 1, ...machine }: LoadOptions = {},
): Promise<Classify<NodeImage>> {
  const model = await readModel(source);
  const backend = await openInference({ threads, ...machine });
  try {
    return createClassifier(model, backend, decodeNodeImage);
  } catch (error) {
    backend[Symbol.dispose]();
    throw error;
  }
}

async function readModel(source: ModelSource): Promise<Model> {
  const address = addressGiven(source);
  if (address === undefined) {
    const bytes = bytesGiven(isBlob(source) ? await source.arrayBuffer() : source);
    if (bytes !== undefined) return decodeModel(bytes, "of the given bytes");
    refuseGiven("the model", source, "a path, a name, an address, or the bytes or Blob of a model file");
  }
  if (/^https?:/i.test(address)) return decodeModel(await fetchModel(address), shortened(address));
  return readModelFile(typeof source === "string" ? source : fileOf(address));
}

function fileOf(address: string): string {
  if (!address.startsWith("file:"))
    throw new UserError(`the model's address ${shortened(address)} is neither file: nor http(s):; give one of these, or a path`);
  return fileURLToPath(address);
}

async function decodeNodeImage(image: NodeImage, size: number): Promise<Uint8Array> {
  if (typeof image === "string") return decodeImage(image, size);
  const bytes = bytesGiven(isBlob(image) ? await image.arrayBuffer() : image);
  if (bytes !== undefined) return decodeImage(bytes, size);
  if (typeof image !== "object" || image === null || !("data" in image))
    refuseGiven("the image", image, "a path, the bytes or Blob of a picture, or pixels { data, width, height }");
  return centredSquare(image as PixelImage, size);
}
