/** Exported graphs compute what the runtime computes: run by onnxruntime, and looked at by ONNX's own checker. */
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { Loader } from "#rbnet/data/loading/loader";
import { Random } from "#rbnet/data/random";
import { readModelFile } from "#rbnet/deploy/model-file";
import { ONNX_WEIGHTS, type OnnxOptions, onnxModel } from "#rbnet/export/onnx/model-graph";
import { networkByName, networkNames, type Variation } from "#rbnet/networks/catalogue";
import { Network } from "#rbnet/networks/network";
import { activationKinds, activationOf, learnedValues } from "#rbnet/runtime/activation";
import { createClassifier } from "#rbnet/runtime/classifier";
import type { Model } from "#rbnet/runtime/model";
import { outputShape } from "#rbnet/runtime/operation-shapes";
import type { Operation } from "#rbnet/runtime/operations";
import { elementsOf, spreadOf, tapCount, type Windows, windowMap } from "#rbnet/runtime/windows";
import { wordsFor } from "#rbnet/tensor";
import { openEvaluationData } from "#rbnet/training/evaluation-data";
import { peerPython } from "../../../bench/peer-python.js";
import { CLASSES, smallModel } from "../../runtime/small-model.js";
import { temporaryFolder } from "../../temporary-folder.js";
import { GraphRun, hasOnnxRuntime, ownAnswer } from "./onnx-runtime.js";

/** Of CIFAR-10's test images; all of them where it is said. */
const TRIED_IMAGES = Number(process.env.RBNET_TRIED_IMAGES ?? 100);

const PLAIN: OnnxOptions = { weights: "int8", pixels: false };

/** Of a network of the catalogue on random weights, none of which is where training starts. */
async function randomModel(backend: Backend, name: string, variation: Variation = {}): Promise<Model> {
  const mark = backend.mark();
  const random = new Random(7);
  const { input } = networkByName(name, { classes: 5 });
  const size = Math.min(input.height, 64);
  // The family and QuickNet have up to a hundred million weights at width 1.
  const width = /^(rbnet|quicknet)-/.test(name) ? 0.125 : 0.25;
  const description = networkByName(name, { classes: 5, width, size, ...variation });
  const normal = (count: number, deviation: number) => Float32Array.from({ length: count }, () => deviation * random.normal());
  const network = new Network(backend, description, { normal });
  for (const { value } of [...network.parameters.filter(({ kind }) => kind === "other"), ...network.states]) {
    const values = await backend.read(value);
    backend.write(
      value,
      Float32Array.from(values, (old) => old + 0.1 * random.uniform()),
    );
  }
  const operations = (await network.fold()).map(withFixedRows);
  backend.release(mark);
  const classes = ["a", "b", "c", "d", "e"];
  return { network: { name, width }, classes, size, mean: [0, 0, 0], standardDeviation: [1, 1, 1], operations };
}

/** What a kind of activation does not learn is what it is for all of them. */
function withFixedRows(operation: Operation): Operation {
  if (!("epilogue" in operation) || operation.epilogue.activation === undefined) return operation;
  const { kind, values } = operation.epilogue.activation;
  const activation = activationOf(kind, learnedValues({ kind, values }), values.length / 4);
  return { ...operation, epilogue: { ...operation.epilogue, activation } };
}

function bestOf(scores: Float32Array): number {
  return scores.indexOf(Math.max(...scores));
}

function modelOf(operations: readonly Operation[], size: number, outputs: number): Model {
  const classes = Array.from({ length: outputs }, (_, i) => `class ${i}`);
  return { network: { name: "tried", width: 1 }, classes, size, mean: [0, 0, 0], standardDeviation: [1, 1, 1], operations };
}

/** Whole numbers, of which sums and products are exact. */
function wholes(random: Random, count: number, most: number): Float32Array {
  return Float32Array.from({ length: count }, () => random.integer(2 * most + 1) - most);
}

