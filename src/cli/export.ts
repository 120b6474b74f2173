/** `rbnet export`: the network of a run, or a model file, as something to ship; what is written is the business of its format. */
import { statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { type Command, Option } from "commander";
import { openBackend } from "../backend/open.js";
import { bestTemperature, calibrationError, logitsOf, withTemperature } from "../deploy/calibration.js";
import { readModelFile } from "../deploy/model-file.js";
import { formatInteger, formatShare } from "../quantities.js";
import type { Model } from "../runtime/model.js";
import { runFile } from "../stores/run-folder.js";
import { imagesText, openEvaluationData } from "../training/evaluation-data.js";
import { runOfModel } from "../training/records/trained-run.js";
import { EXPORT_FORMATS } from "./export-formats/formats.js";
import { addHeldOutFlags, type HeldOutFlags, heldOutOptions } from "./flags.js";
import { print, printJson } from "./output.js";
import { ProgressBar } from "./progress-bar.js";

interface ExportFlags extends HeldOutFlags {
  readonly format: string;
  readonly calibrate?: string;
  readonly out?: string;
  readonly json?: boolean;
}

export function addExport(program: Command): void {
  const command = program
    .command("export")
    .description("write the network of a run, or a model file, to ship it")
    .argument("<run>", "folder of a run, a model file, or the name of a model that comes with rbnet")
    .addOption(
      new Option("--format <name>", EXPORT_FORMATS.map(({ name, summary }) => `${name}: ${summary}`).join("; "))
        .choices(EXPORT_FORMATS.map(({ name }) => name))
        .default(EXPORT_FORMATS[0].name),
    );
  for (const { addFlags } of EXPORT_FORMATS) addFlags(command);
  command.option(
    "--calibrate <data>",
    "bring scores closer to how often they are right, by images that the training held out, or all of another folder by class",
  );
  addHeldOutFlags(command)
    .option(
      "--out <path>",
      "where to write it (default: beside the model, as model-<precision>.safetensors or a folder of its format)",
    )
    .option("--json", "one JSON object on standard output: what was written where, its bytes, and what calibration found")
    .addHelpText(
      "after",
      "\nExample:\n  rbnet export runs/photos --out photos.safetensors\n  rbnet export runs/photos --calibrate photos",
    )
    .action(exportModel);
}

async function exportModel(run: string, flags: ExportFlags): Promise<void> {
  const { out, json, calibrate } = flags;
  const source = statSync(run, { throwIfNoEntry: false })?.isDirectory() === true ? runFile(run, "model") : run;
  const model = await readModelFile(source);
  const calibrated = calibrate === undefined ? undefined : await calibratedModel(model, source, calibrate, flags);
  const format = EXPORT_FORMATS.find(({ name }) => name === flags.format) ?? EXPORT_FORMATS[0];
  const { text, facts } = await format.write({ model: calibrated?.model ?? model, source, out }, { ...flags });
  if (json === true) {
    printJson({ ...facts, ...(calibrated === undefined ? {} : { calibration: calibrated.found }) });
    return;
  }
  print(text);
  if (calibrated !== undefined) print(calibrationText(calibrated.found));
}

function calibrationText({ temperature, before, after, images, on }: Found): string {
  return (
    `scores divided by a temperature of ${temperature.toFixed(3)}: on ${formatInteger(images)} ${on}, they were off by ` +
    `${formatShare(before)} on average, and are by ${formatShare(after)}`
  );
}

interface Found {
  readonly temperature: number;
  /** Expected calibration errors. */
  readonly before: number;
  readonly after: number;
  readonly images: number;
  /** Which images. */
  readonly on: string;
}

/** Nothing that it is chosen by should have been trained on; test images, where there are others, stay untouched. */
async function calibratedModel(
  model: Model,
  source: string,
  path: string,
  flags: ExportFlags,
): Promise<{ readonly model: Model; readonly found: Found }> {
  const run = runOfModel(source);
  const progress = new ProgressBar(flags.json === true);
  const options = { ...heldOutOptions(flags, run), progress: progress.decoding };
  const isTrainingData = run?.dataName !== undefined && run.dataName === basename(resolve(path));
  const data = await openEvaluationData(path, model, isTrainingData ? "validation" : undefined, ["validation", "test"], options);
  progress.clear();
  using backend = await openBackend({});
  const scores = await logitsOf(backend, model, data.set);
  const temperature = bestTemperature(scores);
  const found = {
    temperature,
    before: calibrationError(scores, 1),
    after: calibrationError(scores, temperature),
    images: scores.labels.length,
    on: imagesText(data),
  };
  return { model: withTemperature(model, temperature), found };
}
