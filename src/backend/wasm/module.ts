/** The compiled kernels in Node: which of the two builds this engine can run, their files, and the accelerator's kernels in their place. */
import { readFile } from "node:fs/promises";
import { setFlagsFromString } from "node:v8";
import { UserError } from "../../errors.js";
import { packageFile, requireInstalled } from "../../installed.js";
import { KERNEL_ROWS } from "../kernel-table/table.js";
import * as engine from "./engine.js";
import { instantiateKernels, validatesRelaxedSimd } from "./instantiate.js";
import type { ProductKind } from "./packed-weights.js";
import type { KernelFunction } from "./thread-pool.js";

/**
 * Whether the engine can run the build with fused multiply-add. Node 20 has it behind a flag, which is set here, before the first compile.
 */
export function hasRelaxedSimd(): boolean {
  if (typeof WebAssembly !== "object") return false;
  if (validatesRelaxedSimd()) return true;
  try {
    setFlagsFromString("--experimental-wasm-relaxed-simd");
  } catch {
    return false;
  }
  return validatesRelaxedSimd();
}

export async function compileKernels(relaxed: boolean): Promise<WebAssembly.Module> {
  engine.requireKernelsEngine();
  const name = `dist/backend/wasm/${relaxed ? "kernels-relaxed" : "kernels"}.wasm`;
  const file = packageFile(name);
  if (file === undefined)
    throw new UserError(
      `the kernels, ${name} of the package rbnet, are not there; leave rbnet out of the bundle (external), so that it finds its files`,
    );
  return engine.compileKernels(await readFile(file));
}

/**
 * An addon with faster versions of some kernels on the same memory, and the instruction set to use of it. Every thread loads it for itself.
 */
export interface Accelerated {
  readonly file: string;
  readonly instructionSet: string;
}

interface Addon {
  bind(memory: Uint8Array, instructionSet: string): Record<string, KernelFunction>;
}

export interface LoadedKernels {
  /** In the order of KERNEL_ROWS; those of the accelerator where it has them. */
  readonly functions: readonly KernelFunction[];
  /**
   * The product to count by where only one of the two has its unit in the accelerator: the other would round otherwise, and which is faster
   * is a matter of chance.
   */
  readonly product: ProductKind | undefined;
  /** Whether gradients are multiplied in tiles. */
  readonly tiles: boolean;
}

export function loadKernels(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  accelerated: Accelerated | undefined,
): LoadedKernels {
  const functions = instantiateKernels(module, memory, KERNEL_ROWS);
  if (accelerated === undefined) return { functions, product: undefined, tiles: false };
  const faster = loadFasterKernels(accelerated, memory);
  return {
    functions: Object.keys(KERNEL_ROWS).map((name, index) => faster[name] ?? (functions[index] as KernelFunction)),
    product: "binaryUnit" in faster && !("binaryUnitTable" in faster) ? "popcount" : undefined,
    tiles: "peakTiles" in faster,
  };
}

/** A shared memory grows in place, so its first byte stays where it is. */
function loadFasterKernels({ file, instructionSet }: Accelerated, memory: WebAssembly.Memory): Record<string, KernelFunction> {
  const addon = requireInstalled(file) as Addon;
  return addon.bind(new Uint8Array(memory.buffer), instructionSet);
}
