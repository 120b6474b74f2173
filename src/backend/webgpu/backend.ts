/** The WebGPU backend that trains, on a GPU that has been opened, wherever that was (node.ts, or a page). */
import type { Backend } from "../device.js";
import type { ImageKernels } from "../image-kernels.js";
import type { Kernels } from "../kernels.js";
import type { OpenedGpu } from "./adapter.js";
import { binaryKernels } from "./binary.js";
import { channelKernels } from "./channels.js";
import { assembleGpu, type GpuDevice, type GpuPrecision } from "./connect.js";
import { cropKernels } from "./crops.js";
import { imageKernels } from "./images.js";
import { inferenceKernels } from "./inference.js";
import { lossKernels } from "./loss.js";
import { normalizationKernels } from "./normalization.js";
import { poolingKernels } from "./pooling.js";
import { realKernels } from "./real.js";
import type { Runner } from "./recorder.js";
import { updateKernels } from "./update.js";

/** @throws UserError where the GPU has no float16, and gradients are to be in it */
export function createWebgpuBackend(gpu: OpenedGpu, precision?: GpuPrecision): Backend & GpuDevice {
  return assembleGpu(gpu, allKernels, precision);
}

function allKernels(runner: Runner): Kernels & ImageKernels {
  return {
    ...inferenceKernels(runner),
    ...binaryKernels(runner),
    ...realKernels(runner),
    ...normalizationKernels(runner),
    ...poolingKernels(runner),
    ...lossKernels(runner),
    ...channelKernels(runner),
    ...updateKernels(runner),
    ...imageKernels(runner),
    ...cropKernels(runner),
  };
}
