/** `rbnet predict`: what a model sees in pictures. A picture that cannot be read is named, and the others are still answered. */
import type { Command } from "commander";
import { loadModel, type NodeImage } from "../deploy/load-model.js";
import { UserError } from "../errors.js";
import { formatShare } from "../quantities.js";
import type { Classify, Prediction } from "../runtime/classifier.js";
import { addBackendFlags, type BackendFlags, readPositive } from "./flags.js";
import { bold, print, printJson, tell } from "./output.js";

interface PredictFlags extends BackendFlags {
  readonly top: number;
  readonly json?: boolean;
}

export function addPredict(program: Command): void {
  const command = program
    .command("predict")
    .description("classify pictures")
    .argument("<model>", "model file that `rbnet train` wrote, or the name of one that comes with rbnet")
    .argument("<image...>", "JPEG, PNG, WebP, AVIF, GIF or TIFF files")
    .option("--top <n>", "classes to name for each", readPositive, 5);
  addBackendFlags(command, 1)
    .option("--json", "one JSON object a picture on standard output: image, predictions (label, score from 0 to 1)")
    .addHelpText("after", "\nExample:\n  rbnet predict runs/photos/model.safetensors cat.jpg dog.png --top 3")
    .action(predict);
}

async function predict(
  modelPath: string,
  images: readonly string[],
  { threads, backend, top, json }: PredictFlags,
): Promise<void> {
  using classify = await loadModel(modelPath, { threads, backend });
  for (const image of images) {
    const predictions = await classifyReadable(classify, image, top);
    if (predictions === undefined) process.exitCode = 2;
    else if (json === true) printJson({ image, predictions });
    else printPredictions(image, predictions);
  }
}

/** Undefined, and said so, where the image cannot be read. */
async function classifyReadable(
  classify: Classify<NodeImage>,
  image: string,
  top: number,
): Promise<readonly Prediction[] | undefined> {
  try {
    return await classify(image, { top });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    tell(error.message);
    return undefined;
  }
}

export function printPredictions(image: string, predictions: readonly Prediction[]): void {
  print(bold(image));
  for (const { label, score } of predictions) print(`  ${formatShare(score).padStart(7)}  ${label}`);
}
