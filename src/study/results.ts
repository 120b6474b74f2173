/**
 * What a study has found so far, read from the folders of its runs: so a study that is cut off, or run in parts, is as good as its finished
 * runs.
 */
import type { Dataset } from "../data/dataset.js";
import { packageVersion } from "../package-version.js";
import { median } from "../quantile.js";
import { summarizeNetwork } from "../training/costs/memory.js";
import type { TrainingOptions } from "../training/settings/options.js";
import { planStudy, type StudyRun } from "./plan.js";
import { type RunResult, readRunState } from "./run-file.js";
import { type Spread, spreadOf } from "./spread.js";
import type { Study, StudyRow } from "./study-file.js";
import { imagesAnEpoch } from "./train-run.js";

/** What a row costs and what its runs came to. */
export interface RowResults {
  readonly name: string;
  readonly group?: string;
  readonly network: string;
  readonly width: number;
  /** Of the settings, where they come of one. */
  readonly recipe?: string;
  readonly networkOptions: StudyRow["networkOptions"];
  /** All of them, as they were used. */
  readonly settings: Omit<TrainingOptions, "seed">;
  /** Per image: binary multiply-accumulates / 64 + real ones. */
  readonly ops: number;
  readonly binaryMacs: number;
  readonly realMacs: number;
  /** A bit for a binary parameter, four bytes for a real one. */
  readonly packedBytes: number;
  /** What a run may spend. */
  readonly budget: { readonly epochs: number; readonly imagesSeen: number };
  readonly seeds: readonly number[];
  /** Finished ones, in the order of the seeds. */
  readonly runs: readonly RunResult[];
  /** Over the runs; absent where there are none, or no images of the set. */
  readonly validationTop1?: Spread;
  readonly testTop1?: Spread;
  /** Medians of the runs'. */
  readonly latencyMs?: number;
  readonly seconds?: number;
}

/** What results.json holds. */
export interface StudyResults {
  readonly study: string;
  readonly command: string;
  readonly version: string;
  readonly updatedAt: string;
  readonly data: {
    readonly name: string;
    readonly classes: number;
    readonly size: number;
    readonly train: number;
    readonly validation: number;
    readonly test: number;
  };
  readonly runs: { readonly planned: number; readonly finished: number };
  readonly rows: readonly RowResults[];
}

/** Reads all rows' runs, whichever are being run now: others may have been finished before, or by another process. */
export async function collectResults(study: Study, data: Dataset, out: string, command: string): Promise<StudyResults> {
  const plan = planStudy(study, data, out);
  const rows: RowResults[] = [];
  for (const row of study.rows)
    rows.push(
      await resultsOf(
        row,
        plan.filter((run) => run.row === row),
        data,
      ),
    );
  const { name, classes, size, train, validation, test } = data;
  return {
    study: study.name,
    command,
    version: packageVersion(),
    updatedAt: new Date().toISOString(),
    data: {
      name,
      classes: classes.length,
      size,
      train: train.count,
      validation: validation?.count ?? 0,
      test: test?.count ?? 0,
    },
    runs: { planned: plan.length, finished: rows.reduce((sum, row) => sum + row.runs.length, 0) },
    rows,
  };
}

async function resultsOf(row: StudyRow, planned: readonly StudyRun[], data: Dataset): Promise<RowResults> {
  const [first] = planned;
  if (first === undefined) throw new Error("a row has a seed");
  const runs: RunResult[] = [];
  for (const run of planned) {
    const state = await readRunState(run);
    if (state.kind === "finished") runs.push(state.result);
  }
  const { seed: _seed, ...settings } = first.options;
  const { ops, binaryMacs, realMacs, packedBytes } = (await summarizeNetwork(first.description, settings.batch)).totals;
  const { name, group, network, width, networkOptions } = row;
  const known = <Key extends keyof RowResults>(key: Key, value: RowResults[Key] | undefined): { [K in Key]?: RowResults[K] } =>
    value === undefined ? {} : ({ [key]: value } as { [K in Key]?: RowResults[K] });
  const valuesOf = (key: "validationTop1" | "testTop1"): readonly number[] =>
    runs.map((run) => run[key]).filter((value) => value !== undefined);
  return {
    name,
    ...(group === undefined ? {} : { group }),
    network,
    width,
    ...known("recipe", first.recipe),
    networkOptions,
    settings,
    ops,
    binaryMacs,
    realMacs,
    packedBytes,
    budget: { epochs: settings.epochs, imagesSeen: settings.epochs * imagesAnEpoch(data, settings.batch) },
    seeds: planned.map(({ seed }) => seed),
    runs,
    ...known("validationTop1", spreadOf(valuesOf("validationTop1"))),
    ...known("testTop1", spreadOf(valuesOf("testTop1"))),
    ...(runs.length === 0
      ? {}
      : { latencyMs: median(runs.map((run) => run.latencyMs)), seconds: median(runs.map(({ seconds }) => seconds)) }),
  };
}

/** The set that a study is judged by, and its number of images: that for tests where there is one. */
export function judgedBy({ data }: StudyResults): { readonly set: "test" | "validation"; readonly images: number } {
  return data.test > 0 ? { set: "test", images: data.test } : { set: "validation", images: data.validation };
}

export function judgedTop1(results: StudyResults, row: RowResults): Spread | undefined {
  return judgedBy(results).set === "test" ? row.testTop1 : row.validationTop1;
}