/** Windows as a model file may have them, those that reach over the border included. */
const windows: fc.Arbitrary<Windows> = fc.oneof(
  fc.record({
    kind: fc.constant("grid" as const),
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 3 }),
    padding: fc.integer({ min: 0, max: 2 }),
  }),
  fc.record({
    kind: fc.constant("blocks" as const),
    dilation: fc.integer({ min: 1, max: 4 }),
    shift: fc.constantFrom(0 as const, 1 as const),
  }),
  fc.record({ kind: fc.constant("patches" as const), size: fc.integer({ min: 2, max: 4 }) }),
);

const tried = fc.record({
  windows,
  size: fc.integer({ min: 4, max: 11 }),
  isBinary: fc.boolean(),
  isLaidBack: fc.boolean(),
  hasFactors: fc.boolean(),
  activation: fc.constantFrom(undefined, ...activationKinds),
  weights: fc.constantFrom(...ONNX_WEIGHTS),
  seed: fc.integer({ min: 1, max: 1000 }),
});

/** A convolution with all that may follow it, on whole numbers. */
function triedOperations(one: typeof tried extends fc.Arbitrary<infer T> ? T : never): readonly Operation[] {
  const random = new Random(one.seed);
  const from = { height: one.size, width: one.size, channels: 3 };
  const spread = one.isLaidBack ? spreadOf(one.windows, from) : undefined;
  const filters = spread === undefined ? 4 : 2 * tapCount(spread.windows);
  const inputs = 3 * tapCount(one.windows);
  const channels = spread === undefined ? filters : 2;
  const gate: Operation = {
    kind: "dense",
    name: "gate",
    input: 1,
    filters,
    weights: wholes(random, 3 * filters, 2),
    bias: wholes(random, filters, 2),
    activation: "relu",
  };
  const values = wholes(random, 4 * channels, 2);
  const epilogue = {
    scale: wholes(random, filters, 3),
    bias: wholes(random, filters, 3),
    ...(one.hasFactors ? { factors: 2 } : {}),
    ...(one.activation === undefined
      ? {}
      : { activation: activationOf(one.activation, learnedValues({ kind: one.activation, values }), channels) }),
    depthToSpace: spread !== undefined,
  };
  const shared = { name: "tried", input: 0, windows: one.windows, filters, epilogue };
  const pool: Operation = { kind: "averagePool", name: "pool", input: 0, size: one.size };
  if (!one.isBinary) return [pool, gate, { kind: "realConvolution", ...shared, weights: wholes(random, inputs * filters, 3) }];
  const weights = new Uint32Array(filters * wordsFor(inputs));
  for (let n = 0; n < filters; n++)
    for (let k = 0; k < inputs; k++) if (random.integer(2) === 1) weights[n * wordsFor(inputs) + (k >> 5)]! |= 1 << (k & 31);
  return [pool, gate, { kind: "binaryConvolution", ...shared, weights, threshold: wholes(random, 3, 1) }];
}

