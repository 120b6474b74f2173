/**
 * Finds the optional C accelerator: a Node addon that has faster versions of some WebAssembly kernels, working on the same memory. Nothing
 * needs it; where it is absent, or was built for another machine, everything runs on WebAssembly alone.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { GradientPrecision } from "../device.js";

/** What the addon exports; see addon.c. */
export interface Addon {
  /** Digest of the kernels and of the code that calls them. */
  readonly contract: string;
  /** Those that this processor can run, the fastest first. */
  readonly instructionSets: readonly string[];
  /** The same, of those that round gradients to bfloat16 where they multiply signs. */
  readonly bfloat16Sets: readonly string[];
  bind(memory: Uint8Array, instructionSet: string): Readonly<Record<string, (...parameters: number[]) => void>>;
}

/** Which kernels to use instead of the WebAssembly ones; plain data, so that each worker can load them for itself. */
export interface AcceleratedKernels {
  readonly file: string;
  readonly instructionSet: string;
}

/** What was found, or why nothing: for people. */
export type AcceleratorSearch = { readonly file: string; readonly addon: Addon } | { readonly absent: string };

/** Where `npm run build` leaves the addon, where a C compiler was at hand. */
const BUILT_HERE = fileURLToPath(new URL("./rbnet.node", import.meta.url));
/** The addon as it comes prebuilt: an optional dependency of rbnet, one for each platform. */
const PACKAGE = `rbnet-native-${process.platform}-${process.arch}`;

const require = createRequire(import.meta.url);

/** Loads the addon of this machine. Never throws: an accelerator that cannot be loaded is an absent one. */
export function findAccelerator(): AcceleratorSearch {
  const file = addonFile();
  if (file === undefined)
    return { absent: `there is no accelerator: none was built here, and the package ${PACKAGE} is not installed` };
  try {
    const addon = loadAddon(file);
    // The kernels take addresses, and would believe any.
    if (addon.contract !== require("./contract.json"))
      return {
        absent: `the accelerator ${file} is of another version of rbnet; install the same version of both, or build it again`,
      };
    return { file, addon };
  } catch (error) {
    return { absent: `the accelerator ${file} cannot be loaded: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function addonFile(): string | undefined {
  if (existsSync(BUILT_HERE)) return BUILT_HERE;
  try {
    return require.resolve(`${PACKAGE}/rbnet.node`);
  } catch {
    return undefined;
  }
}

function loadAddon(file: string): Addon {
  return require(file) as Addon;
}

/**
 * Kernels without vector instructions of their own: slower than WebAssembly (a training step took more than twice its time), there for the
 * tests.
 */
const SLOW = "plain";

/** The instruction sets of this processor that are faster than WebAssembly, the fastest first; none where there is no accelerator. */
export function instructionSets(precision: GradientPrecision): readonly string[] {
  const found = findAccelerator();
  if ("absent" in found) return [];
  return precision === "bfloat16" ? found.addon.bfloat16Sets : found.addon.instructionSets.filter((set) => set !== SLOW);
}

/**
 * The kernels of the fastest instruction set of this processor, or of those that are wanted; undefined where there is none that is faster
 * than WebAssembly.
 */
export function acceleratedKernels(precision: GradientPrecision, wanted?: readonly string[]): AcceleratedKernels | undefined {
  const found = findAccelerator();
  if ("absent" in found) return undefined;
  const instructionSet = instructionSets(precision).find((set) => wanted?.includes(set) ?? true);
  return instructionSet === undefined ? undefined : { file: found.file, instructionSet };
}
