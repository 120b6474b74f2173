/** `rbnet demo`: the whole way in one command, on a machine without data: draw, train, evaluate, predict, report. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { writeFileAtomic } from "../atomic-file.js";
import type { ImageSet } from "../data/dataset.js";
import { openDataset } from "../data/open-dataset.js";
import { loadModel } from "../deploy/load-model.js";
import { networkByName } from "../networks/catalogue.js";
import { encodePicture } from "../report/pictures.js";
import { runFile } from "../stores/run-folder.js";
import { trainingSchema } from "../training/settings/options.js";
import { commandLine, commandName } from "./command-line.js";
import { addBackendFlags, type BackendFlags } from "./flags.js";
import { print } from "./output.js";
import { printPredictions } from "./predict.js";
import { ProgressBar } from "./progress-bar.js";
import { runTraining } from "./training-run.js";

/** Chosen on the validation images: enough for the shapes, and done in well under a minute on two cores. */
const WIDTH = 2;
const SEED = 1;
const SETTINGS = trainingSchema.parse({
  epochs: 15,
  batch: 32,
  learningRate: 1e-2,
  seed: SEED,
  augmentation: { crop: { kind: "pad", padding: 2 }, flip: true },
});
const PICTURES = 4;

interface DemoFlags extends BackendFlags {
  readonly out: string;
}

export function addDemo(program: Command): void {
  const command = program
    .command("demo")
    .description("train a small network on generated shapes, evaluate it, classify a few pictures and write a report")
    .option("--out <folder>", "where everything goes", "rbnet-demo");
  addBackendFlags(command).addHelpText("after", "\nExample:\n  rbnet demo --out /tmp/rbnet-demo").action(demo);
}

async function demo({ out, threads, backend }: DemoFlags): Promise<void> {
  const data = await openDataset({ path: "shapes", seed: SEED });
  const description = networkByName("rbnet8", { classes: data.classes.length, width: WIDTH, size: data.size });
  // A demo can be run again; its folder holds nothing that is worth resuming.
  await rm(runFile(out, "checkpoint"), { force: true });
  const { stopped } = await runTraining({
    description,
    data,
    settings: SETTINGS,
    out,
    progress: new ProgressBar(false),
    continuation: commandLine(),
    machine: { threads, backend },
  });
  if (stopped || data.test === undefined) return;
  const pictures = await writePictures(data.test, join(out, "pictures"));
  const model = runFile(out, "model");
  using classify = await loadModel(model, { backend });
  print(`\nA few test pictures, and what the network says:`);
  for (const picture of pictures) printPredictions(picture, await classify(picture, { top: 2 }));
  print(
    `\nNext: open ${runFile(out, "report")} in a browser, or classify a picture of your own:\n` +
      `  ${commandName()} predict ${model} ${pictures[0] ?? ""}`,
  );
}

/** Writes the first images of a set; returns their paths. */
async function writePictures(set: ImageSet, folder: string): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  const indices = Array.from({ length: Math.min(PICTURES, set.count) }, (_, index) => index);
  return Promise.all(
    indices.map(async (index) => {
      const { type, bytes } = await encodePicture(set, index);
      const path = join(folder, `picture${index + 1}.${type}`);
      await writeFileAtomic(path, bytes);
      return path;
    }),
  );
}