describe.skipIf(!hasOnnxRuntime)("an exported graph", { timeout: 120_000 }, () => {
  it("gives the runtime's numbers for every kind of windows and all that may follow them, also over the border", async () => {
    using backend = await createWasmBackend({ threads: 1 });
    await fc.assert(
      fc.asyncProperty(tried, async (one) => {
        const operations = triedOperations(one);
        const from = { height: one.size, width: one.size, channels: 3 };
        const map = windowMap(one.windows, from, 1);
        fc.pre(map.height > 0 && map.width > 0);
        const outputs = elementsOf(outputShape(operations[2]!, from));
        const model = modelOf(operations, one.size, outputs);
        const images = wholes(new Random(one.seed + 1), 2 * 3 * one.size ** 2, 2);
        const graph = await GraphRun.open(onnxModel(model, { weights: one.weights, pixels: false }), one.size);
        const { data, dims } = await graph.run(images);
        await graph.close();
        expect(dims).toEqual([2, outputs]);
        const own = await ownAnswer(backend, model, images);
        // All but the mean is exact, and a wrong value is off by one at least.
        expect(data.findIndex((value, i) => !(Math.abs(value - own[i]!) < 0.01))).toBe(-1);
      }),
      { numRuns: 60 },
    );
  });

  it("takes a value at its threshold for +1, and zero of either sign too", async () => {
    using backend = await createWasmBackend({ threads: 1 });
    const epilogue = { scale: Float32Array.of(1), bias: Float32Array.of(0), depthToSpace: false };
    const operation: Operation = {
      ...{ kind: "binaryConvolution", name: "signs", input: 0, filters: 1, epilogue },
      windows: { kind: "grid", kernel: 1, stride: 1, padding: 0 },
      threshold: Float32Array.of(0, 0, 0.1),
      weights: Uint32Array.of(0b111),
    };
    const images = Float32Array.of(0, -0, 0.1);
    const model = modelOf([operation], 1, 1);
    const graph = await GraphRun.open(onnxModel(model, PLAIN), 1);
    expect([...(await graph.run(images)).data]).toEqual([3]);
    expect([...(await ownAnswer(backend, model, images))]).toEqual([3]);
    await graph.close();
  });

  const varied: [string, Variation][] = [
    ["rbnet8", { activation: "prelu", learnThreshold: false, shortcut: "repeated" }],
    ["rbnet20", { stem: "patches", halving: "4x4", shortcut: "repeated", gated: "late" }],
  ];
  it.each([...networkNames.map((name): [string, Variation] => [name, {}]), ...varied])(
    "of %s (%o) gives the runtime's scores within float32 rounding",
    async (name, variation) => {
      using backend = await createWasmBackend({ threads: 1 });
      const model = await randomModel(backend, name, variation);
      const images = Float32Array.from(
        { length: 4 * 3 * model.size ** 2 },
        (() => {
          const random = new Random(9);
          return () => random.normal();
        })(),
      );
      const graph = await GraphRun.open(onnxModel(model, PLAIN), model.size);
      const { data } = await graph.run(images);
      await graph.close();
      const own = await ownAnswer(backend, model, images);
      const largest = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const off = Array.from({ length: 4 }, (_, image) =>
        Math.max(...Array.from({ length: 5 }, (_, i) => Math.abs(data[image * 5 + i]! - own[image * 5 + i]!) / largest)),
      ).sort((a, b) => a - b);
      // A value next to its threshold may fall to the other side by rounding, which changes the image it is of, and no other.
      expect(off[2]).toBeLessThan(1e-4);
    },
  );

  it("takes bytes of pixels where it is to, and gives what a classifier gives", async () => {
    const backend = await createWasmBackend({ threads: 1 });
    const model = await smallModel(backend);
    const graph = await GraphRun.open(onnxModel(model, { weights: "int8", pixels: true }), model.size);
    expect(graph.session.inputNames).toEqual(["pixels"]);
    const random = new Random(5);
    const bytes = Uint8Array.from({ length: 3 * model.size ** 2 }, () => random.integer(256));
    const logits = [...(await graph.run(bytes)).data];
    await graph.close();
    using classify = createClassifier<Uint8Array>(model, backend, (image) => image);
    const predictions = await classify(bytes);
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    for (const { label, score } of predictions)
      expect(Math.exp(logits[model.classes.indexOf(label)]!) / total).toBeCloseTo(score, 4);
  });

  const cifar10 = fileURLToPath(new URL("../../../../shared/data/cifar10", import.meta.url));
  it.skipIf(!existsSync(cifar10))(
    "of the shipped model labels test images of CIFAR-10 as the runtime does",
    { timeout: 60_000 + 100 * TRIED_IMAGES },
    async () => {
      using backend = await createWasmBackend({ threads: 1 });
      const model = await readModelFile("rbnet20-cifar10");
      const { set } = await openEvaluationData(join(cifar10, "test"), model, undefined, ["test"], {});
      const { size, mean, standardDeviation } = model;
      const options = {
        batch: Math.min(250, TRIED_IMAGES),
        size,
        mean,
        standardDeviation,
        seed: 0,
        shuffle: false,
        dropLast: false,
      } as const;
      await using loader = new Loader(set, options);
      const graph = await GraphRun.open(onnxModel(model, PLAIN), size);
      let [images, right] = [0, 0];
      const different: string[] = [];
      for await (const batch of loader.epoch(0)) {
        const { data } = await graph.run(batch.images);
        const own = await ownAnswer(backend, model, batch.images);
        for (let i = 0; i < batch.count; i++) {
          const label = bestOf(data.subarray(10 * i, 10 * i + 10));
          if (label !== bestOf(own.subarray(10 * i, 10 * i + 10))) different.push(set.nameOf(images));
          images++;
          if (label === batch.labels[i]) right++;
        }
        batch.release();
        if (images >= TRIED_IMAGES) break;
      }
      await graph.close();
      // Rounding takes a value across its threshold now and then, and with it, where two classes are next to each other, a label.
      expect(images).toBe(TRIED_IMAGES);
      expect(different.length).toBeLessThanOrEqual(Math.max(1, images / 1000));
      expect(right / images).toBeGreaterThan(0.7);
      console.info(`${different.length} of ${images} labels differ (${different.join()}), ${right} are right`);
    },
  );
});

