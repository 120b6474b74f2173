/** Opens the backend that a program runs on: the one that is asked for, or the best of the candidates that this machine can run. */
import { UserError } from "../errors.js";
import { CANDIDATES, type Candidate } from "./candidates.js";
import type { Backend } from "./device.js";
import { type MachineSetup, machineOf } from "./machine.js";

/** @throws UserError where `native`, `webgpu` or `bfloat16` was asked for and is not there */
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
  const obstacle = asked[0]?.obstacle(precision);
  throw new UserError(
    precision === "bfloat16"
      ? `products in bfloat16 were asked for, but ${obstacle}; use --precision float32`
      : `the ${backend} backend was asked for, but ${obstacle}; use --backend wasm, or leave it to rbnet`,
  );
}
