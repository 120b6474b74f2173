/**
 * Finds the optional C accelerator: a Node addon that has faster versions of some WebAssembly kernels, working on the same memory. Nothing
 * needs it; where it is absent, or was built for another machine, everything runs on WebAssembly alone.
 */
import { messageOf } from "../../errors.js";
import { packageFile, requireInstalled, resolveInstalled } from "../../installed.js";
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
const BUILT_HERE = "dist/backend/native/rbnet.node";
/** Written beside the compiled code: the digest of the contract that an addon has to be of. */
const CONTRACT = "dist/backend/native/contract.json";
/** The addon as it comes prebuilt: an optional dependency of rbnet, one for each platform. */
const PACKAGE = `rbnet-native-${process.platform}-${process.arch}`;

/** Loads the addon of this machine. Never throws: an accelerator that cannot be loaded is an absent one. */
export function findAccelerator(): AcceleratorSearch {
  try {
    const file = packageFile(BUILT_HERE) ?? resolveInstalled(`${PACKAGE}/rbnet.node`);
    const contract = packageFile(CONTRACT);
    if (file === undefined || contract === undefined)
      return { absent: `there is no accelerator: none was built here, and the package ${PACKAGE} is not installed` };
    return loadAccelerator(file, contract);
  } catch (error) {
    return { absent: `no accelerator can be looked for: ${messageOf(error)}` };
  }
}

function loadAccelerator(file: string, contract: string): AcceleratorSearch {
  try {
    const addon = requireInstalled(file) as Addon;
    // The kernels take addresses, and would believe any.
    if (addon.contract !== requireInstalled(contract))
      return {
        absent: `the accelerator ${file} is of another version of rbnet; install the same version of both, or build it again`,
      };
    return { file, addon };
  } catch (error) {
    return { absent: `the accelerator ${file} cannot be loaded: ${messageOf(error)}` };
  }
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
  if (precision === "float16") return [];
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
