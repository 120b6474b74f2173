/**
 * Our side of `npm run bench -- pipeline`: batches of a folder of photographs as a training step takes them, driven by the line
 * protocol (bench/README.md).
 */
import { parseArgs } from "node:util";
import type { Batch } from "#rbnet/data/loading/batch-source";
import { Loader } from "#rbnet/data/loading/loader";
import { openDataset } from "#rbnet/data/open-dataset";
import { serveSteps, startOfMemory } from "./serve-steps.js";
import { installedVersion } from "./versions.js";

const { values } = parseArgs({
  options: { data: { type: "string" }, size: { type: "string" }, batch: { type: "string" }, workers: { type: "string" } },
});
/** Batches that the loader keeps ready. */
const AHEAD = 3;

const [size, batch] = [Number(values.size), Number(values.batch)];

const residentBefore = startOfMemory();
const { train, mean, standardDeviation } = await openDataset({ path: values.data ?? "", size, validationFraction: 0 });
await using loader = new Loader(train, {
  batch,
  size,
  mean,
  standardDeviation,
  augmentation: {
    crop: { kind: "resized", scale: [0.08, 1], ratio: [3 / 4, 4 / 3] },
    flip: true,
    colorJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4 },
  },
  seed: 1,
  shuffle: true,
  dropLast: true,
  workers: Number(values.workers),
  ahead: AHEAD,
});
const batches = endless();

await serveSteps({
  version: installedVersion(),
  residentBefore,
  step: take,
  // What was made ready while the other side worked is no work of this round.
  prepare: async () => {
    for (let waiting = 0; waiting < AHEAD; waiting++) await take();
  },
});

async function* endless(): AsyncGenerator<Batch, void, undefined> {
  for (let epoch = 0; ; epoch++) yield* loader.epoch(epoch);
}

async function take(): Promise<void> {
  const { value } = await batches.next();
  value?.release();
}
