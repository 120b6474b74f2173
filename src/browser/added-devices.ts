/**
 * What a page has added to the runtime's own device by an import. A dynamic import would do for bundlers that split code; those that write
 * one file would put it in for everybody.
 */
import type { InferenceBackend } from "../backend/device.js";
import { UserError } from "../errors.js";
import type { Classify } from "../runtime/classifier.js";
import type { BrowserImage } from "./decode-image.js";

export interface AddedGpu {
  open(): Promise<InferenceBackend>;
  /** Of the same model on two devices, the one that answers sooner; the other is disposed of. */
  fasterOf(usual: Classify<BrowserImage>, other: Classify<BrowserImage>): Promise<Classify<BrowserImage>>;
}

let gpu: AddedGpu | undefined;

export function addGpu(added: AddedGpu): void {
  gpu = added;
}

/** Undefined where none was added. */
export function addedGpu(): AddedGpu | undefined {
  return gpu;
}

/** @throws UserError where none was added */
export function openAddedGpu(): Promise<InferenceBackend> {
  if (gpu === undefined)
    throw new UserError('device: "webgpu" needs rbnet/runtime/webgpu, which is not loaded by itself; import that besides');
  return gpu.open();
}
