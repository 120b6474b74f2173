/** `rbnet export`: the network of a run, or a model file, as one file to ship, with its real parameters in float16 or float32. */
import { statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { openBackend } from "../backend/open.js";
import { bestTemperature, calibrationError, logitsOf, withTemperature } from "../deploy/calibration.js";
import { readModelFile, writeModelFile } from "../deploy/model-file.js";
import { formatBytes, formatInteger, formatShare } from "../quantities.js";
import type { Model } from "../runtime/model.js";
import type { StoredPrecision } from "../runtime/stored-operations.js";
import { runFile } from "../stores/run-folder.js";
import { imagesText, openEvaluationData } from "../training/evaluation-data.js";
import { runOfModel } from "../training/records/trained-run.js";
import { addHeldOutFlags, type HeldOutFlags, heldOutOptions } from "./flags.js";
import { print, printJson } from "./output.js";
import { ProgressBar } from "./progress-bar.js";

const PRECISIONS = ["float16", "float32"] as const satisfies readonly StoredPrecision[];

interface ExportFlags extends HeldOutFlags {
  readonly precision: StoredPrecision;
  readonly calibrate?: string;
  readonly out?: string;
  readonly json?: boolean;
}

export function addExport(program: Command): void {
  const command = program
    .command("export")
    .description("write the network of a run, or a model file, as one file to ship")
    .argument("<run>", "folder of a run, or a model file")
    .addOption(
      new Option("--precision <type>", "of the real parameters; binary weights are bits in either")
        .choices(PRECISIONS)
        .default("float16"),
    )
    .option(
      "--calibrate <data>",
      "bring scores closer to how often they are right, by images that the training held out, or all of another folder by class",
    );
  addHeldOutFlags(command)
    .option("--out <file>", "where to write it (default: model-<precision>.safetensors beside the model)")
    .option("--json", "one JSON object on standard output: file, bytes, precision, and what calibration found")
    .addHelpText(
      "after",
      "\nExample:\n  rbnet export runs/photos --out photos.safetensors\n  rbnet export runs/photos --calibrate photos",
    )
    .action(exportModel);
}

async function exportModel(run: string, flags: ExportFlags): Promise<void> {
  const { precision, out, json, calibrate } = flags;
  const source = statSync(run, { throwIfNoEntry: false })?.isDirectory() === true ? runFile(run, "model") : run;
  const model = await readModelFile(source);
  const calibrated = calibrate === undefined ? undefined : await calibratedModel(model, source, calibrate, flags);
  const file = out ?? join(dirname(source), `model-${precision}.safetensors`);
  const bytes = await writeModelFile(file, calibrated?.model ?? model, precision);
  if (json === true) {
    printJson({ file, bytes, precision, ...(calibrated === undefined ? {} : { calibration: calibrated.found }) });
    return;
  }
  print(`${file}: ${formatBytes(bytes)}, real parameters in ${precision}`);
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