const python = peerPython(process.env);
const hasChecker = python !== undefined && spawnSync(python, ["-c", "import onnx"], { encoding: "utf8" }).status === 0;
if (!hasChecker) console.warn("there is no Python with onnx (bench/peers/setup.sh): ONNX's checker is skipped");

const CHECK = `
import json, sys, onnx
for path in sys.argv[1:]:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    shape = inferred.graph.output[0].type.tensor_type.shape.dim
    print(json.dumps({
        "opset": model.opset_import[0].version, "ir": model.ir_version,
        "output": [side.dim_param or side.dim_value for side in shape],
        "types": sorted({onnx.TensorProto.DataType.Name(one.data_type) for one in model.graph.initializer}),
        "metadata": {entry.key: json.loads(entry.value) for entry in model.metadata_props},
    }))
`;

describe.skipIf(!hasChecker)("ONNX's checker", { timeout: 60_000 }, () => {
  it("finds nothing wrong with graphs of every network, whose shapes it can infer, and reads classes and preprocessing", async () => {
    using backend = await createWasmBackend({ threads: 1 });
    const folder = temporaryFolder();
    const models: Model[] = [];
    for (const name of networkNames) models.push(await randomModel(backend, name));
    const small = await smallModel(backend, { pooled: true });
    const files = [...models, small].map((model, i) => {
      const file = join(folder, `${i}.onnx`);
      writeFileSync(file, onnxModel(model, { weights: ONNX_WEIGHTS[i % 3]!, pixels: model === small }));
      return file;
    });
    const { status, stdout, stderr } = spawnSync(python!, ["-c", CHECK, ...files], { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
    const found = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    for (const [i, { types, ...said }] of found.entries()) {
      const weights = ONNX_WEIGHTS[i % 3]!;
      const isBinary = i === models.length || !networkNames[i]!.startsWith("resnet");
      const version = isBinary && weights === "int2" ? { opset: 25, ir: 13 } : { opset: 17, ir: 8 };
      expect(said).toMatchObject({ ...version, output: ["batch", i === models.length ? CLASSES.length : 5] });
      const small = isBinary && weights !== "float32" ? [weights.toUpperCase()] : [];
      expect(types.filter((type: string) => type.startsWith("INT") && type !== "INT64")).toEqual(small);
    }
    expect(found.at(-1).metadata).toEqual({
      network: small.network,
      classes: small.classes,
      preprocessing: expect.objectContaining({
        centreCrop: small.size,
        mean: small.mean,
        standardDeviation: small.standardDeviation,
      }),
    });
  });
});
