/**
 * Keeps a run's folder to one training at a time. Who trains there keeps a small file in it that says who it is, and touches it now and
 * then; a file whose owner is gone (killed, or its machine switched off) binds nobody.
 */
import { randomBytes } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import { link, open, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname, uptime } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { explainWriteError } from "../atomic-file.js";
import { codeOf, UserError } from "../errors.js";
import { isOtherProcess } from "../living-process.js";

const FILE = ".training";
/** Between two signs of life. */
const BEAT_MS = 10_000;
/** Without a sign for so long, an owner on another machine, which cannot be asked, is taken to be gone. */
const SILENCE_MS = 60_000;
/** Removing what somebody has left takes a moment; whoever takes longer was killed in it. */
const REMOVAL_MS = 5_000;
const PAUSE_MS = 20;

const ownerSchema = z.object({ process: z.int(), host: z.string(), since: z.string() });

type Owner = z.output<typeof ownerSchema>;

/** Folders that this process holds, by their real paths. */
const held = new Set<string>();

/** The folder is another training's, one that is under way or one that has ended. */
export class FolderTaken extends UserError {}

export class RunClaim implements AsyncDisposable {
  private constructor(
    private readonly file: string,
    private readonly key: string,
    private readonly beat: NodeJS.Timeout,
  ) {}

  /**
   * Takes a folder that is there.
   *
   * @param work what it is taken for, in messages to who comes second
   * @throws FolderTaken where another training is under way there; UserError where it cannot be written to
   */
  static async take(folder: string, work = "a training"): Promise<RunClaim> {
    const key = realpathSync(folder);
    const file = join(folder, FILE);
    if (held.has(key)) throw new FolderTaken(inUse(folder, work, undefined, file));
    held.add(key);
    try {
      while (!(await isMade(file))) {
        const owner = await livingOwner(file);
        if (owner !== undefined) throw new FolderTaken(inUse(folder, work, owner, file));
        await removeLeft(file);
      }
    } catch (error) {
      held.delete(key);
      throw explainWriteError(error, file);
    }
    const beat = setInterval(() => void utimes(file, new Date(), new Date()).catch(() => {}), BEAT_MS);
    beat.unref();
    return new RunClaim(file, key, beat);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.beat);
    if (held.delete(this.key)) await rm(this.file, { force: true });
  }
}

/** Whether a training that is alive holds a folder, as far as can be seen without taking it. */
export async function isClaimed(folder: string): Promise<boolean> {
  if (!existsSync(folder)) return false;
  return held.has(realpathSync(folder)) || (await livingOwner(join(folder, FILE))) !== undefined;
}

function inUse(folder: string, work: string, owner: Owner | "somebody" | undefined, file: string): string {
  const named = owner === "somebody" ? "which is starting" : `process ${owner?.process} on ${owner?.host}, since ${owner?.since}`;
  const who = owner === undefined ? "this program" : named;
  const left = owner === undefined ? "" : `, or remove ${file} if that one has ended`;
  return `${work} is under way in ${folder} (${who}); wait for its end, choose another folder with --out${left}`;
}

/** Makes the file with all that it says at once; false where there is one. */
async function isMade(file: string): Promise<boolean> {
  const owner: Owner = { process: process.pid, host: hostname(), since: new Date().toISOString() };
  // Named as what a killed process has left, which the next run clears.
  const draft = `${file}.${process.pid}-${randomBytes(6).toString("hex")}.unfinished`;
  try {
    await writeFile(draft, JSON.stringify(owner));
    await link(draft, file);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    if (!["EPERM", "ENOTSUP", "ENOSYS", "EOPNOTSUPP"].includes(codeOf(error))) throw error;
    return await isWritten(file, owner);
  } finally {
    await rm(draft, { force: true });
  }
}

/** Where the file system has no links (exFAT, some network drives). */
async function isWritten(file: string, owner: Owner): Promise<boolean> {
  try {
    await writeFile(file, JSON.stringify(owner), { flag: "wx" });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** A claim's file: who made it, undefined where that cannot be read from it; and when it was last touched. */
interface Found {
  readonly owner: Owner | undefined;
  readonly touched: number;
}

/** Who holds the file, unless that one is gone; "somebody" for one that is being written. */
async function livingOwner(file: string): Promise<Owner | "somebody" | undefined> {
  const found = await read(file);
  return found === undefined ? undefined : ownerOf(found);
}

function ownerOf({ owner, touched }: Found): Owner | "somebody" | undefined {
  const silence = Date.now() - touched;
  if (owner === undefined) return silence > REMOVAL_MS ? undefined : "somebody";
  if (owner.host !== hostname()) return silence > SILENCE_MS ? undefined : owner;
  // After a restart of the machine, or in a container, other programs have the numbers of those before.
  const isOfThisStart = touched > Date.now() - 1000 * uptime();
  return isOfThisStart && isOtherProcess(owner.process) ? owner : undefined;
}

/** Undefined where there is no file. */
async function read(file: string): Promise<Found | undefined> {
  try {
    const { mtimeMs: touched } = await stat(file);
    const text = await readFile(file, "utf8");
    return { owner: ownerSchema.safeParse(parsed(text)).data, touched };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Removes a file that binds nobody. One process at a time: a second could remove what a third has just made. */
async function removeLeft(file: string): Promise<void> {
  const removal = `${file}.removal`;
  try {
    await (await open(removal, "wx")).close();
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    const since = await stat(removal).catch(() => undefined);
    if (since !== undefined && Date.now() - since.mtimeMs > REMOVAL_MS) await rm(removal, { force: true });
    await wait(PAUSE_MS);
    return;
  }
  try {
    // Where it is gone already, somebody may be making the next one at this moment.
    const found = await read(file);
    if (found !== undefined && ownerOf(found) === undefined) await rm(file, { force: true });
  } finally {
    await rm(removal, { force: true });
  }
}
