/** The folder of a run: its files by name, and whether it can be used for one, found out before hours of training. */
import { existsSync, statSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { explainWriteError, removeUnfinished, writeFileAtomic } from "../atomic-file.js";
import { codeOf, UserError } from "../errors.js";
import { FolderTaken } from "./run-claim.js";
import type { RunPart } from "./run-store.js";

/** Names of the files. */
const FILES: Readonly<Record<RunPart, string>> = {
  checkpoint: "checkpoint.safetensors",
  firstStage: "first-stage.safetensors",
  model: "model.safetensors",
  metrics: "metrics.jsonl",
  report: "report.html",
};

export function runFile(folder: string, part: RunPart): string {
  return join(folder, FILES[part]);
}

/** What a cross-validation, whose folds have a folder each, keeps beside these; see study/folds-file.ts. */
export function foldsFile(folder: string): string {
  return join(folder, "folds.json");
}

export function holdsFolds(folder: string): boolean {
  return existsSync(foldsFile(folder));
}

export function holdsRun(folder: string): boolean {
  return existsSync(runFile(folder, "checkpoint"));
}

/**
 * Makes the folder where it is missing (a run that is resumed has one), tries to write in it, and clears what a killed run left half
 * written.
 *
 * @throws UserError where it cannot be made or written to, or holds another run that this one would overwrite
 */
export async function prepareRunFolder(folder: string, resume: boolean): Promise<void> {
  if (resume && !existsSync(folder))
    throw new UserError(`there is no folder ${folder} to resume from; give that of the run that was stopped`);
  if (!resume) await makeFolder(folder);
  if (!resume) requireNoRun(folder);
  const probe = join(folder, ".writable");
  await writeFileAtomic(probe, "");
  await rm(probe, { force: true });
  await removeUnfinished(folder);
}

/** @throws FolderTaken where a run is kept there, which a new one would overwrite */
export function requireNoRun(folder: string): void {
  const kept = holdsRun(folder) ? "a run" : holdsFolds(folder) ? "a cross-validation" : undefined;
  if (kept !== undefined)
    throw new FolderTaken(`${folder} holds ${kept} already; resume it, or choose another folder for a new one`);
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await makeFolders(resolve(folder));
  } catch (error) {
    if (["EEXIST", "ENOTDIR"].includes(codeOf(error)))
      throw new UserError(`cannot use ${folder} for the run: there is a file in its place; choose another path`, {
        cause: error,
      });
    throw explainWriteError(error, folder);
  }
}

/** Folder by folder: mkdir's own `recursive` never returns where the file system has no folders to make, such as in /proc. */
async function makeFolders(folder: string): Promise<void> {
  if (isFolder(folder)) return;
  if (dirname(folder) !== folder) await makeFolders(dirname(folder));
  await mkdir(folder).catch((error: unknown) => {
    // Another training may have made it at this moment.
    if (!isFolder(folder)) throw error;
  });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Removes what a run has left, so that the folder can take another. */
export async function clearRunFolder(folder: string): Promise<void> {
  for (const part of Object.keys(FILES) as RunPart[]) await rm(runFile(folder, part), { force: true });
}
