/**
 * Writes the test vectors of docs/model-file.md, from a built checkout: two small models with every kind of operation, an input, and
 * what becomes of it, computed by the build whose arithmetic the page describes. The same bytes each time.
 *
 *   node scripts/model-vectors.mjs [folder, default docs/vectors]
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createWasmBackend } from "../dist/backend/wasm/backend.js";
import { Random } from "../dist/data/random.js";
import { activationOf, LEARNED_ROWS } from "../dist/runtime/activation.js";
import { bestOf } from "../dist/runtime/classifier.js";
import { encodeModel } from "../dist/runtime/model.js";
import { RuntimeNetwork } from "../dist/runtime/network.js";
import { valueShapes } from "../dist/runtime/operation-shapes.js";
import { encodeSafetensors } from "../dist/runtime/safetensors.js";
import { tapCount, windowMap } from "../dist/runtime/windows.js";

const folder = process.argv[2] ?? fileURLToPath(new URL("../docs/vectors", import.meta.url));
const SIZE = 7;
const CLASSES = ["ant", "bee", "café"];
const INPUT = { height: SIZE, width: SIZE, channels: 3 };

const grid = (kernel, stride, padding) => ({ kind: "grid", kernel, stride, padding });
const blocks = (dilation, shift) => ({ kind: "blocks", dilation, shift });
const patches = (size) => ({ kind: "patches", size });

/** Numbers that a float16 holds exactly, so that a file of either precision would say the same. */
const drawn = (random, count, middle, spread) =>
  Float32Array.from({ length: count }, () => Math.round((middle + spread * (2 * random.uniform() - 1)) * 256) / 256);

/** Adds operations one after the other; each is given its parameters by the shape of what it reads. */
class Builder {
  operations = [];
  constructor(seed) {
    this.random = new Random(seed);
  }
  shape(value) {
    return valueShapes(this.operations, INPUT)[value];
  }
  add(operation) {
    this.operations.push(operation);
    return this.operations.length;
  }
  dense(name, input, filters, activation) {
    const { channels } = this.shape(input);
    const weights = drawn(this.random, channels * filters, 0, 1);
    const bias = drawn(this.random, filters, 0, 0.5);
    return this.add({ kind: "dense", name, input, filters, weights, bias, ...(activation ? { activation } : {}) });
  }
  convolution(kind, name, input, windows, filters, channels, { activation, ...laid } = {}) {
    const { random } = this;
    const from = this.shape(input);
    const inputs = tapCount(windows) * from.channels;
    const words = Math.ceil(inputs / 32);
    const real = kind === "realConvolution";
    const epilogue = {
      depthToSpace: filters !== channels,
      scale: drawn(random, filters, real ? 1 : 4 / inputs, real ? 0.5 : 2 / inputs),
      bias: drawn(random, filters, 0, 0.5),
      ...laid,
    };
    if (activation !== undefined) {
      const rows = LEARNED_ROWS[activation].length;
      epilogue.activation = activationOf(activation, drawn(random, rows * channels, 0.25, 0.75), channels);
    }
    const common = { kind, name, input, windows, filters, epilogue };
    if (real) return this.add({ ...common, weights: drawn(random, inputs * filters, 0, 2 / Math.sqrt(inputs)) });
    const weights = Uint32Array.from({ length: filters * words }, (_, i) => {
      const bits = Math.min(32, inputs - 32 * (i % words));
      return Math.floor(random.uniform() * 2 ** bits);
    });
    return this.add({ ...common, weights, threshold: drawn(random, from.channels, 0, 0.5) });
  }
}

function blocksModel() {
  const it = new Builder(1);
  let value = it.convolution("realConvolution", "stem", 0, grid(3, 1, 1), 5, 5, { activation: "balanced" });
  for (const [index, [windows, activation]] of [
    [blocks(1, 0), "balanced"],
    [blocks(2, 0), "rprelu"],
    [blocks(1, 1), "prelu"],
    [blocks(2, 1), undefined],
  ].entries())
    value = it.convolution("binaryConvolution", `stage1.unit${index + 1}`, value, windows, 20, 5, {
      activation,
      shortcut: value,
    });
  value = it.add({ kind: "maxPool", name: "pool", input: value, windows: grid(3, 2, 1) });
  const halved = it.convolution("realConvolution", "stage2.shortcut", value, grid(1, 2, 0), 6, 6, {});
  value = it.convolution("binaryConvolution", "stage2.unit1", value, blocks(1, 0), 6, 6, {
    activation: "relu",
    shortcut: halved,
  });
  value = it.add({ kind: "averagePool", name: "mean", input: value, size: 2 });
  it.dense("classifier", value, CLASSES.length);
  return it.operations;
}

