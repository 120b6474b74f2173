/** `rbnet/runtime` in browsers, in a page or a worker: no dependency, no training code, nothing of Node. */
import { createEmbeddedBackend } from "../backend/wasm/embedded.js";
import { type Classify, createClassifier } from "../runtime/classifier.js";
import { decodeModel } from "../runtime/model.js";
import { fetchModel } from "../runtime/model-source.js";
import { type BrowserImage, decodeBrowserImage } from "./decode-image.js";

export type { PixelImage } from "../pixels/square.js";
export type { Classify, ClassifyOptions, ModelFacts, Prediction } from "../runtime/classifier.js";
export type { BrowserImage, Drawable } from "./decode-image.js";

/** An address, or the bytes of a model file. */
export type ModelSource = string | URL | ArrayBuffer | Uint8Array | Blob;

export interface LoadOptions {
  /** Default 1. More need a cross-origin isolated page; elsewhere one thread runs. The results do not depend on it. */
  readonly threads?: number;
  /** Default `wasm`. `webgpu` takes the browser's GPU, for which more code is loaded; small networks are faster without. */
  readonly device?: "wasm" | "webgpu";
}

/** @throws UserError where the source cannot be fetched or is not a model, or a GPU is asked for and there is none */
export async function loadModel(
  source: ModelSource,
  { threads = 1, device = "wasm" }: LoadOptions = {},
): Promise<Classify<BrowserImage>> {
  const isAddress = typeof source === "string" || source instanceof URL;
  const bytes = isAddress ? await fetchModel(String(source)) : await bytesOf(source);
  const model = decodeModel(bytes, isAddress ? String(source) : "of the given bytes");
  const backend = device === "webgpu" ? await (await import("./gpu.js")).openPageGpu() : await createEmbeddedBackend(threads);
  try {
    return createClassifier(model, backend, decodeBrowserImage);
  } catch (error) {
    backend[Symbol.dispose]();
    throw error;
  }
}

async function bytesOf(source: ArrayBuffer | Uint8Array | Blob): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  return new Uint8Array(source instanceof Blob ? await source.arrayBuffer() : source);
}
