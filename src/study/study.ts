/**
 * Runs a study: the runs of its plan in turn, each in its own folder, and after every finished one the comparison written anew. What is
 * finished is never repeated and what was cut off goes on from its checkpoint, so running a study again is how it is resumed.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "../atomic-file.js";
import { chooseBackend } from "../backend/open.js";
import { ALONE } from "../cluster/alone.js";
import { type Communicator, gatherValues } from "../cluster/communicator.js";
import { lead } from "../cluster/lead.js";
import type { Dataset } from "../data/dataset.js";
import { readViews } from "../data/views/views-file.js";
import { shippedModels } from "../deploy/shipped-models.js";
import { UserError } from "../errors.js";
import { prepareRunFolder } from "../stores/run-folder.js";
import type { EpochRecord } from "../training/records/run-records.js";
import { resultsChart } from "./chart.js";
import { resultsMarkdown } from "./markdown.js";
import { resultsPage } from "./page.js";
import { planStudy, type StudyRun } from "./plan.js";
import { collectResults, type StudyResults } from "./results.js";
import { clearRun, type RunResult, type RunState, readRunState } from "./run-file.js";
import type { Study } from "./study-file.js";
import { type OfRun, type RunSetup, trainRun } from "./train-run.js";

export interface StudySetup extends RunSetup {
  /** Folder of runs and results; default studies/ and the study's name. */
  readonly out?: string;
  /** Names of rows to run; default all. */
  readonly rows?: readonly string[];
  /** Train rows anew that have changed since they were run; without it that is refused. */
  readonly rerun?: boolean;
  /** What to type to repeat the study, for the results. */
  readonly command?: string;
  /** Processes that have the runs between them, in a folder that all see; each yields its own runs, and rank 0 the study. */
  readonly communicator?: Communicator;
}

/** What is said of a study while it runs. */
export type StudyEvent =
  | (OfRun & {
      readonly kind: "run";
      /** Among the runs of this call, from 1; `of` is how many they are, those that were finished before left out. */
      readonly number: number;
      readonly of: number;
      readonly folder: string;
      readonly epochs: number;
      readonly resumed: boolean;
    })
  | (OfRun & EpochRecord)
  | (OfRun & { readonly kind: "result" } & RunResult)
  /** The run cannot be trained as its row says; the others go on, and the study ends with an error. */
  | (OfRun & { readonly kind: "failed"; readonly reason: string })
  /** The signal ended the study, and the run under way has a checkpoint. */
  | (OfRun & { readonly kind: "stopped" })
  /** The last: all of the plan is finished. */
  | ({ readonly kind: "study"; readonly out: string } & StudyResults);

export function studyFolder(study: Study): string {
  return join("studies", study.name);
}

/**
 * Trains what is not finished yet, and yields what happens; the last event holds the results, which lie in the folder as results.json,
 * results.md, results.html and chart.svg too.
 *
 * @throws UserError where a row has changed since it was run, does not fit the data, the folder cannot be used, or this machine lacks
 *   what is asked for, before anything is trained; and at the end where a run failed
 */
export async function* runStudy(study: Study, data: Dataset, setup: StudySetup = {}): AsyncGenerator<StudyEvent> {
  const { out = studyFolder(study), rows, rerun = false, command = "runStudy", signal, communicator = ALONE } = setup;
  const { rank, size } = communicator;
  chooseBackend(setup);
  const runs = planStudy(study, data, out, rows);
  const states = await statesOf(runs);
  refuseUnready(states, rerun);
  const write = async (): Promise<void> => writeResults(await collectResults(study, data, out, command), out);
  await lead(communicator, async () => {
    await prepareRunFolder(out, false);
    await write();
  });
  const failures: string[] = [];
  // As rank 0 finds them: a process that starts late sees runs of others under way.
  const unfinished = states.flatMap(({ state }, index) => (state.kind === "finished" ? [] : [index]));
  const pending = (await lead(communicator, async () => unfinished)).map((index) => states[index]);
  let wasStopped = false;
  for (const [index, { run, state }] of pending.entries()) {
    if (index % size !== rank) continue;
    const of = { row: run.row.name, seed: run.seed };
    if (signal?.aborted === true) {
      yield { kind: "stopped", ...of };
      wasStopped = true;
      break;
    }
    if (state.kind === "changed") await clearRun(run.folder);
    yield {
      kind: "run",
      ...of,
      number: index + 1,
      of: pending.length,
      folder: run.folder,
      epochs: run.options.epochs,
      resumed: state.kind === "under way",
    };
    let result: RunResult | undefined;
    try {
      result = yield* trainRun(run, data, command, setup);
    } catch (error) {
      // A run that diverged says nothing of the others, which may have a night before them.
      if (!(error instanceof UserError)) throw error;
      failures.push(`row "${run.row.name}", seed ${run.seed}: ${error.message}`);
      yield { kind: "failed", ...of, reason: error.message };
      continue;
    }
    if (result === undefined) {
      yield { kind: "stopped", ...of };
      wasStopped = true;
      break;
    }
    if (rank === 0) await write();
    yield { kind: "result", ...of, ...result };
  }
  const ends = await gatherValues(communicator, { failures, wasStopped });
  if (size > 1) await lead(communicator, write);
  if (ends.some((end) => end.wasStopped)) return;
  const [failure, ...more] = ends.flatMap((end) => end.failures);
  if (failure !== undefined)
    throw new UserError(more.length === 0 ? failure : `${failure} (and ${more.length} more runs failed)`);
  yield { kind: "study", out, ...(await collectResults(study, data, out, command)) };
}

export interface StatedRun {
  readonly run: StudyRun;
  readonly state: RunState;
}

export async function statesOf(runs: readonly StudyRun[]): Promise<readonly StatedRun[]> {
  return Promise.all(runs.map(async (run) => ({ run, state: await readRunState(run) })));
}

/**
 * What would else be missed when the row's turn comes, maybe after hours. Of runs that will be trained only: rows that are not, and
 * finished runs, need nothing.
 *
 * @param rerun whether rows may be trained anew that have changed since they were run
 * @throws UserError that names the first row whose folder holds a run of something else, or whose teacher or start is not there
 */
export function refuseUnready(states: readonly StatedRun[], rerun: boolean): void {
  for (const { run, state } of states) {
    const { distill, from } = run.options;
    const { teacher, views } = distill ?? {};
    if (state.kind === "changed" && !rerun)
      throw new UserError(
        `row "${run.row.name}" is not what was run in ${run.folder} (${state.difference}); give --rerun to train it ` +
          "anew in its place, or the row another name",
      );
    if (state.kind !== "finished" && teacher !== undefined && !existsSync(teacher))
      throw new UserError(`row "${run.row.name}" has the teacher ${teacher}, which is not there; correct its path`);
    if (state.kind !== "finished" && views !== undefined) readViews(views);
    if (state.kind !== "finished" && from !== undefined && !existsSync(from) && !shippedModels().includes(from))
      throw new UserError(`row "${run.row.name}" starts from ${from}, which is not there; correct its path`);
  }
}

async function writeResults(results: StudyResults, out: string): Promise<void> {
  const chart = resultsChart(results);
  await writeFileAtomic(join(out, "results.json"), `${JSON.stringify(results, undefined, 2)}\n`);
  await writeFileAtomic(join(out, "results.md"), resultsMarkdown(results));
  await writeFileAtomic(join(out, "chart.svg"), `${chart.text}\n`);
  await writeFileAtomic(join(out, "results.html"), resultsPage(results, chart));
}