function patchesModel() {
  const it = new Builder(2);
  let value = it.convolution("realConvolution", "stem", 0, patches(2), 4, 4, { activation: "relu" });
  value = it.add({ kind: "repeatChannels", name: "wider", input: value, times: 2 });
  const mean = it.add({ kind: "averagePool", name: "gate.mean", input: value, size: 4 });
  const hidden = it.dense("gate.reduce", mean, 3, "relu");
  const factors = it.dense("gate.expand", hidden, 8, "sigmoid");
  value = it.convolution("binaryConvolution", "stage1.unit1", value, grid(3, 1, 1), 8, 8, {
    activation: "rprelu",
    shortcut: value,
    factors,
  });
  const pooled = it.add({ kind: "averagePool", name: "stage2.shortcut", input: value, size: 2 });
  value = it.convolution("binaryConvolution", "stage2.unit1", value, patches(4), 32, 8, {
    activation: "balanced",
    shortcut: pooled,
  });
  value = it.convolution("binaryConvolution", "stage2.unit2", value, grid(3, 2, 1), 5, 5, { activation: "prelu" });
  it.dense("classifier", value, CLASSES.length);
  return it.operations;
}

async function run(backend, operations, input) {
  const mark = backend.mark();
  const network = new RuntimeNetwork(backend, operations, INPUT, 1);
  backend.write(network.input, input);
  network.run();
  const values = Float32Array.from(await backend.read(network.output));
  backend.release(mark);
  return values;
}

/** A convolution whose result is its product. */
function bare({ epilogue: _epilogue, ...operation }) {
  const [scale, bias] = [new Float32Array(operation.filters).fill(1), new Float32Array(operation.filters)];
  return { ...operation, epilogue: { scale, bias, depthToSpace: false } };
}

const sides = ({ height, width, channels }) => [height, width, channels];

async function write(backend, name, operations, seed) {
  const random = new Random(seed);
  const model = {
    network: { name: `vectors-${name}`, width: 1 },
    classes: CLASSES,
    size: SIZE,
    mean: [0.5, 0.45, 0.4],
    standardDeviation: [0.25, 0.3, 0.35],
    operations,
  };
  const pixels = Uint8Array.from({ length: SIZE * SIZE * 3 }, () => Math.floor(256 * random.uniform()));
  const input = Float32Array.from(pixels, (value, i) => (value / 255 - model.mean[i % 3]) / model.standardDeviation[i % 3]);
  const shapes = valueShapes(operations, INPUT);
  const tensors = new Map([
    ["pixels", { type: "uint8", shape: [SIZE, SIZE, 3], data: pixels }],
    ["value0", { type: "float32", shape: [SIZE, SIZE, 3], data: input }],
  ]);
  for (const [index, operation] of operations.entries()) {
    const before = operations.slice(0, index);
    const data = await run(backend, [...before, operation], input);
    tensors.set(`value${index + 1}`, { type: "float32", shape: sides(shapes[index + 1]), data });
    if (!("epilogue" in operation)) continue;
    const sums = await run(backend, [...before, bare(operation)], input);
    const shape = sides(windowMap(operation.windows, shapes[operation.input], operation.filters));
    tensors.set(`sums${index + 1}`, { type: "float32", shape, data: sums });
  }
  const logits = tensors.get(`value${operations.length}`).data;
  const scores = new Map(bestOf(logits, CLASSES, CLASSES.length).map(({ label, score }) => [label, score]));
  tensors.set("scores", {
    type: "float32",
    shape: [CLASSES.length],
    data: Float32Array.from(CLASSES, (label) => scores.get(label)),
  });
  await writeFile(join(folder, `${name}.safetensors`), encodeModel(model, "float16"));
  await writeFile(
    join(folder, `${name}.values.safetensors`),
    encodeSafetensors({ metadata: { format: "rbnet-vectors" }, tensors }),
  );
  console.log(name, operations.length, "operations, logits", [...logits].join(" "));
  // A value near its threshold would make a vector fail for its last bit alone.
  for (const operation of operations) {
    if (operation.kind !== "binaryConvolution") continue;
    const { data } = tensors.get(`value${operation.input}`);
    const { threshold } = operation;
    const nearest = data.reduce((least, value, i) => Math.min(least, Math.abs(value - threshold[i % threshold.length])), 1);
    if (nearest < 1e-5 && nearest > 0)
      throw new Error(`a value of ${operation.name} is ${nearest} from its threshold: take another seed`);
  }
}

// No `using`: Node 20 runs this as it stands.
const backend = await createWasmBackend({ threads: 1, relaxed: false });
await write(backend, "blocks", blocksModel(), 11);
await write(backend, "patches", patchesModel(), 12);
backend[Symbol.dispose]();
