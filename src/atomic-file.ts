/**
 * Writes a file whole or not at all: beside its place, flushed to the disk, then renamed over it. A kill at any moment leaves
 * the old file or the new one, never half of either; a failure leaves the old file and nothing beside it.
 */
import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, rename, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { codeOf, UserError } from "./errors.js";
import { isOtherProcess } from "./living-process.js";

/** What a failed write means to the person who chose the path, by the system's error code. */
const SENTENCES: Readonly<Record<string, (path: string) => string>> = {
  ENOSPC: (path) => `cannot write ${path}: the disk is full; free some space or choose a folder on another disk`,
  EDQUOT: (path) => `cannot write ${path}: the disk quota is used up; free some space or choose a folder on another disk`,
  EACCES: (path) => `cannot write ${path}: no permission to write in ${dirname(path)}; choose a folder that you may write to`,
  EPERM: (path) => `cannot write ${path}: no permission to write in ${dirname(path)}; choose a folder that you may write to`,
  EROFS: (path) => `cannot write ${path}: ${dirname(path)} is on a read-only file system; choose a folder that you may write to`,
  ENOENT: (path) => `cannot write ${path}: the folder ${dirname(path)} does not exist; create it or choose another`,
  ENOTDIR: (path) => `cannot write ${path}: ${dirname(path)} is not a folder; choose a path inside a folder`,
  EISDIR: (path) => `cannot write ${path}: it is a folder, a file was expected; choose another name`,
};

/** Turns the system's error about writing `path` into a sentence for its user; an error of another kind comes back as it is. */
export function explainWriteError(error: unknown, path: string): unknown {
  const code = codeOf(error);
  const sentence = Object.hasOwn(SENTENCES, code) ? SENTENCES[code] : undefined;
  return sentence === undefined ? error : new UserError(sentence(path), { cause: error });
}

/**
 * Puts `data` (text is written as UTF-8; what comes in parts is never whole in memory) at `path`, in place of what is there; the
 * folder has to exist. Throws what the source of the parts throws, and UserError when the disk is full or the folder is missing,
 * not a folder or not writable.
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
  const unfinished = unfinishedPath(path);
  try {
    const file = await open(unfinished, "wx");
    try {
      if (typeof data === "string" || data instanceof Uint8Array) await file.writeFile(data);
      else for await (const part of data) await file.appendFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {});
    throw explainWriteError(error, path);
  }
  await flushFolder(dirname(path));
}

/**
 * Fills a new folder whole or not at all: `fill` writes into a folder beside `path`, which takes the place of an empty folder or of none.
 * Throws what `fill` throws, with nothing left behind.
 */
export async function writeFolderAtomic<Result>(path: string, fill: (folder: string) => Promise<Result>): Promise<Result> {
  const unfinished = unfinishedPath(path);
  try {
    await mkdir(unfinished);
    const result = await fill(unfinished);
    await rmdir(path).catch((error: unknown) => {
      if (codeOf(error) !== "ENOENT") throw error;
    });
    await rename(unfinished, path);
    await flushFolder(dirname(path));
    return result;
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true }).catch(() => {});
    throw explainWriteError(error, path);
  }
}

/** A random part in the name keeps writers of one path apart, the process's number says whose it was should it be left behind. */
function unfinishedPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}-${randomBytes(6).toString("hex")}.unfinished`);
}

/**
 * Removes what killed processes left unfinished in `folder`, of the path `only` where it is given. To be called before this
 * process writes there.
 */
export async function removeUnfinished(folder: string, only?: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, path, owner] = /^\.(.+)\.(\d+)-[0-9a-f]+\.unfinished$/.exec(name) ?? [];
    if (only !== undefined && path !== only) continue;
    if (owner !== undefined && !isOtherProcess(Number(owner))) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** Makes the rename itself survive a power cut. Systems that cannot flush a folder (Windows) keep the rename in their journal. */
async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined);
  if (folder === undefined) return;
  await folder.sync().catch(() => {});
  await folder.close();
}
