/**
 * `rbnet/runtime` in browsers, in a page or a worker, and on any engine that is not Node: no dependency, no training code, nothing of Node.
 */
import "../dispose-symbol.js";
import type { InferenceBackend } from "../backend/device.js";
import { createEmbeddedBackend } from "../backend/wasm/embedded.js";
import { startWebThreads } from "../backend/wasm/web-threads.js";
import { type Classify, createClassifier } from "../runtime/classifier.js";
import { type AddressLike, addressGiven, type BlobLike, bytesGiven, isBlob, refuseGiven, shortened } from "../runtime/given.js";
import { decodeModel, type Model } from "../runtime/model.js";
import { fetchModel } from "../runtime/model-source.js";
import { addedGpu, openAddedGpu } from "./added-devices.js";
import { type BrowserImage, decodeBrowserImage } from "./decode-image.js";

export type { PixelImage } from "../pixels/square.js";
export type { Classify, ClassifyOptions, ModelFacts, Prediction } from "../runtime/classifier.js";
export type { BrowserImage, Drawable } from "./decode-image.js";

/** An address, or the bytes of a model file. */
export type ModelSource = string | AddressLike | ArrayBuffer | Uint8Array | BlobLike;

export interface LoadOptions {
  /**
   * Default 1. More need a cross-origin isolated page; elsewhere, and where workers cannot start, fewer run, and `facts.backend` says why.
   * The results do not depend on it.
   */
  readonly threads?: number;
  /**
   * A WebAssembly.Module: the kernels as the platform imports them from `rbnet/runtime/kernels.wasm`, for those that forbid to compile
   * WebAssembly at run time (Cloudflare Workers). They run on one thread.
   */
  readonly module?: object;
  /**
   * Default `wasm`. `webgpu` takes the engine's GPU; import `rbnet/runtime/webgpu` besides. Small networks are faster without: `auto` takes
   * whichever answers sooner in a few runs, and `wasm` where there is no GPU, or no such import.
   */
  readonly device?: "wasm" | "webgpu" | "auto";
}

/**
 * @throws UserError where the source cannot be fetched or is not a model, the engine cannot run one, or a GPU is asked for and there is
 *   none
 */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<Classify<BrowserImage>> {
  const address = addressGiven(source);
  const bytes = address === undefined ? await bytesOf(source) : await fetchModel(address);
  const model = decodeModel(bytes, address === undefined ? "of the given bytes" : shortened(address));
  if (options.device !== "auto") return classifierOn(model, await openDevice(options));
  const usual = classifierOn(model, await openDevice({ ...options, device: "wasm" }));
  const gpu = addedGpu();
  // Whatever the GPU lacks, the processor does.
  const other = await gpu?.open().then(
    (backend) => classifierOn(model, backend),
    () => undefined,
  );
  return gpu === undefined || other === undefined ? usual : gpu.fasterOf(usual, other);
}

function classifierOn(model: Model, backend: InferenceBackend): Classify<BrowserImage> {
  try {
    return createClassifier(model, backend, decodeBrowserImage);
  } catch (error) {
    backend[Symbol.dispose]();
    throw error;
  }
}

async function openDevice({ threads = 1, module, device = "wasm" }: LoadOptions): Promise<InferenceBackend> {
  if (device === "webgpu") return openAddedGpu();
  return createEmbeddedBackend({ threads, module: module as WebAssembly.Module | undefined, startThreads: startWebThreads });
}

async function bytesOf(source: unknown): Promise<Uint8Array> {
  const bytes = isBlob(source) ? await source.arrayBuffer() : source;
  return bytesGiven(bytes) ?? refuseGiven("the model", source, "an address, or the bytes or Blob of a model file");
}
