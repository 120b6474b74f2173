/** `rbnet/runtime` in Node: models from files, addresses and memory; images from files, their bytes, and pixels. */
import { fileURLToPath } from "node:url";
import type { MachineSetup } from "../backend/machine.js";
import { openBackend } from "../backend/open.js";
import { decodeImage } from "../data/decoding/image-file.js";
import { UserError } from "../errors.js";
import { centredSquare, type PixelImage } from "../pixels/square.js";
import { type Classify, createClassifier } from "../runtime/classifier.js";
import { decodeModel, type Model } from "../runtime/model.js";
import { fetchModel } from "../runtime/model-source.js";
import { readModelFile } from "./model-file.js";

export type { PixelImage } from "../pixels/square.js";
export type { Classify, ClassifyOptions, ModelFacts, Prediction } from "../runtime/classifier.js";

/** A path, the bytes of an image file (JPEG, PNG, WebP, AVIF, GIF, TIFF) or a Blob of them, or pixels. */
export type NodeImage = string | Uint8Array | Blob | PixelImage;

/** A path, the name of a model that comes with rbnet, a file: or http(s): address, or the bytes of a model file. */
export type ModelSource = string | URL | ArrayBuffer | Uint8Array | Blob;

/** Where it runs: one thread by default. */
export type LoadOptions = Pick<MachineSetup, "threads" | "backend">;

/** @throws UserError where the source cannot be read or is not a model */
export async function loadModel(
  source: ModelSource,
  { threads = 1, ...machine }: LoadOptions = {},
): Promise<Classify<NodeImage>> {
  const model = await readModel(source);
  const backend = await openBackend({ threads, ...machine });
  try {
    return createClassifier(model, backend, decodeNodeImage);
  } catch (error) {
    backend[Symbol.dispose]();
    throw error;
  }
}

async function readModel(source: ModelSource): Promise<Model> {
  if (source instanceof Blob) return decodeModel(new Uint8Array(await source.arrayBuffer()), "of the given bytes");
  if (source instanceof ArrayBuffer) return decodeModel(new Uint8Array(source), "of the given bytes");
  if (source instanceof Uint8Array) return decodeModel(source, "of the given bytes");
  const address = String(source);
  if (/^https?:/i.test(address)) return decodeModel(await fetchModel(address), address);
  return readModelFile(source instanceof URL ? fileOf(source) : source);
}

function fileOf(address: URL): string {
  if (address.protocol !== "file:")
    throw new UserError(`the model's address ${address.href} is neither file: nor http(s):; give one of these, or a path`);
  return fileURLToPath(address);
}

async function decodeNodeImage(image: NodeImage, size: number): Promise<Uint8Array> {
  if (typeof image === "string" || image instanceof Uint8Array) return decodeImage(image, size);
  if (image instanceof Blob) return decodeImage(new Uint8Array(await image.arrayBuffer()), size);
  return centredSquare(image, size);
}
