/** A model file gives back the network that was written. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { Random } from "#rbnet/data/random";
import { readModelFile, writeModelFile } from "#rbnet/deploy/model-file";
import { UserError } from "#rbnet/errors";
import { reactnet20 } from "#rbnet/networks/birealnet";
import { Network } from "#rbnet/networks/network";
import { rbnet18, rbnet20 } from "#rbnet/networks/rbnet";
import { real2binary20 } from "#rbnet/networks/real2binary";
import { resnet18 } from "#rbnet/networks/resnet";
import { xnornet20 } from "#rbnet/networks/xnornet";
import { decodeModel, encodeModel, type Model } from "#rbnet/runtime/model";
import { RuntimeNetwork } from "#rbnet/runtime/network";
import { decodeSafetensors, encodeSafetensors } from "#rbnet/runtime/safetensors";
import { TINY_A, TINY_PATCHES } from "../networks/tiny.js";
import { changed, described, descriptionIn } from "../runtime/changed-model.js";
import { SIZE, smallModel } from "../runtime/small-model.js";
import { temporaryFolder } from "../temporary-folder.js";

let backend: Backend;
let model: Model;
let bytes: Uint8Array;
let folder = "";

beforeAll(async () => {
  folder = temporaryFolder();
  backend = await createWasmBackend({ threads: 1 });
  model = await smallModel(backend);
  bytes = encodeModel(model);
});
afterAll(() => {
  backend[Symbol.dispose]();
});

async function logitsOf({ operations, size }: Model): Promise<readonly number[]> {
  const mark = backend.mark();
  try {
    const network = new RuntimeNetwork(backend, operations, { height: size, width: size, channels: 3 }, 2);
    const random = new Random(9);
    backend.write(
      network.input,
      Float32Array.from({ length: 2 * size * size * 3 }, () => random.normal()),
    );
    network.run();
    return Array.from(await backend.read(network.output));
  } finally {
    backend.release(mark);
  }
}

describe("a model file", () => {
  it("gives back the same model, with the same logits to the bit", async () => {
    const path = join(folder, "model.safetensors");
    expect(await writeModelFile(path, model)).toBe(readFileSync(path).length);
    const found = await readModelFile(path);
    expect(found).toEqual(model);
    const logits = await logitsOf(model);
    expect(await logitsOf(found)).toEqual(logits);
    expect(new Set(logits).size).toBe(6);
  });

  it.each([
    ["max pools and ReLU", resnet18({ classes: 3, width: 1 / 16, size: 32 })],
    ["blocks of binary units", xnornet20({ classes: 3, width: 0.25, size: 8 })],
    ["gates", real2binary20({ classes: 3, width: 0.5, size: 8 })],
    ["repeated channels", TINY_A],
    ["patches, laid on half the map or not", TINY_PATCHES],
    ["RPReLU", reactnet20({ classes: 3, width: 0.25, size: 8 })],
    ["PReLU", { ...rbnet20({ classes: 3, width: 0.25, size: 8 }), activation: "prelu" as const }],
  ])("gives back %s", async (_, description) => {
    const random = new Random(12);
    const drawn = (count: number, standardDeviation: number): Float32Array =>
      Float32Array.from({ length: count }, () => standardDeviation * random.normal());
    const mark = backend.mark();
    const network = new Network(backend, description, { normal: drawn });
    for (const { name, value } of network.parameters) {
      if (!name.endsWith(".activation")) continue;
      // Rows that a kind does not learn stay as they are.
      const values = Float32Array.from(await backend.read(value), (old) => (old === 0.25 ? 0.25 + random.normal() / 8 : old));
      backend.write(value, values);
    }
    const written: Model = {
      ...model,
      classes: ["a", "b", "c"],
      size: description.input.height,
      operations: await network.fold(),
    };
    backend.release(mark);
    const found = decodeModel(encodeModel(written), "model");
    expect(found.operations).toEqual(written.operations);
    expect(await logitsOf(found)).toEqual(await logitsOf(written));
  });

  it("holds its real parameters in half the bytes as float16, each within a rounding of itself", () => {
    const half = encodeModel(model, "float16");
    const [whole, rounded] = [bytes, half].map((file) => decodeSafetensors(file, "model").tensors);
    for (const [name, { type, data }] of whole!) {
      const found = rounded!.get(name)!;
      expect(found.type).toBe(type === "float32" ? "float16" : type);
      if (type !== "float32") expect(found.data).toEqual(data);
    }
    const [before, after] = [model, decodeModel(half, "it")].map(({ operations }) =>
      operations.flatMap((operation) => ("threshold" in operation ? [...operation.threshold] : [])),
    );
    expect(after!.length).toBe(before!.length);
    for (const [i, value] of before!.entries())
      expect(Math.abs(after![i]! - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -11);
  });

  it("that has a number too large for float16 says so, and to use float32", () => {
    const [first, ...rest] = model.operations;
    if (first?.kind !== "realConvolution") throw new Error("the stem is a real convolution");
    const large = { ...model, operations: [{ ...first, weights: first.weights.map(() => 1e6) }, ...rest] };
    expect(() => encodeModel(large, "float16")).toThrow(/1000000 is more than float16 can hold; write it in float32/);
    expect(() => encodeModel(large, "float16")).toThrow(UserError);
  });

  it("packs its binary weights: a bit each, and no more", () => {
    const binary = model.operations.filter((operation) => operation.kind === "binaryConvolution");
    const { tensors } = decodeSafetensors(bytes, "model");
    const words = [...tensors.values()].filter(({ type }) => type === "uint32").reduce((sum, { data }) => sum + data.length, 0);
    expect(words).toBe(binary.reduce((sum, { weights }) => sum + weights.length, 0));
    expect(binary.length).toBe(6);
  });

  it("of rbnet18 with 1,000 classes takes at most 4 MB with its real parameters in float16", { timeout: 60_000 }, async () => {
    using own = await createWasmBackend({ threads: 1 });
    const network = new Network(own, rbnet18({ classes: 1_000 }), { normal: (count) => new Float32Array(count).fill(0.01) });
    const classes = Array.from({ length: 1_000 }, (_, i) => `class ${i}`);
    const file = encodeModel({ ...model, classes, size: 224, operations: await network.fold() }, "float16");
    expect(file.length).toBeLessThan(4e6);
    expect(file.length).toBeGreaterThan(3e6);
  });

  it("that cannot be read, or is something else, is refused", async () => {
    await expect(readModelFile(join(folder, "nothing"))).rejects.toThrow(
      /cannot read the model .*nothing \(ENOENT\); give the path/,
    );
    await expect(readModelFile(temporaryFolder())).rejects.toThrow(/cannot read the model .* \(ENOENT\); give the path/);
    const text = join(folder, "text.safetensors");
    writeFileSync(text, "a text, and no model");
    await expect(readModelFile(text)).rejects.toThrow(UserError);
    const other = encodeSafetensors({ metadata: { format: "pt" }, tensors: new Map() });
    expect(() => decodeModel(other, "it")).toThrow(/not an rbnet model \(its format is "pt"\)/);
    const later = changed(bytes, ({ metadata }) => ({ metadata: { ...metadata, version: "4" } }));
    expect(() => decodeModel(later, "it")).toThrow(/format version "4", this rbnet reads 3 and 2; use the rbnet that wrote it/);
  });

  it("says how a file becomes its input, and is refused where this rbnet would do it otherwise", () => {
    const { model: text } = decodeSafetensors(bytes, "model").metadata;
    expect(descriptionIn(text)).toMatchObject({
      preprocessing: { orientation: "exif", alpha: "white", shorterSide: SIZE, filter: "lanczos3", crop: "centre" },
    });
    const other = described(bytes, (it) => Object.assign(it.preprocessing as object, { shorterSide: 20 }));
    expect(() => decodeModel(other, "it")).toThrow(
      /shorter side is scaled to 20 pixels, this rbnet scales to 16 for an input of 16; use the rbnet that wrote it$/,
    );
    expect(() => decodeModel(other, "it")).toThrow(UserError);
  });

  it("of version 2, without preparation and shapes and with other words for activations, is the same model", async () => {
    const WORDS: Readonly<Record<string, unknown>> = { none: false, balanced: true };
    for (const pooled of [false, true]) {
      const written = await smallModel(backend, { pooled });
      const file = decodeSafetensors(encodeModel(written), "model");
      const { preprocessing: _preprocessing, operations, ...rest } = descriptionIn(file.metadata.model);
      const old = operations.map(({ shape: _shape, activation, epilogue, ...item }) => {
        if (epilogue !== undefined) {
          const { activation: word, ...laid } = epilogue as { activation: string };
          return { ...item, epilogue: { ...laid, activation: WORDS[word] ?? word } };
        }
        return activation === undefined || activation === "none" ? item : { ...item, activation };
      });
      const metadata = { ...file.metadata, version: "2", model: JSON.stringify({ ...rest, operations: old }) };
      const read = decodeModel(encodeSafetensors({ ...file, metadata }), "it");
      expect(read).toEqual(decodeModel(encodeModel(written), "it"));
      const mixed = { ...metadata, version: "3" };
      expect(() => decodeModel(encodeSafetensors({ ...file, metadata: mixed }), "it")).toThrow(/malformed at/);
    }
  });
});
