/** The compiled kernels, wherever they come from: how a module becomes functions on a memory. */
import type { KernelFunction } from "./thread-pool.js";

/** A module of three instructions: i8x16.splat, i8x16.splat, i8x16.relaxed_swizzle. It validates where the engine has relaxed SIMD. */
const RELAXED_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2,
  11,
]);

/** Whether the engine can run the build with fused multiply-add. */
export function validatesRelaxedSimd(): boolean {
  return WebAssembly.validate(RELAXED_PROBE);
}

/** The kernels named by `table` on a memory, in their order. One that the module lacks throws when it is called. */
export function instantiateKernels(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  table: object,
): readonly KernelFunction[] {
  const abort = (): never => {
    throw new Error("a kernel stopped on an internal check");
  };
  const instance = new WebAssembly.Instance(module, { env: { memory, abort, seed: () => 0 } });
  return Object.keys(table).map((name) => {
    const kernel = instance.exports[name];
    if (typeof kernel === "function") return kernel as KernelFunction;
    return () => {
      throw new Error(`this build of the kernels has no ${name}`);
    };
  });
}
