/** integrations/pytorch: the networks there are ours, and what is trained in one place goes on in the other. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import type { Dataset, ImageSet } from "#rbnet/data/dataset";
import { Loader } from "#rbnet/data/loading/loader";
import { shapes } from "#rbnet/data/shapes/shapes";
import type { WeightForm } from "#rbnet/layers/layer";
import { networkByName, networkNames, type Variation } from "#rbnet/networks/catalogue";
import type { NetworkDescription } from "#rbnet/networks/description";
import { Network } from "#rbnet/networks/network";
import { rbnet8 } from "#rbnet/networks/rbnet";
import { decodeModel } from "#rbnet/runtime/model";
import { encodeSafetensors, type StoredTensor } from "#rbnet/runtime/safetensors";
import { beginFrom } from "#rbnet/training/start/begin";
import { readStart } from "#rbnet/training/start/start";
import { writeTrace } from "../../bench/layer-trace.js";
import { rbnet } from "../cli/command.js";
import { ownAnswer } from "../export/onnx/onnx-runtime.js";
import { temporaryFolder } from "../temporary-folder.js";
import * as tiny from "../training/tiny-runs.js";
import { runPython, torchPython } from "./python.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What no network has by itself. */
const VARIED: readonly (readonly [string, Variation])[] = [
  ["rbnet8", { activation: "prelu", estimator: "clip", learnThreshold: false }],
  ["rbnet8", { stem: "patches", halving: "4x4", shortcut: "repeated", blocks: "dilated", gated: "late" }],
  ["rbnet18", { stem: "patches", halving: "3x3", blocks: "shifted" }],
];

/** A network of each body, in the first of two stages of training. */
const FIRST_STAGE = ["rbnet8", "xnornet20", "real2binary20", "reactnet-a", "quicknet-s"];

const BATCH = 64;

/** What check_network.py prints of a trace: shares of a tensor's largest value, and how many parameters there are. */
type Difference = Readonly<Record<"parameters" | "logits" | "loss" | "gradients" | "states" | "updated", number>>;

interface Prepared {
  readonly images: Float32Array;
  readonly labels: Int32Array;
}

/** All images of a set, as a network reads them. */
async function prepared(set: ImageSet, { size, mean, standardDeviation }: Dataset): Promise<Prepared> {
  const options = { batch: set.count, size, mean, standardDeviation, seed: 0, shuffle: false, dropLast: false } as const;
  await using loader = new Loader(set, options);
  for await (const { images, labels, release } of loader.epoch(0)) {
    const found = { images: Float32Array.from(images), labels: Int32Array.from(labels) };
    release();
    return found;
  }
  throw new Error("the set is empty");
}

/** Images to train on and others, in memory and in a file. */
interface Task {
  readonly path: string;
  readonly train: Prepared;
  readonly others: Prepared;
}

async function writeTask(path: string, description: NetworkDescription, data: Dataset): Promise<Task> {
  const { classes, mean, standardDeviation: deviation, size } = data;
  const [train, others] = [await prepared(data.train, data), await prepared(data.validation!, data)];
  const imagesOf = ({ images, labels }: Prepared) =>
    ({ type: "float32", shape: [labels.length, size, size, 3], data: images }) as const;
  const labelsOf = ({ labels }: Prepared) => ({ type: "int32", shape: [labels.length], data: labels }) as const;
  const tensors = new Map<string, StoredTensor>([
    ["images", imagesOf(train)],
    ["others", imagesOf(others)],
    ["labels", labelsOf(train)],
    ["answers", labelsOf(others)],
  ]);
  const about = JSON.stringify({ description, classes, mean, deviation });
  writeFileSync(path, encodeSafetensors({ metadata: { about }, tensors }));
  return { path, train, others };
}

/** What train_shapes.py prints of a task. */
interface Worth {
  readonly labels: readonly number[];
  readonly loss: number;
  readonly firstLoss: number;
}

