/**
 * What a page has added to the runtime's own device by an import. A dynamic import would do for bundlers that split code; those that write
 * one file would put it in for everybody.
 */
import type { InferenceBackend } from "../backend/device.js";
import { UserError } from "../errors.js";

let gpu: (() => Promise<InferenceBackend>) | undefined;

export function addGpu(open: () => Promise<InferenceBackend>): void {
  gpu = open;
}

/** @throws UserError where none was added */
export function openAddedGpu(): Promise<InferenceBackend> {
  if (gpu === undefined)
    throw new UserError('device: "webgpu" needs rbnet/runtime/webgpu, which is not loaded by itself; import that besides');
  return gpu();
}
