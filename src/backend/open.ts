/** Opens the backend that a program runs on: WebAssembly, with kernels of the native accelerator where it is there and not declined. */
import { UserError } from "../errors.js";
import type { Backend, GradientPrecision } from "./device.js";
import { type AcceleratedKernels, acceleratedKernels, findAccelerator } from "./native/accelerator.js";
import { createWasmBackend } from "./wasm/backend.js";

/** `auto`: native where the accelerator is there, else WebAssembly. */
export const BACKEND_NAMES = ["auto", "native", "wasm"] as const;

export type BackendName = (typeof BACKEND_NAMES)[number];

export interface BackendOptions {
  /** Threads that compute, the calling one included. Results do not depend on it. */
  readonly threads: number;
  /** Default `auto`. Native and WebAssembly differ in the rounding of float32 sums. */
  readonly name?: BackendName;
  /** Default `float32`; `bfloat16` is faster and less exact, and the native backend alone has it, on processors with instructions for it. */
  readonly precision?: GradientPrecision;
}

/** @throws UserError where `native` or `bfloat16` was asked for and is not there */
export async function openBackend({ threads, name = "auto", precision = "float32" }: BackendOptions): Promise<Backend> {
  const accelerated = chooseKernels(name, precision);
  return createWasmBackend({ threads, ...(accelerated === undefined ? {} : { accelerated }) });
}

/**
 * The accelerator's kernels that a backend would have; undefined where it would run on WebAssembly alone.
 * @throws UserError as `openBackend`
 */
export function chooseKernels(name: BackendName, precision: GradientPrecision): AcceleratedKernels | undefined {
  const accelerated = name === "wasm" ? undefined : acceleratedKernels(precision);
  if (precision === "bfloat16" && accelerated === undefined)
    throw new UserError(
      `products in bfloat16 were asked for, but ${name === "wasm" ? "WebAssembly has none" : obstacle(precision)}; use --precision float32`,
    );
  if (name === "native" && accelerated === undefined)
    throw new UserError(`the native backend was asked for, but ${obstacle(precision)}; use --backend wasm, or leave it to rbnet`);
  return accelerated;
}

/** Why the accelerator has no kernels of a precision for this machine. */
function obstacle(precision: GradientPrecision): string {
  const found = findAccelerator();
  if ("absent" in found) return found.absent;
  return precision === "bfloat16"
    ? "this processor has no instructions for them (AVX-512 with BF16), or the compiler that built the accelerator knew none"
    : "this processor runs none of its instruction sets";
}
