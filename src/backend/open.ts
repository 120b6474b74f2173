/** Opens the backend that a program runs on: WebAssembly, with kernels of the native accelerator where it is there and not declined. */
import { UserError } from "../errors.js";
import type { Backend, GradientPrecision } from "./device.js";
import { type MachineSetup, machineOf } from "./machine.js";
import { type AcceleratedKernels, acceleratedKernels, findAccelerator } from "./native/accelerator.js";
import { createWasmBackend } from "./wasm/backend.js";

/** @throws UserError where `native` or `bfloat16` was asked for and is not there */
export async function openBackend(setup: MachineSetup = {}): Promise<Backend> {
  const { threads } = machineOf(setup);
  const accelerated = chooseKernels(setup);
  return createWasmBackend({ threads, ...(accelerated === undefined ? {} : { accelerated }) });
}

/**
 * The accelerator's kernels that a backend would have; undefined where it would run on WebAssembly alone.
 * @throws UserError as `openBackend`
 */
export function chooseKernels(setup: MachineSetup): AcceleratedKernels | undefined {
  const { backend, precision } = machineOf(setup);
  const accelerated = backend === "wasm" ? undefined : acceleratedKernels(precision);
  if (precision === "bfloat16" && accelerated === undefined)
    throw new UserError(
      `products in bfloat16 were asked for, but ${backend === "wasm" ? "WebAssembly has none" : obstacle(precision)}; use --precision float32`,
    );
  if (backend === "native" && accelerated === undefined)
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
