/** `rbnet predict`: what a model sees in pictures. A picture that cannot be read is named, and the others are still answered. */
import { type Command, Option } from "commander";
import { openBackend } from "../backend/open.js";
import { classifyFiles } from "../deploy/classify-files.js";
import { loadModel } from "../deploy/load-model.js";
import { readModelFile } from "../deploy/model-file.js";
import { UserError } from "../errors.js";
import { formatShare } from "../quantities.js";
import type { Prediction } from "../runtime/classifier.js";
import { csvLine } from "./csv.js";
import { addBackendFlags, type BackendFlags, forbidFlags, readPositive } from "./flags.js";
import { bold, print, printJson, tell } from "./output.js";
import { picturePaths, readStandardInput, STANDARD_INPUT } from "./predict-inputs.js";
import { ProgressBar } from "./progress-bar.js";

/** Labels to name for each picture where people read; a table has the best one, unless it is said otherwise. */
const TOP = 5;
/** From so many pictures on it pays to start the workers that decode ahead. */
const MANY = 16;

interface PredictFlags extends BackendFlags {
  readonly topK?: number;
  readonly top?: number;
  readonly json?: boolean;
  readonly csv?: boolean;
}

/** What becomes of a picture; `image` is what it was called on the command line, or its path in a folder. */
type Answer = { readonly image: string } & ({ readonly predictions: readonly Prediction[] } | { readonly error: string });

export function addPredict(program: Command): void {
  const command = program
    .command("predict")
    .description("classify pictures")
    .argument("<model>", "model file or folder of a run that `rbnet train` wrote, or the name of a model that comes with rbnet")
    .argument(
      "<image...>",
      "JPEG, PNG, WebP, AVIF, GIF, TIFF or BMP files, folders of them, patterns such as 'photos/*.jpg', or - for standard input",
    )
    .option("--top-k <n>", `classes to name for each (default: ${TOP}; 1 with --csv)`, readPositive)
    .addOption(new Option("--top <n>").argParser(readPositive).hideHelp());
  addBackendFlags(command, 1)
    .option("--json", "one JSON object a picture on standard output: image, predictions (label, score from 0 to 1) or error")
    .option("--csv", "a table on standard output: image, label and score for each class that is named, error")
    .addHelpText(
      "after",
      "\nExample:\n" +
        "  rbnet predict runs/photos/model.safetensors cat.jpg dog.png --top-k 3\n" +
        "  rbnet predict runs/photos holiday --csv > holiday.csv",
    )
    .action(predict);
}

async function predict(model: string, words: readonly string[], flags: PredictFlags): Promise<void> {
  const { json, csv } = flags;
  if (csv === true) forbidFlags({ ...flags }, ["json"], "a run prints one or the other");
  const top = flags.topK ?? flags.top ?? (csv === true ? 1 : TOP);
  const paths = picturePaths(words);
  const progress = new ProgressBar(process.stdout.isTTY === true);
  if (csv === true) print(csvHead(top));
  let done = 0;
  for await (const answer of answers(model, paths, top, flags)) {
    done++;
    if ("error" in answer) process.exitCode = 2;
    if (json === true) printJson(answer);
    else if (csv === true) print(csvRow(answer, top));
    else if ("predictions" in answer) printPredictions(answer.image, answer.predictions);
    if ("error" in answer) {
      progress.clear();
      tell(answer.error);
    }
    if (paths.length >= MANY) progress.classifying(done, paths.length);
  }
  progress.clear();
}

/** In the order of the paths. */
async function* answers(
  model: string,
  paths: readonly string[],
  top: number,
  { threads, backend: asked }: BackendFlags,
): AsyncGenerator<Answer, void, undefined> {
  if (paths.length >= MANY && !paths.includes(STANDARD_INPUT)) {
    const network = await readModelFile(model);
    using backend = await openBackend({ threads, backend: asked });
    for await (const { path: image, ...rest } of classifyFiles(backend, network, paths, top)) yield { image, ...rest };
    return;
  }
  using classify = await loadModel(model, { threads, backend: asked });
  for (const image of paths) {
    try {
      const picture = image === STANDARD_INPUT ? await readStandardInput() : image;
      yield { image, predictions: await classify(picture, { top }) };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      yield { image, error: error.message };
    }
  }
}

function csvHead(top: number): string {
  const columns = Array.from({ length: top }, (_, i) => (i === 0 ? ["label", "score"] : [`label${i + 1}`, `score${i + 1}`]));
  return csvLine(["image", ...columns.flat(), "error"]);
}

function csvRow(answer: Answer, top: number): string {
  const predictions = "predictions" in answer ? answer.predictions : [];
  const cells = Array.from({ length: top }, (_, i) => {
    const { label, score } = predictions[i] ?? {};
    return [label ?? "", score === undefined ? "" : String(score)];
  });
  return csvLine([answer.image, ...cells.flat(), "error" in answer ? answer.error : ""]);
}

export function printPredictions(image: string, predictions: readonly Prediction[]): void {
  print(bold(image));
  for (const { label, score } of predictions) print(`  ${formatShare(score).padStart(7)}  ${label}`);
}
