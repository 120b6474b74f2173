/**
 * Where a run keeps its checkpoint and its best model, and whether a folder can be used for one: found out before hours of training, and not
 * after the first epoch.
 */
import { existsSync, statSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { explainWriteError, removeUnfinished, writeFileAtomic } from "../atomic-file.js";
import { UserError } from "../errors.js";

export function checkpointPath(folder: string): string {
  return join(folder, "checkpoint.safetensors");
}

/** A checkpoint of where the first of two stages ended, kept where the second learns from its network. */
export function firstStagePath(folder: string): string {
  return join(folder, "first-stage.safetensors");
}

/** The best network so far. */
export function modelPath(folder: string): string {
  return join(folder, "model.safetensors");
}

/**
 * Makes the folder where it is missing (a run that is resumed has one), tries to write in it, and clears what a killed run left half written.
 *
 * @throws UserError where it cannot be made or written to, or holds another run that this one would overwrite
 */
export async function prepareRunFolder(folder: string, resume: boolean): Promise<void> {
  if (resume && !existsSync(folder))
    throw new UserError(`there is no folder ${folder} to resume from; give that of the run that was stopped`);
  if (!resume) await makeFolder(folder);
  if (!resume && existsSync(checkpointPath(folder)))
    throw new UserError(`${folder} holds a run already; resume it, or choose another folder for a new one`);
  const probe = join(folder, ".writable");
  await writeFileAtomic(probe, "");
  await rm(probe, { force: true });
  await removeUnfinished(folder);
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await makeFolders(resolve(folder));
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "EEXIST" || error.code === "ENOTDIR"))
      throw new UserError(`cannot use ${folder} for the run: there is a file in its place; choose another path`, {
        cause: error,
      });
    throw explainWriteError(error, folder);
  }
}

/** Folder by folder: mkdir's own `recursive` never returns where the file system has no folders to make, such as in /proc. */
async function makeFolders(folder: string): Promise<void> {
  if (existsSync(folder) && statSync(folder).isDirectory()) return;
  if (dirname(folder) !== folder) await makeFolders(dirname(folder));
  await mkdir(folder);
}
