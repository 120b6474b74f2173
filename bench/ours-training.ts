/**
 * Our side of `npm run bench -- training`: the training step of a built network on random images that stay the same, driven over
 * standard input and output (bench/README.md, "The line protocol"). It runs what `rbnet train` runs for a batch that is ready.
 */
import { parseArgs } from "node:util";
import { GRADIENT_PRECISIONS } from "#rbnet/backend/device";
import { openBackend } from "#rbnet/backend/open";
import { Random } from "#rbnet/data/random";
import { Network } from "#rbnet/networks/network";
import { trainingSchema } from "#rbnet/training/settings/options";
import { Optimizer } from "#rbnet/training/stage/optimizer";
import { TrainingStep } from "#rbnet/training/stage/training-step";
import { measuredBackend } from "./measured-backends.js";
import { serveSteps, startOfMemory } from "./serve-steps.js";
import { trainedNetwork, trainedNetworks } from "./trained-network.js";
import { installedVersion } from "./versions.js";

const LEARNING_RATE = 1e-3;

const { values } = parseArgs({
  options: {
    network: { type: "string" },
    width: { type: "string" },
    batch: { type: "string" },
    threads: { type: "string" },
    backend: { type: "string" },
    precision: { type: "string" },
    "keep-every": { type: "string", default: "1" },
    size: { type: "string" },
  },
});
const batchSize = Number(values.batch);

const residentBefore = startOfMemory();
const random = new Random(1);
const backend = await openBackend({
  threads: Number(values.threads),
  backend: measuredBackend(values.backend),
  precision: GRADIENT_PRECISIONS.find((name) => name === values.precision) ?? "float32",
});
const description = trainedNetwork({
  network: trainedNetworks.find((name) => name === values.network) ?? "rbnet20",
  width: Number(values.width),
  ...(values.size === undefined ? {} : { size: Number(values.size) }),
});
const network = new Network(backend, description, { normal });
const options = trainingSchema.parse({ batch: batchSize, weightDecay: 0 });
const optimizer = new Optimizer(backend, network.store, options);
network.bind(batchSize, { keepEvery: Number(values["keep-every"]) });
const trainingStep = new TrainingStep(backend, network, options);
const batch = randomBatch();
let updates = 0;

await serveSteps({
  version: `${installedVersion()} (${backend.description})`,
  residentBefore,
  deviceBytes: values.backend === "webgpu" ? () => backend.memory.peakBytes : undefined,
  step: async () => {
    optimizer.clearGradients();
    await trainingStep.run(batch);
    updates++;
    optimizer.step(LEARNING_RATE, updates);
    // Kernels may still run; a read waits for all of them.
    const [first] = network.parameters;
    if (first !== undefined) await backend.read(first.value);
  },
});
backend[Symbol.dispose]();

/** Normal pixels and uniform classes: the step's work does not depend on what it is fed. */
function randomBatch(): Parameters<TrainingStep["run"]>[0] {
  const { height, width, channels } = description.input;
  const labels = Int32Array.from({ length: batchSize }, (_, image) => image % description.classes);
  return {
    images: normal(batchSize * height * width * channels, 1),
    labels,
    mixLabels: labels,
    mixWeight: new Float32Array(batchSize).fill(1),
    indices: Uint32Array.from(labels, (_, image) => image),
    count: batchSize,
    release: () => undefined,
  };
}

function normal(count: number, standardDeviation: number): Float32Array {
  return Float32Array.from({ length: count }, () => standardDeviation * random.normal());
}
