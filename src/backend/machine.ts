/** What a computation runs on, said once for all who open a backend: library, command line, estimates and studies. */
import { availableParallelism } from "node:os";
import { UserError } from "../errors.js";
import { CANDIDATES, type CandidateName } from "./candidates.js";
import type { GradientPrecision } from "./device.js";

/**
 * `auto`: native where the accelerator is there, else WebAssembly. `webgpu`: a GPU, which is taken only where it is asked for, and by
 * `rbnet train` where there is one (training-machine.ts).
 */
export type BackendName = "auto" | CandidateName;

export const BACKEND_NAMES: readonly BackendName[] = ["auto", ...CANDIDATES.map(({ name }) => name)];

/** It belongs to the machine and not to what is computed: results are the same but for the rounding of float32. */
export interface MachineSetup {
  /** Threads that compute, the calling one included; default one a core. Results do not depend on it. */
  readonly threads?: number;
  /** Default `auto`. They differ in the rounding of float32 sums. */
  readonly backend?: BackendName;
  /**
   * Of gradients. Default `float32`; `bfloat16` and `float16` are less exact and meant to be faster. The native backend alone has
   * bfloat16, on processors with instructions for it, and `webgpu` alone float16, on GPUs with `shader-f16`.
   */
  readonly precision?: GradientPrecision;
  /**
   * In training, keep the map of every so many-th unit for the backward pass, and compute the others and large results again
   * (NetworkMemory): less memory, more time. Default 1, all. Results do not depend on it.
   */
  readonly keepEvery?: number;
  /** Those of the accelerator that may be used, where several processes have to compute the same bits; default all. */
  readonly instructionSets?: readonly string[];
}

/** With its defaults. */
export type Machine = Required<Omit<MachineSetup, "instructionSets">> & Pick<MachineSetup, "instructionSets">;

/**
 * The setup that is meant, with its defaults, and nothing else of what `given` may hold.
 *
 * @throws UserError where a value cannot be used
 */
export function machineOf(given: MachineSetup): Machine {
  const { threads = availableParallelism(), backend = "auto", precision = "float32", keepEvery = 1 } = given;
  if (!Number.isInteger(keepEvery) || keepEvery < 1)
    throw new UserError(`keepEvery is ${keepEvery}, but the map of every so many-th unit is kept: give a whole number from 1 on`);
  const { instructionSets } = given;
  return { threads, backend, precision, keepEvery, ...(instructionSets === undefined ? {} : { instructionSets }) };
}
