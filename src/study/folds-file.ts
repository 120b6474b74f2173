/**
 * folds.json in the folder of a cross-validation: what decides its results, from the start, and the result of each fold as it ends, with
 * mean and spread. By it a cross-validation is known, and goes on where it was left.
 */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { writeFileAtomic } from "../atomic-file.js";
import type { Dataset } from "../data/dataset.js";
import { messageOf, UserError } from "../errors.js";
import type { NetworkDescription } from "../networks/description.js";
import { packageVersion } from "../package-version.js";
import { foldsFile } from "../stores/run-folder.js";
import { firstDifference } from "../training/records/difference.js";
import type { TrainingOptions } from "../training/settings/options.js";
import { type Spread, spreadOf } from "./spread.js";

const resultSchema = z.strictObject({
  /** From 1. */
  fold: z.int().min(1),
  /** Of the fold's run, in the folder of the cross-validation. */
  folder: z.string(),
  /** Images that its network was trained on, and those that it was tested on. */
  trained: z.number(),
  tested: z.number(),
  /** Shares, 0 to 1. */
  top1: z.number(),
  top5: z.number(),
  /** Mean cross-entropy, nats. */
  loss: z.number(),
  seconds: z.number(),
});

export type FoldResult = z.output<typeof resultSchema>;

const fileSchema = z.object({
  kind: z.literal("folds"),
  identity: z.strictObject({ folds: z.unknown(), network: z.unknown(), options: z.unknown(), data: z.unknown() }),
  results: z.array(resultSchema),
});

/** What decides the results of a cross-validation. */
export interface FoldsIdentity {
  readonly folds: number;
  readonly network: NetworkDescription;
  readonly options: TrainingOptions;
  readonly data: { readonly name: string; readonly images: number; readonly classes: readonly string[] };
}

export function foldsIdentity(folds: readonly Dataset[], network: NetworkDescription, options: TrainingOptions): FoldsIdentity {
  const images = folds.reduce((sum, { test }) => sum + (test?.count ?? 0), 0);
  const { name = "", classes = [] } = folds[0] ?? {};
  return { folds: folds.length, network, options, data: { name, images, classes } };
}

/** What a cross-validation has come to so far. */
export interface FoldsSummary {
  readonly kind: "folds";
  readonly version: string;
  readonly identity: FoldsIdentity;
  readonly results: readonly FoldResult[];
  /** Over the folds that have ended; absent where none has. */
  readonly top1?: Spread;
  readonly loss?: Spread;
}

export function foldsSummary(identity: FoldsIdentity, results: readonly FoldResult[]): FoldsSummary {
  const [top1, loss] = [spreadOf(results.map((result) => result.top1)), spreadOf(results.map((result) => result.loss))];
  const spreads = { ...(top1 === undefined ? {} : { top1 }), ...(loss === undefined ? {} : { loss }) };
  return { kind: "folds", version: packageVersion(), identity, results, ...spreads };
}

/** The folder has to exist. */
export async function writeFolds(folder: string, summary: FoldsSummary): Promise<void> {
  await writeFileAtomic(foldsFile(folder), `${JSON.stringify(summary, undefined, 2)}\n`);
}

/**
 * Results of the folds that have ended.
 *
 * @throws UserError where there is no cross-validation, or one of something else
 */
export async function readFolds(folder: string, identity: FoldsIdentity): Promise<readonly FoldResult[]> {
  const path = foldsFile(folder);
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new UserError(
      `there is no cross-validation to resume in ${folder} (${messageOf(error)}); start one without --resume, or name its folder`,
      { cause: error },
    );
  });
  const file = fileSchema.safeParse(parsed(text));
  if (!file.success) throw new UserError(`${path} is damaged; restore it, or start again in another folder`);
  const changed = firstDifference(file.data.identity, JSON.parse(JSON.stringify(identity)));
  if (changed !== undefined)
    throw new UserError(
      `the cross-validation in ${folder} is another (${changed.place} is ${changed.there} there and ${changed.now} now); resume with ` +
        "what it was started with, or start a new one in another folder",
    );
  return file.data.results;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
