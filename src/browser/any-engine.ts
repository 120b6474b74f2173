/**
 * `rbnet/runtime` where nothing says what runs it: bundlers without a condition for pages, and compilers that look for types. The code is
 * the browser's, which runs anywhere; the types hold for whichever of the two a tool picks in the end.
 */
import type { Classify } from "../runtime/classifier.js";
import {
  type BrowserImage,
  type LoadOptions as BrowserOptions,
  loadModel as loadAnywhere,
  type ModelSource,
} from "./load-model.js";

export type { PixelImage } from "../pixels/square.js";
export type { ClassifyOptions, ModelFacts, Prediction } from "../runtime/classifier.js";
export type { Drawable, ModelSource } from "./load-model.js";
export type { Classify };

/** Pixels anywhere; a Blob of a picture; in browsers what a canvas can draw; in Node a path or the bytes of a picture. */
export type Image = BrowserImage | string | Uint8Array;

export interface LoadOptions extends BrowserOptions {
  /** In Node: `native` for the accelerator, `wasm` for WebAssembly; default `auto`. Elsewhere there is WebAssembly alone. */
  readonly backend?: "auto" | "native" | "wasm";
}

/** @throws UserError where the source cannot be had or is not a model, or the engine cannot run one */
export const loadModel = loadAnywhere as unknown as (source: ModelSource, options?: LoadOptions) => Promise<Classify<Image>>;
