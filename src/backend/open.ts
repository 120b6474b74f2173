/** Opens the backend that a program runs on: WebAssembly, with kernels of the native accelerator where it is there and not declined. */
import { UserError } from "../errors.js";
import { acceleratedKernels, findAccelerator } from "./native/accelerator.js";
import { createWasmBackend, type MeasurableBackend } from "./wasm/backend.js";

/** `auto`: native where the accelerator is there, else WebAssembly. */
export const BACKEND_NAMES = ["auto", "native", "wasm"] as const;

export type BackendName = (typeof BACKEND_NAMES)[number];

export interface BackendOptions {
  /** Threads that compute, the calling one included. Results do not depend on it. */
  readonly threads: number;
  /** Default `auto`. Native and WebAssembly differ in the rounding of float32 sums. */
  readonly name?: BackendName;
}

/** @throws UserError where `native` was asked for and is not there */
export async function openBackend({ threads, name = "auto" }: BackendOptions): Promise<MeasurableBackend> {
  const accelerated = name === "wasm" ? undefined : acceleratedKernels();
  if (name === "native" && accelerated === undefined) {
    const found = findAccelerator();
    const reason = "absent" in found ? found.absent : "this processor runs none of its instruction sets";
    throw new UserError(`the native backend was asked for, but ${reason}; use --backend wasm, or leave it to rbnet`);
  }
  return createWasmBackend({ threads, ...(accelerated === undefined ? {} : { accelerated }) });
}
