/** The WebGPU backend keeps the kernels' contract, on whatever GPU there is, if only in software. */
import { it, vi } from "vitest";
import { createWebgpuBackend } from "#rbnet/backend/webgpu/backend";
import { kernelClaims } from "../kernel-claims.js";
import { findGpu } from "./software-gpu.js";

// A kernel takes a software GPU seconds to compile on a busy machine.
vi.setConfig({ testTimeout: 240_000 });

const gpu = await findGpu();
if ("absent" in gpu) it.skip(`webgpu keeps the contract: ${gpu.absent}`, () => undefined);
else kernelClaims(gpu.description, () => createWebgpuBackend(gpu));
