/**
 * `rbnet/runtime/webgpu`: the GPU of a page, and the kernels that a deployed network needs on it. Imported for its effect: `loadModel`
 * takes `device: "webgpu"` from then on.
 */
import type { InferenceBackend } from "../backend/device.js";
import { openGpu } from "../backend/webgpu/adapter.js";
import { assembleGpu } from "../backend/webgpu/connect.js";
import { inferenceKernels } from "../backend/webgpu/inference.js";
import { UserError } from "../errors.js";
import { addGpu } from "./added-devices.js";
import { fasterOf } from "./faster-device.js";

const NONE = 'this browser gives pages no GPU (WebGPU); leave out device: "webgpu"';

/** @throws UserError where there is none */
async function openPageGpu(): Promise<InferenceBackend> {
  // Engines without WebGPU have no such property, or no navigator.
  const { navigator: engine } = globalThis as { readonly navigator?: { readonly gpu?: GPU } };
  const gpu = engine?.gpu;
  if (gpu === undefined) throw new UserError(NONE);
  return assembleGpu(await openGpu(gpu, NONE), inferenceKernels);
}

addGpu({ open: openPageGpu, fasterOf });