/** Mean cross-entropy. */
function lossOf(logits: Float32Array, labels: Int32Array): number {
  const classes = logits.length / labels.length;
  const losses = Array.from(labels, (label, i) => {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    return Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0)) - row[label]!;
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

function labelsIn(logits: Float32Array, count: number): number[] {
  const classes = logits.length / count;
  return Array.from({ length: count }, (_, i) => {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    return row.indexOf(Math.max(...row));
  });
}

describe.skipIf(torchPython === undefined)("a network of rbnet_torch.py", { timeout: 120_000 }, () => {
  it("gives our logits, loss, gradients, statistics and first update, for every network, variation and form of weights", async () => {
    const folder = temporaryFolder();
    const networks = [...networkNames.map((name) => [name, {}] as const), ...VARIED];
    const binary = networks.map(([name, variation]) => ({ name, variation, weights: "binary" }) as const);
    const real = FIRST_STAGE.map((name) => ({ name, variation: {}, weights: "real" }) as const);
    const cases = [...binary, ...real];
    const traces: string[] = [];
    for (const { name, variation, weights } of cases) {
      using backend = createReferenceBackend();
      const path = join(folder, `${traces.length}.safetensors`);
      // The reference is slow, and has four stages of up to 512 channels to compute here.
      const width = /18|34|-|quicknet/.test(name) ? 0.0625 : 0.125;
      const description = (classes: number) => networkByName(name, { classes, width, size: 32, ...variation });
      await writeTrace(path, backend, { description, batch: 2, seed: 1, weights });
      traces.push(path);
    }
    const lines = runPython([join(root, "bench/peers/check_network.py"), ...traces])
      .trim()
      .split("\n");
    const found = lines.map((line) => JSON.parse(line) as Difference);
    expect(Math.min(...found.map(({ parameters }) => parameters))).toBeGreaterThan(30);
    const apart = found.map((differences, i) => ({ ...cases[i], ...differences }));
    // In float64. Small gradients are differences of large ones.
    expect(apart.filter(({ gradients }) => !(gradients < 1e-8))).toEqual([]);
    expect(apart.filter(({ logits, loss, states, updated }) => !(Math.max(logits, loss, states, updated) < 1e-10))).toEqual([]);
    expect(found.length).toBe(cases.length);
  });
});

describe.skipIf(torchPython === undefined)("what PyTorch trains", () => {
  let folder = "";
  let [trained, continued]: Task[] = [];
  let [afterTraining, atStart, inFirstStage]: Worth[] = [];
  const file = (name: string) => join(folder, `${name}.safetensors`);

  /** In one process: to import PyTorch takes longer than much of what it does here. */
  beforeAll(async () => {
    folder = temporaryFolder();
    const many = shapes({ train: 1500, validation: 500, test: 0, size: 16 });
    trained = await writeTask(file("many"), rbnet8({ classes: many.classes, width: 0.5, size: 16 }), many);
    const few = shapes({ train: 80, validation: 40, test: 0, size: 16 });
    await tiny.trainTiny({ out: folder, dataset: few });
    const stages = { ...tiny.settings, epochs: 2, stages: 2 };
    await tiny.trainTiny({ out: join(folder, "first"), dataset: few, settings: stages, stopAfter: 7 });
    continued = await writeTask(file("few"), tiny.network, few);
    const jobs = [
      { images: trained.path, write: file("weights"), steps: 200 },
      { images: continued.path, load: file("checkpoint") },
      { images: continued.path, load: join(folder, "first", "checkpoint.safetensors") },
    ];
    const script = join(root, "test/integrations/train_shapes.py");
    [afterTraining, atStart, inFirstStage] = JSON.parse(runPython([script, JSON.stringify(jobs)])) as Worth[];
  }, 120_000);

  it("for some hundred steps, imported, labels every image as it did there", async () => {
    const { code, stderr } = await rbnet(["import", file("weights"), "--network", "rbnet8", "--out", file("imported")]);
    expect([code, stderr]).toEqual([0, ""]);
    const { others } = trained!;
    using backend = await createWasmBackend({ threads: 1 });
    const model = decodeModel(readFileSync(file("imported")), "imported");
    const logits = await ownAnswer(backend, model, others.images);
    const ours = labelsIn(logits, others.labels.length);
    // Rounding may take a value across its threshold, and with it an image that lies between two classes.
    expect(ours.filter((label, i) => label !== afterTraining!.labels[i]).length).toBeLessThanOrEqual(1);
    expect(afterTraining!.loss).toBeCloseTo(lossOf(logits, others.labels), 3);
    // Of 500; chance is 50.
    expect(ours.filter((label, i) => label === others.labels[i]).length).toBeGreaterThan(150);
  });

  it("from our checkpoint begins at our loss, in training and deployed", async () => {
    const { train, others } = continued!;
    using backend = await createWasmBackend({ threads: 1 });
    const network = new Network(backend, tiny.network, { normal: (count) => new Float32Array(count) });
    await beginFrom(await readStart(folder), { backend, network, data: tiny.data, seed: 1 });
    const operations = await network.fold();
    const deployed = await ownAnswer(backend, { operations, size: 16 }, others.images);
    expect(atStart!.loss).toBeCloseTo(lossOf(deployed, others.labels), 5);
    expect(atStart!.firstLoss).toBeCloseTo(await firstLoss(backend, network, train), 5);
  });

  it("from a first stage goes on with real weights", async () => {
    using backend = await createWasmBackend({ threads: 1 });
    const network = new Network(backend, tiny.network, { normal: (count) => new Float32Array(count) });
    const start = await readStart(join(folder, "first"));
    expect(start.weights).toBe("real");
    await beginFrom(start, { backend, network, data: tiny.data, seed: 1 });
    const { train } = continued!;
    expect(inFirstStage!.firstLoss).toBeCloseTo(await firstLoss(backend, network, train, start.weights), 5);
    expect(inFirstStage!.firstLoss).not.toBeCloseTo(await firstLoss(backend, network, train), 2);
  });
});

/** Of a step on the first images. */
async function firstLoss(
  backend: Backend,
  network: Network,
  { images, labels }: Prepared,
  weights?: WeightForm,
): Promise<number> {
  network.bind(BATCH, weights === undefined ? {} : { weights });
  const input = backend.allocate("float32", [BATCH, 16, 16, 3]);
  backend.write(input, images.subarray(0, BATCH * 16 * 16 * 3));
  const logits = Float32Array.from(await backend.read(network.forward(input)));
  return lossOf(logits, labels.subarray(0, BATCH));
}
