/**
 * run.json in the folder of a study's run: what decides its result, from the start, and the result, from the end on. By it a finished run
 * is known and never repeated, and a run whose row has changed since is not taken for one of the row as it is now.
 */
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../atomic-file.js";
import { messageOf, UserError } from "../errors.js";
import { clearRunFolder, holdsRun } from "../stores/run-folder.js";
import { firstDifference } from "../training/records/difference.js";
import type { RunIdentity, StudyRun } from "./plan.js";

const resultSchema = z.strictObject({
  seed: z.number(),
  /** Shares, 0 to 1, of the network that ships; absent without images of the set. */
  validationTop1: z.number().exactOptional(),
  testTop1: z.number().exactOptional(),
  /** Trained ones, and that of the network that ships. */
  epochs: z.number(),
  bestEpoch: z.number(),
  /** Training images that went through the network, repeated ones too. */
  imagesSeen: z.number(),
  /** Training and validation. */
  seconds: z.number(),
  /** Median of one image on one thread, from decoded pixels to scores. */
  latencyMs: z.number(),
  modelBytes: z.number(),
  /** What it ran on. */
  backend: z.string(),
  processor: z.string(),
  version: z.string(),
  finishedAt: z.string(),
});

/** What a finished run came to. */
export type RunResult = z.output<typeof resultSchema>;

const fileSchema = z.strictObject({
  identity: z.strictObject({ network: z.unknown(), options: z.unknown(), data: z.unknown() }),
  result: resultSchema.exactOptional(),
});

export type RunState =
  | { readonly kind: "new" }
  | { readonly kind: "under way" }
  | { readonly kind: "finished"; readonly result: RunResult }
  /** The folder holds a run of something else; `difference` says what. */
  | { readonly kind: "changed"; readonly difference: string };

function runPath(folder: string): string {
  return join(folder, "run.json");
}

/** @throws UserError where the file cannot be read, is damaged, or belongs to no study */
export async function readRunState({ folder, identity }: StudyRun): Promise<RunState> {
  const path = runPath(folder);
  if (!existsSync(path)) {
    if (holdsRun(folder))
      throw new UserError(`${folder} holds a run that is not of a study (it has no run.json); move it, or choose another --out`);
    return { kind: "new" };
  }
  const file = fileSchema.safeParse(await readJson(path));
  if (!file.success) throw new UserError(`${path} is damaged; remove the folder ${folder} to train that run again`);
  const changed = firstDifference(file.data.identity, plain(identity));
  if (changed !== undefined)
    return { kind: "changed", difference: `${changed.place} is ${changed.there} there and ${changed.now} now` };
  const { result } = file.data;
  return result === undefined ? { kind: "under way" } : { kind: "finished", result };
}

/** The folder has to exist. */
export async function writeRunFile(folder: string, identity: RunIdentity, result?: RunResult): Promise<void> {
  const file = result === undefined ? { identity } : { identity, result };
  await writeFileAtomic(runPath(folder), `${JSON.stringify(file, undefined, 2)}\n`);
}

/** Removes what a run has left, so that the folder can take another; run.json last, so that a kill in between leaves no stranger. */
export async function clearRun(folder: string): Promise<void> {
  await clearRunFolder(folder);
  await rm(runPath(folder), { force: true });
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw new UserError(`cannot read ${path} (${messageOf(error)}); make it readable`, {
      cause: error,
    });
  }
}

/** As a file would hold it. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
