/**
 * The compiled kernels: which functions there are, which of the two builds this engine can run, and how to instantiate it on a shared memory.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { setFlagsFromString } from "node:v8";
import type { KernelFunction } from "./pool.js";

/** Exports of the module by their place in the job's kernel number. */
export const KERNEL_NAMES = [
  "binarizeColumns",
  "binarizeWeights",
  "countPositive",
  "binaryProduct",
  "transposeSigns",
  "binaryWeightGradient",
  "binaryInputGradient",
  "gatherColumns",
  "scatterColumns",
  "product",
  "transpose",
  "addBias",
  "columnStatistics",
  "sumRows",
  "reducePartials",
  "normalizationForward",
  "normalizationBackward",
  "normalizeActivateInteger",
  "normalizeActivateReal",
  "activateBackwardInteger",
  "activateBackwardReal",
  "normalizationGradientInteger",
  "normalizationGradientReal",
  "averagePool",
  "averagePoolGradient",
  "softmaxCrossEntropy",
  "adam",
  "sgd",
  "movingAverage",
  "fillWords",
  "copyWords",
] as const;

export type KernelName = (typeof KERNEL_NAMES)[number];

/** A module of three instructions: i8x16.splat, i8x16.splat, i8x16.relaxed_swizzle. It validates where the engine has relaxed SIMD. */
const RELAXED_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2,
  11,
]);

/** Whether the engine can run the build with fused multiply-add. Node 20 has it behind a flag, which is set here, before the first compile. */
export function hasRelaxedSimd(): boolean {
  if (WebAssembly.validate(RELAXED_PROBE)) return true;
  try {
    setFlagsFromString("--experimental-wasm-relaxed-simd");
  } catch {
    return false;
  }
  return WebAssembly.validate(RELAXED_PROBE);
}

export async function compileKernels(relaxed: boolean): Promise<WebAssembly.Module> {
  const file = new URL(relaxed ? "./kernels-relaxed.wasm" : "./kernels.wasm", import.meta.url);
  return WebAssembly.compile(await readFile(file));
}

/** An addon with faster versions of some kernels on the same memory, and the instruction set to use of it. Every thread loads it for itself. */
export interface Accelerated {
  readonly file: string;
  readonly instructionSet: string;
}

/** The kernels, in the order of KERNEL_NAMES; those of the accelerator where it has them. */
export function instantiateKernels(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  accelerated: Accelerated | undefined,
): readonly KernelFunction[] {
  const abort = (): never => {
    throw new Error("a kernel stopped on an internal check");
  };
  const instance = new WebAssembly.Instance(module, { env: { memory, abort, seed: () => 0 } });
  const faster = accelerated === undefined ? {} : loadFasterKernels(accelerated, memory);
  return KERNEL_NAMES.map((name) => {
    const kernel = faster[name] ?? instance.exports[name];
    if (typeof kernel !== "function") throw new Error(`the kernel module lacks ${name}`);
    return kernel as KernelFunction;
  });
}

/** A shared memory grows in place, so its first byte stays where it is. */
function loadFasterKernels({ file, instructionSet }: Accelerated, memory: WebAssembly.Memory): Record<string, KernelFunction> {
  const addon = createRequire(import.meta.url)(file);
  return addon.bind(new Uint8Array(memory.buffer), instructionSet);
}
