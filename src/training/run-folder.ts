/** Where a run keeps its checkpoint and its best model, and whether a folder can be used for one. */
import { access, constants, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.js";

export function checkpointPath(folder: string): string {
  return join(folder, "checkpoint.safetensors");
}

/** The best network so far. */
export function modelPath(folder: string): string {
  return join(folder, "model.safetensors");
}

/**
 * Makes the folder where it is missing.
 *
 * @throws UserError where it cannot be made or written to, or holds another run that this one would overwrite
 */
export async function prepareRunFolder(folder: string, resume: boolean): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (error) {
    throw new UserError(`cannot make the folder ${folder} for the run; choose one that you may write to`, { cause: error });
  }
  if (resume) return;
  const taken = await access(checkpointPath(folder)).then(
    () => true,
    () => false,
  );
  if (taken) throw new UserError(`${folder} holds a run already; resume it, or choose another folder for a new one`);
}
