/** `rbnet eval`: how good a model file is on images that it was not trained on. */
import type { Command } from "commander";
import { openBackend } from "../backend/open.js";
import type { Dataset, ImageSet } from "../data/dataset.js";
import { openDataset } from "../data/open-dataset.js";
import { readModelFile } from "../deploy/model-file.js";
import { UserError } from "../errors.js";
import { formatInteger } from "../quantities.js";
import type { Model } from "../runtime/model.js";
import { evaluateModel } from "../training/evaluate.js";
import { addBackendFlags, addDataFlags, type BackendFlags, type DataFlags, dataOptions } from "./flags.js";
import { accuracyText, bold, print, printJson, tellSkipped } from "./output.js";
import { ProgressBar } from "./progress-bar.js";

const SETS = ["train", "validation", "test"] as const;
type SetName = (typeof SETS)[number];

interface EvalFlags extends DataFlags, BackendFlags {
  readonly set?: string;
  readonly json?: boolean;
}

export function addEval(program: Command): void {
  const command = program
    .command("eval")
    .description("say how good a model is on the test images, or the validation images where there are none")
    .argument("<model>", "model file that `rbnet train` wrote, or the name of one that comes with rbnet")
    .argument("[data]", "folder of the data, or `shapes`", "shapes")
    .option("--set <name>", "train, validation or test (default: test where there is one)");
  addBackendFlags(addDataFlags(command))
    .option("--json", "one JSON object on standard output, shares from 0 to 1")
    .addHelpText(
      "after",
      "\nGive --seed and --validation-fraction as the model's training had them, so that the same images are held " +
        "out.\n\n" +
        "Example:\n" +
        "  rbnet eval runs/photos/model.safetensors photos",
    )
    .action(evaluate);
}

async function evaluate(modelPath: string, path: string, flags: EvalFlags): Promise<void> {
  const wanted = readSet(flags.set);
  const model = await readModelFile(modelPath);
  const progress = new ProgressBar(flags.json === true);
  const data = await openDataset({ path, size: model.size, ...dataOptions(flags), progress: progress.decoding });
  progress.clear();
  requireSameClasses(model, data);
  const [set, images] = chooseSet(data, wanted);
  using backend = await openBackend(flags);
  const { top1, top5, loss, images: count, skipped } = await evaluateModel(backend, model, images);
  tellSkipped({ count: skipped.length, named: skipped });
  if (flags.json === true) printJson({ top1, top5, images: count, loss, set, skipped: skipped.length });
  else
    print(
      `${bold(accuracyText({ top1, top5 }, model.classes.length))}, loss ${loss.toFixed(4)} on ${formatInteger(count)} ` +
        `${set} images of ${data.name}`,
    );
}

function readSet(name: string | undefined): SetName | undefined {
  const known = SETS.find((set) => set === name);
  if (name !== undefined && known === undefined) throw new UserError(`--set cannot be ${name}: it must be ${SETS.join(", ")}`);
  return known;
}

function chooseSet(data: Dataset, wanted: SetName | undefined): readonly [SetName, ImageSet] {
  const name = wanted ?? (data.test !== undefined ? "test" : "validation");
  const images = data[name];
  if (images === undefined)
    throw new UserError(
      `${data.name} has no ${name} images to evaluate on; add a test folder, give a --validation-fraction, or choose another --set`,
    );
  return [name, images];
}

/** @throws UserError where the model names its outputs otherwise than the data their classes */
export function requireSameClasses({ classes }: Pick<Model, "classes">, data: Dataset): void {
  if (classes.length !== data.classes.length)
    throw new UserError(
      `the model knows ${classes.length} classes, ${data.name} has ${data.classes.length}; evaluate it on data of the ` +
        "classes that it was trained on",
    );
  const other = classes.findIndex((name, index) => name !== data.classes[index]);
  if (other >= 0)
    throw new UserError(
      `class ${other + 1} is "${classes[other]}" in the model, "${data.classes[other]}" in ${data.name}; evaluate it on ` +
        "data of the classes that it was trained on",
    );
}
