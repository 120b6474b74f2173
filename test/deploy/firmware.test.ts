/**
 * Networks as C: every kind of operation, compiled with all warnings as errors and both sanitizers, gives the runtime's logits to the bit.
 * scripts/check-firmware.mjs does more of it: all test images, other compilers, processors and byte orders.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { Random } from "#rbnet/data/random";
import { planArena } from "#rbnet/deploy/firmware/arena";
import { floatLiteral, stringLiteral } from "#rbnet/deploy/firmware/c-text";
import { writeFirmware } from "#rbnet/deploy/firmware/firmware";
import { reactnet20 } from "#rbnet/networks/birealnet";
import type { NetworkDescription } from "#rbnet/networks/description";
import { Network } from "#rbnet/networks/network";
import { quicknetS } from "#rbnet/networks/quicknet";
import { rbnet20 } from "#rbnet/networks/rbnet";
import { real2binary20 } from "#rbnet/networks/real2binary";
import { resnet18 } from "#rbnet/networks/resnet";
import { decodeModel, encodeModel, type Model } from "#rbnet/runtime/model";
import { RuntimeNetwork } from "#rbnet/runtime/network";
import { valueShapes } from "#rbnet/runtime/operation-shapes";
import { elementsOf } from "#rbnet/runtime/windows";
import { TINY_A } from "../networks/tiny.js";
import { smallModel } from "../runtime/small-model.js";
import { temporaryFolder } from "../temporary-folder.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const compiler = process.env.CC ?? "gcc";
const compiles = spawnSync(compiler, ["--version"]).status === 0;
const STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"];
const SANITIZED = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
const IMAGES = 6;

let backend: Backend;
beforeAll(async () => {
  backend = await createWasmBackend({ threads: 1, relaxed: false });
});
afterAll(() => backend[Symbol.dispose]());

/** A network whose parameters are drawn, so that no two of them can be exchanged unseen. */
async function drawnModel(description: NetworkDescription, spread = 0.1): Promise<Model> {
  const random = new Random(21);
  const mark = backend.mark();
  const network = new Network(backend, description, {
    normal: (count, deviation) => Float32Array.from({ length: count }, () => deviation * random.normal()),
  });
  for (const { value } of [...network.parameters, ...network.states]) {
    const values = await backend.read(value);
    backend.write(
      value,
      Float32Array.from(values, (old) => old + spread * random.uniform()),
    );
  }
  const operations = await network.fold();
  backend.release(mark);
  const { name, width, input, classes } = description;
  return {
    network: { name, width },
    classes: Array.from({ length: classes }, (_, i) => `class ${i}`),
    size: input.height,
    mean: [0.4, 0.5, 0.6],
    standardDeviation: [0.2, 0.3, 0.25],
    operations,
  };
}

function vectors(name: string): Model {
  return decodeModel(readFileSync(join(root, "docs/vectors", `${name}.safetensors`)), name);
}

const MODELS: readonly (readonly [string, () => Promise<Model> | Model])[] = [
  ["blocks, as the test vectors have them", () => vectors("blocks")],
  ["patches, gates and repeated channels", () => vectors("patches")],
  ["an RB-Net with a max pool", () => smallModel(backend, { pooled: true })],
  ["a Real-to-Binary network", () => drawnModel(real2binary20({ classes: 3, width: 0.5, size: 8 }))],
  ["a ReActNet", () => drawnModel(reactnet20({ classes: 3, width: 0.25, size: 8 }))],
  ["MobileNet's blocks", () => drawnModel(TINY_A)],
  ["a QuickNet", () => drawnModel(quicknetS({ classes: 3, width: 1 / 16, size: 32 }))],
  ["a ResNet", () => drawnModel(resnet18({ classes: 3, width: 1 / 16, size: 32 }), 0)],
];

async function runtimeLogits({ operations, size, mean, standardDeviation }: Model, pixels: Uint8Array): Promise<number[][]> {
  const mark = backend.mark();
  const network = new RuntimeNetwork(backend, operations, { height: size, width: size, channels: 3 }, IMAGES);
  const channel = (i: number) => (i % 3) as 0 | 1 | 2;
  backend.write(
    network.input,
    Float32Array.from(pixels, (value, i) => (value / 255 - mean[channel(i)]) / standardDeviation[channel(i)]),
  );
  network.run();
  const all = Array.from(await backend.read(network.output));
  backend.release(mark);
  return Array.from({ length: IMAGES }, (_, i) => all.slice((i * all.length) / IMAGES, ((i + 1) * all.length) / IMAGES));
}

