/**
 * What this machine can do at best with a backend's instructions: a share of it says how much is left to gain, where a ratio to a
 * peer does not.
 */
import { limitsOf, type MachineLimits } from "#rbnet/backend/device";
import type { MachineSetup } from "#rbnet/backend/machine";
import { openBackend } from "#rbnet/backend/open";

/** Measures for about a second. Nothing else should run meanwhile. */
export async function machineLimits(machine: MachineSetup): Promise<MachineLimits> {
  using backend = await openBackend(machine);
  return await limitsOf(backend);
}

/** The same; undefined on a GPU, whose calls are only handed over. */
export async function limitsWhereKnown(machine: MachineSetup): Promise<MachineLimits | undefined> {
  return machine.backend === "webgpu" ? undefined : machineLimits(machine);
}
