/** `rbnet study`: a file of networks and settings in, each trained on the same data, and their comparison out. */
import { type Command, InvalidArgumentError } from "commander";
import { machineOf } from "../backend/machine.js";
import { chooseBackend } from "../backend/open.js";
import type { Job } from "../cluster/job.js";
import { lead } from "../cluster/lead.js";
import type { Dataset } from "../data/dataset.js";
import { formatBytes, formatCount, formatDuration, formatInteger, formatShare } from "../quantities.js";
import { estimateStudy, type RowEstimate } from "../study/estimate.js";
import { openStudyData, planStudy } from "../study/plan.js";
import type { StudyResults } from "../study/results.js";
import { refuseUnready, runStudy, type StudyEvent, statesOf, studyFolder } from "../study/study.js";
import { readStudy, recipeOf, type Study } from "../study/study-file.js";
import { networkText, resultsTable } from "../study/table.js";
import { commandLine } from "./command-line.js";
import { addMachineFlags, type MachineFlags } from "./flags.js";
import { inJob, threadsFor } from "./in-job.js";
import { Interrupts } from "./interrupts.js";
import { bold, dim, milliseconds, print, printJson, printTable, tell, tellSkipped } from "./output.js";
import { ProgressBar } from "./progress-bar.js";
import { epochLine } from "./training-run.js";

interface StudyFlags extends MachineFlags {
  readonly out?: string;
  readonly rows?: readonly string[];
  readonly dryRun?: boolean;
  readonly rerun?: boolean;
  readonly json?: boolean;
}

export function addStudy(program: Command): void {
  const command = program
    .command("study")
    .description("train a table of networks and settings on the same data, and compare them; run again, it goes on")
    .argument("<file>", "study file: rows of networks and settings as JSON")
    .argument("[data]", "data, in place of those that the file names")
    .option("--out <folder>", "where runs and results go (default: studies/<name of the study>)")
    .option("--rows <names>", "run these rows only, separated by commas", readNames)
    .option("--dry-run", "train a few steps of each row, and print what the study will cost")
    .option("--rerun", "train rows anew that have changed since they were run");
  addMachineFlags(command)
    .option("--json", "one JSON object a line on standard output")
    .addHelpText("after", "\nExample:\n  rbnet study studies/cifar10-ablation.json cifar10 --dry-run")
    .action(study);
}

function study(file: string, path: string | undefined, flags: StudyFlags, command: Command): Promise<void> {
  return inJob(async (job) => studyIn(job, file, path, { ...flags, threads: await threadsFor(job, flags, command) }));
}

async function studyIn(job: Job, file: string, path: string | undefined, flags: StudyFlags): Promise<void> {
  const { json = false, rerun = false } = flags;
  const machine = machineOf(flags);
  // A machine that lacks what was asked for is said before the data are read, which may take minutes.
  chooseBackend(machine);
  const described = await readStudy(file);
  const progress = new ProgressBar(json);
  const data = await openStudyData(described, { progress: progress.decoding, ...(path === undefined ? {} : { path }) });
  progress.clear();
  const { skipped } = data;
  tellSkipped({ count: skipped.length, named: skipped });
  if (flags.dryRun === true) {
    await lead(job, () => estimate(described, data, flags));
    return;
  }
  const controller = new AbortController();
  using interrupts = new Interrupts(() => {
    progress.clear();
    tell("finishing the step and saving a checkpoint; Ctrl-C again ends at once");
    controller.abort();
  });
  const { signal } = controller;
  const command = commandLine();
  const chosen = flags.rows === undefined ? {} : { rows: flags.rows };
  const shown = { command, onStep: progress.step, ...chosen, communicator: job };
  const setup = { out: outOf(described, flags), rerun, ...machine, signal, ...shown };
  let epochs = 0;
  try {
    for await (const event of runStudy(described, data, setup)) {
      progress.clear();
      if (event.kind === "run") ({ epochs } = event);
      if (json) printJson(event);
      else printEvent(event, epochs);
      if (event.kind !== "stopped") continue;
      tell(`stopped, and what is under way has a checkpoint. Go on with:\n  ${command}`);
      process.exitCode = interrupts.exitCode;
    }
  } finally {
    progress.clear();
  }
}

async function estimate(described: Study, data: Dataset, flags: StudyFlags): Promise<void> {
  const { json = false, rerun = false } = flags;
  const states = await statesOf(planStudy(described, data, outOf(described, flags), flags.rows));
  refuseUnready(states, rerun);
  const rows: RowEstimate[] = [];
  for await (const row of estimateStudy(states, data, machineOf(flags))) {
    rows.push(row);
    if (json) printJson({ kind: "estimate", ...row });
  }
  const secondsLeft = rows.reduce((sum, row) => sum + row.secondsLeft, 0);
  if (json) printJson({ kind: "plan", study: described.name, runs: states.length, secondsLeft });
  else printEstimate(described, data, rows, secondsLeft);
}

function printEstimate(described: Study, data: Dataset, rows: readonly RowEstimate[], secondsLeft: number): void {
  print(`${bold(described.name)} on ${bold(data.name)}, ${formatInteger(data.train.count)} training images\n`);
  const details = new Map(described.rows.map((row) => [row.name, networkText({ ...row, recipe: recipeOf(described, row) })]));
  printTable(
    ["row", "network", "runs", "OPs", "packed size", "memory", "ms a step", "time a run", "time left"],
    rows.map((row) => [
      row.name,
      details.get(row.name) ?? row.network,
      row.runs.finished === 0 ? String(row.runs.planned) : `${row.runs.planned}, ${row.runs.finished} done`,
      formatCount(row.ops),
      formatBytes(row.packedBytes),
      formatBytes(row.trainingBytes),
      row.stepMs.map(milliseconds).join(", "),
      formatDuration(row.secondsARun),
      formatDuration(row.secondsLeft),
    ]),
    2,
  );
  print(`\n${bold(formatDuration(secondsLeft))} in all; measured by a few steps, on the machine as it is now`);
}

function printEvent(event: StudyEvent, epochs: number): void {
  switch (event.kind) {
    case "run":
      print(
        `${bold(event.row)}, seed ${event.seed} (run ${event.number} of ${event.of}) ` +
          `${dim(`${event.resumed ? "goes on in" : "in"} ${event.folder}`)}`,
      );
      return;
    case "epoch":
      print(epochLine(event, epochs));
      return;
    case "result": {
      const sets = [
        event.validationTop1 === undefined ? "" : `validation ${formatShare(event.validationTop1)}`,
        event.testTop1 === undefined ? "" : `test ${formatShare(event.testTop1)}`,
      ].filter((text) => text !== "");
      print(`${bold(sets.join(", "))} after ${formatDuration(event.seconds)}, ${milliseconds(event.latencyMs)} ms an image\n`);
      return;
    }
    case "failed":
      tell(`row "${event.row}", seed ${event.seed}, failed: ${event.reason}`);
      return;
    case "stopped":
      return;
    case "study":
      printResults(event, event.out);
  }
}

function printResults(results: StudyResults, out: string): void {
  const { heads, words, rows } = resultsTable(results);
  printTable(heads, rows, words);
  print(`\nresults  ${out}/results.html, results.md, results.json, chart.svg`);
}

function outOf(described: Study, { out }: StudyFlags): string {
  return out ?? studyFolder(described);
}

function readNames(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("")) throw new InvalidArgumentError("Names of rows, separated by commas, are expected.");
  return names;
}
