/** `rbnet eval`: how good a model file is, on images that it was not trained on or on all of a folder. */
import { type Command, Option } from "commander";
import { writeFileAtomic } from "../atomic-file.js";
import { openBackend } from "../backend/open.js";
import type { Job } from "../cluster/job.js";
import { lead } from "../cluster/lead.js";
import { OUTLINES } from "../data/shapes/shape-outlines.js";
import { readModelFile } from "../deploy/model-file.js";
import { UserError } from "../errors.js";
import { networkTitle } from "../networks/description.js";
import { packageVersion } from "../package-version.js";
import { formatInteger, formatShare } from "../quantities.js";
import { renderEvaluation } from "../report/evaluation-page.js";
import { pictureUrls } from "../report/pictures.js";
import { evaluateModel, resultsByClass } from "../training/evaluate.js";
import {
  EVALUATED_SETS,
  type EvaluatedSet,
  type EvaluationData,
  imagesText,
  openEvaluationData,
} from "../training/evaluation-data.js";
import type { ClassResult } from "../training/records/run-records.js";
import { runOfModel, type TrainedRun } from "../training/records/trained-run.js";
import { commandLine } from "./command-line.js";
import { addBackendFlags, addHeldOutFlags, type BackendFlags, type HeldOutFlags, heldOutOptions } from "./flags.js";
import { inJob, threadsFor } from "./in-job.js";
import { agreedMachine, requireAlikeForEvaluation } from "./job-terms.js";
import { accuracyText, bold, print, printJson, printTable, tell, tellLeftOut, tellSkipped } from "./output.js";
import { ProgressBar } from "./progress-bar.js";

/** Of more classes than this, a person is shown those that fare worst. */
const SHOWN_CLASSES = 40;

interface EvalFlags extends HeldOutFlags, BackendFlags {
  readonly set?: EvaluatedSet;
  readonly report?: string;
  readonly json?: boolean;
}

export function addEval(program: Command): void {
  const command = program
    .command("eval")
    .description("say how good a model is, in all and by class: on all images of a folder by class, or on a part of divided data")
    .argument("<model>", "model file that `rbnet train` wrote, the folder of a run, or the name of one that comes with rbnet")
    .argument("[data]", "folder of the data, or `shapes` (default: shapes, of a model that was trained on them)")
    .addOption(
      new Option(
        "--set <name>",
        "which images (default: all of a folder by class; of divided data test, else validation, else train)",
      ).choices(EVALUATED_SETS),
    );
  addBackendFlags(addHeldOutFlags(command))
    .option("--report <file>", "write a page with the confusion matrix and the worst mistakes")
    .option("--json", "one JSON object on standard output, shares from 0 to 1")
    .addHelpText(
      "after",
      "\nExample:\n  rbnet eval runs/photos photos-of-today --report today.html\n" +
        "  rbnet eval runs/photos photos --set validation    # the images that the training held out",
    )
    .action(evaluate);
}

function evaluate(modelPath: string, given: string | undefined, flags: EvalFlags, command: Command): Promise<void> {
  return inJob(async (job) => evaluateIn(job, modelPath, given, { ...flags, threads: await threadsFor(job, flags, command) }));
}

async function evaluateIn(job: Job, modelPath: string, given: string | undefined, flags: EvalFlags): Promise<void> {
  const model = await readModelFile(modelPath);
  if (given === undefined && model.classes.join() !== OUTLINES.map(({ name }) => name).join())
    throw new UserError(
      `no data were named, and ${modelPath} was not trained on the shapes that are taken then; give the folder of the images: ` +
        `rbnet eval ${modelPath} <folder>`,
    );
  const path = given ?? "shapes";
  const run = runOfModel(modelPath);
  const progress = new ProgressBar(flags.json === true);
  const options = { ...heldOutOptions(flags, run), progress: progress.decoding };
  const data = await openEvaluationData(path, model, flags.set, ["test", "validation", "train"], options);
  progress.clear();
  tellOfData(data, run);
  await requireAlikeForEvaluation(job, model, data);
  using backend = await openBackend(await agreedMachine(job, flags));
  const evaluation = await evaluateModel(backend, model, data.set, job);
  const { skipped, mistakes, confusion, ...figures } = evaluation;
  tellSkipped({ count: skipped.length, named: skipped });
  const byClass = resultsByClass(evaluation, model.classes);
  const images = `${formatInteger(figures.images)} ${imagesText(data)}`;
  if (flags.report !== undefined) {
    const pictures = await pictureUrls(
      data.set,
      mistakes.map(({ index }) => index),
    );
    const about = { network: networkTitle(model.network), classes: model.classes, file: modelPath };
    const page = { model: about, images: imagesText(data), evaluation, byClass, pictures, command: commandLine() };
    const { report } = flags;
    await lead(job, () => writeFileAtomic(report, renderEvaluation({ ...page, version: packageVersion() })));
  }
  if (flags.json === true) {
    printJson({ ...figures, set: data.part, skipped: skipped.length, classes: byClass, confusion });
    return;
  }
  printClasses(byClass);
  const { loss, calibrationError } = figures;
  print(
    `${bold(accuracyText(figures, model.classes.length))}, loss ${loss.toFixed(4)}, calibration error ` +
      `${formatShare(calibrationError)} on ${images}`,
  );
  if (flags.report !== undefined) print(`report  ${flags.report}`);
}

/** What a person may take otherwise than it is. */
function tellOfData({ name, part, absent, leftOut }: EvaluationData, run: TrainedRun | undefined): void {
  tellLeftOut(leftOut);
  if (absent.length > 0) {
    const some = absent.slice(0, 5).join(", ") + (absent.length > 5 ? ", ..." : "");
    tell(
      `${name} has no images of ${absent.length === 1 ? "a class" : `${absent.length} classes`} that the model knows: ${some}`,
    );
  }
  if (part === "train" || (part === "all" && run?.dataName === name))
    tell(
      `the model was trained on ${part === "train" ? "these images" : `data of the name ${name}`}, and knows such images better than ` +
        "others; --set validation takes those that the training held out",
    );
}

function printClasses(byClass: readonly ClassResult[]): void {
  const counted = byClass.filter(({ images }) => images > 0);
  const worst = [...counted].sort((one, other) => (one.top1 ?? 0) - (other.top1 ?? 0)).slice(0, SHOWN_CLASSES);
  const rows = (counted.length > SHOWN_CLASSES ? worst : counted).map(({ name, images, top1 = 0, takenFor }) => [
    name,
    takenFor === undefined ? "" : `${takenFor.name} (${formatInteger(takenFor.images)})`,
    formatInteger(images),
    formatShare(top1),
  ]);
  printTable(["class", "most taken for", "images", "right"], rows, 2);
  if (counted.length > SHOWN_CLASSES)
    print(`the ${SHOWN_CLASSES} of ${counted.length} classes that fare worst; --report and --json have all`);
  print("");
}