function compile(folder: string, flags: readonly string[]): string {
  const program = join(folder, "program");
  const sources = ["rbnet.c", "model.c"].map((file) => join(folder, file));
  const { status, stderr } = spawnSync(
    compiler,
    [...flags, "-I", folder, ...sources, join(root, "scripts/firmware/host.c"), "-o", program],
    { encoding: "utf8" },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return program;
}

/** Class, logits and scores of each image. */
function run(program: string, pixels: Uint8Array, classes: number): { label: number; logits: number[]; scores: number[] }[] {
  const { status, stdout, stderr } = spawnSync(program, [], { input: pixels, encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout
    .trim()
    .split("\n")
    .map((line) => {
      const numbers = line.split(" ").map(Number);
      const [label = -1, ...rest] = numbers.slice(classes);
      return { label, logits: numbers.slice(0, classes).map(Math.fround), scores: rest.slice(0, classes) };
    });
}

function somePixels(size: number): Uint8Array {
  const random = new Random(5);
  return Uint8Array.from({ length: IMAGES * size * size * 3 }, () => Math.floor(256 * random.uniform()));
}

describe.skipIf(!compiles)("a network in C (skipped without a C compiler)", () => {
  it.each(MODELS)(
    "of %s gives the runtime's logits to the bit, clean under both sanitizers",
    { timeout: 120_000 },
    async (_, make) => {
      // As a file holds it: without the rows of activations that their kind does not learn.
      const model = decodeModel(encodeModel(await make()), "it");
      const folder = temporaryFolder();
      await writeFirmware(folder, model, { maps: "float32", arduino: false });
      const pixels = somePixels(model.size);
      const found = run(compile(folder, [...STRICT, ...SANITIZED]), pixels, model.classes.length);
      const expected = await runtimeLogits(model, pixels);
      expect(found.map(({ logits }) => logits)).toEqual(expected);
      for (const { label, logits, scores } of found) {
        expect(label).toBe(logits.indexOf(Math.max(...logits)));
        expect(scores.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 5);
        const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
        for (const [i, logit] of logits.entries()) expect(scores[i]).toBeCloseTo(Math.exp(logit) / total, 5);
      }
    },
  );

  it("with maps in float16 takes about half the memory, and gives nearly the same logits", { timeout: 60_000 }, async () => {
    const model = await drawnModel(resnet18({ classes: 3, width: 1 / 16, size: 32 }), 0);
    const [whole, half] = [temporaryFolder(), temporaryFolder()];
    const { memoryBytes } = await writeFirmware(whole, model, { maps: "float32", arduino: false });
    const halved = await writeFirmware(half, model, { maps: "float16", arduino: false });
    expect(halved.memoryBytes).toBeLessThan(0.7 * memoryBytes);
    const pixels = somePixels(model.size);
    const found = run(compile(half, [...STRICT, ...SANITIZED]), pixels, 3).flatMap(({ logits }) => logits);
    const expected = (await runtimeLogits(model, pixels)).flat();
    expect(found).not.toEqual(expected);
    for (const [i, logit] of expected.entries()) expect(Math.abs(found[i]! - logit)).toBeLessThan(0.02);
  });
});

describe("the memory of a network in C", () => {
  it.each(MODELS)("of %s has no place for two values that are alive at once", async (_, make) => {
    const { operations, size } = await make();
    const input = { height: size, width: size, channels: 3 };
    const { places, floats } = planArena(operations, input, "float32");
    const shapes = valueShapes(operations, input);
    // What each element of the memory holds, as the operations go by: a value that is read has to be whole still.
    const holds = new Int32Array(floats).fill(-1);
    const rangeOf = (value: number): Int32Array => {
      const begin = places[value - 1]!.offset;
      return holds.subarray(begin, begin + elementsOf(shapes[value]!));
    };
    for (const [index, operation] of operations.entries()) {
      const { shortcut, factors } = "epilogue" in operation ? operation.epilogue : {};
      for (const value of [operation.input, shortcut, factors])
        if (value !== undefined && value > 0) expect(new Set(rangeOf(value))).toEqual(new Set([value]));
      const isPacked = operation.kind === "binaryConvolution";
      if (!isPacked && operation.input > 0) {
        const before = Int32Array.from(rangeOf(operation.input));
        rangeOf(index + 1).fill(index + 1);
        expect(rangeOf(operation.input)).toEqual(before);
      }
      rangeOf(index + 1).fill(index + 1);
    }
    expect(new Set(rangeOf(operations.at(-1)!.input))).toEqual(new Set([operations.at(-1)!.input]));
  });

  it("of rbnet20 is at most 128 KB, half of what its two largest maps take beside each other", async () => {
    const { operations, size } = await drawnModel(rbnet20({ classes: 10, size: 32 }));
    const { bytes } = planArena(operations, { height: size, width: size, channels: 3 }, "float32");
    expect(bytes).toBeLessThanOrEqual(128 * 1024);
  });
});

describe("what a stranger's model says", () => {
  it("is data in C, whatever it contains", async () => {
    const model = vectors("blocks");
    const names = ['"; } int x[', "a\\", "*/ #error ??/", "crème\n"];
    const [first, ...rest] = model.operations;
    const evil = { ...model, classes: names.slice(0, 3), operations: [{ ...first!, name: names[2]! }, ...rest] };
    const folder = join(temporaryFolder(), "evil");
    mkdirSync(folder);
    await writeFirmware(folder, evil, { maps: "float32", arduino: false });
    const source = readFileSync(join(folder, "model.c"), "utf8");
    expect(source).not.toContain("#error");
    if (compiles) compile(folder, [...STRICT, "-O1"]);
    expect(stringLiteral("crème\n")).toBe('"cr\\303\\250me\\012"');
  });

  it("is in literals that give the same float32 back", () => {
    for (const value of [0, -0, 1, -1.5, 1e10, 3.4e38, 1e-40, 0.1, 123456.7].map(Math.fround)) {
      const text = floatLiteral(value);
      expect(text).toMatch(/^-?\d+(\.\d+)?(e[+-]?\d+)?f$/);
      expect(Object.is(Math.fround(Number(text.slice(0, -1))), value)).toBe(true);
    }
  });

  it("comes as a library for the Arduino IDE too", async () => {
    const folder = temporaryFolder();
    const { files } = await writeFirmware(folder, vectors("blocks"), { maps: "float32", arduino: true });
    expect(files).toEqual([
      "library.properties",
      "src/rbnet.h",
      "src/rbnet.c",
      "src/model.h",
      "src/model.c",
      "examples/Classify/Classify.ino",
    ]);
    expect(readFileSync(join(folder, "library.properties"), "utf8")).toMatch(/^name=rbnet_model\nversion=/);
  });
});
