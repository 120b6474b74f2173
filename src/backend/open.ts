/** Opens the backend that a program runs on: the one that is asked for, or the best of the candidates that this machine can run. */
import { UserError } from "../errors.js";
import { CANDIDATES, type Candidate } from "./candidates.js";
import type { Backend } from "./device.js";
import { type MachineSetup, machineOf } from "./machine.js";

/** @throws UserError where `native`, `webgpu`, `bfloat16` or `float16` was asked for and is not there */
export async function openBackend(setup: MachineSetup = {}): Promise<Backend> {
  const { threads, precision, instructionSets } = machineOf(setup);
  return chooseBackend(setup).open({ threads, precision, ...(instructionSets === undefined ? {} : { instructionSets }) });
}

/**
 * The candidate that would be opened.
 * @throws UserError as `openBackend`
 */
export function chooseBackend(setup: MachineSetup): Candidate {
  const { backend, precision } = machineOf(setup);
  const asked: readonly Candidate[] = CANDIDATES.filter(({ name }) => backend === "auto" || backend === name);
  const able = asked.find((candidate) => candidate.obstacle(precision) === undefined);
  if (able !== undefined) return able;
  // Of several, the one that could have it says why it has not.
  const closest = asked.find(({ precisions }) => precisions.includes(precision)) ?? asked[0];
  const obstacle = closest?.obstacle(precision);
  throw new UserError(
    precision !== "float32"
      ? `products in ${precision} were asked for, but ${obstacle}; use --precision float32`
      : `the ${backend} backend was asked for, but ${obstacle}; use --backend wasm, or leave it to rbnet`,
  );
}
