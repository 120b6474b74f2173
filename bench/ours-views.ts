/**
 * A side of `npm run bench -- views`: the steps of a run on real data, with its loader, driven over standard input and output
 * (bench/README.md, "The line protocol").
 */
import { parseArgs } from "node:util";
import type { Batch, BatchImages } from "#rbnet/data/loading/batch-source";
import { openDataset } from "#rbnet/data/open-dataset";
import { viewedAugmentation } from "#rbnet/data/views/views-file";
import { networkByName } from "#rbnet/networks/catalogue";
import { RunParts } from "#rbnet/training/run-parts";
import { parseTrainingSettings } from "#rbnet/training/settings/options";
import { TrainingStep } from "#rbnet/training/stage/training-step";
import { serveSteps, startOfMemory } from "./serve-steps.js";
import { installedVersion } from "./versions.js";

const LEARNING_RATE = 1e-3;

const { values } = parseArgs({
  options: {
    network: { type: "string", default: "rbnet20" },
    width: { type: "string" },
    batch: { type: "string" },
    threads: { type: "string" },
    backend: { type: "string" },
    data: { type: "string", default: "shapes" },
    views: { type: "string" },
    /** Crops as views have them, and no teacher. */
    "crop-of": { type: "string" },
  },
});

const residentBefore = startOfMemory();
const data = await openDataset({ path: values.data });
const options = parseTrainingSettings({
  batch: Number(values.batch),
  ...viewedAugmentation(values.views ?? values["crop-of"]),
  ...(values.views === undefined ? {} : { distill: { views: values.views } }),
});
const description = networkByName(values.network, {
  classes: data.classes.length,
  width: Number(values.width),
  size: data.size,
});
await using parts = await RunParts.open(
  { description, data, options },
  { threads: Number(values.threads), backend: values.backend === "wasm" ? "wasm" : "native" },
);
const { backend, network, optimizer, loader, teacher } = parts;
network.bind(options.batch, { keepEvery: 1 });
const trainingStep = new TrainingStep(backend, network, options, teacher, undefined, loader.rawForm);
const source = batches();
let updates = 0;

await serveSteps({
  version: `${installedVersion()} (${backend.description})`,
  residentBefore,
  step: async () => {
    const { value: batch } = await source.next();
    if (batch === undefined) throw new Error("there is always another epoch");
    optimizer.clearGradients();
    await trainingStep.run(batch);
    batch.release();
    updates++;
    optimizer.step(LEARNING_RATE, updates);
    // Kernels may still run; a read waits for all of them.
    const [first] = network.parameters;
    if (first !== undefined) await backend.read(first.value);
  },
});
await source.return(undefined);

async function* batches(): AsyncGenerator<Batch<BatchImages>, undefined> {
  for (let epoch = 0; ; epoch++) yield* loader.epoch(epoch);
}
