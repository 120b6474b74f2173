/** `rbnet import`: weights under our names become the model that they fold into, and whatever else a file holds gets a sentence. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { Random } from "#rbnet/data/random";
import { Network } from "#rbnet/networks/network";
import { rbnet8 } from "#rbnet/networks/rbnet";
import { decodeModel, encodeModel } from "#rbnet/runtime/model";
import { encodeSafetensors, type StoredFile, type StoredTensor } from "#rbnet/runtime/safetensors";
import { elementCount } from "#rbnet/tensor";
import { rbnet } from "../cli/command.js";
import { temporaryFolder } from "../temporary-folder.js";

const CLASSES = ["cat", "dog"];
const DATA = { classes: CLASSES, size: 16, mean: [0.1, 0.2, 0.3], deviation: [0.4, 0.5, 0.6] };
const description = rbnet8({ classes: 2, width: 0.25, size: 16 });

let folder = "";
let weights: StoredFile;
let model: Uint8Array;

beforeAll(async () => {
  folder = temporaryFolder();
  using backend = await createWasmBackend({ threads: 1 });
  const random = new Random(2);
  const normal = (count: number, deviation: number) => Float32Array.from({ length: count }, () => deviation * random.normal());
  const network = new Network(backend, description, { normal });
  const tensors = new Map<string, StoredTensor>();
  for (const { name, value } of [...network.parameters, ...network.states]) {
    const data = Float32Array.from(await backend.read(value), (old) => old + 0.1 * random.uniform());
    backend.write(value, data);
    tensors.set(name, { type: "float32", shape: value.shape, data });
  }
  const metadata = {
    ...{ format: "rbnet-weights", version: "1", weights: "binary" },
    ...{ network: JSON.stringify(description), data: JSON.stringify(DATA) },
  };
  weights = { metadata, tensors };
  model = encodeModel({
    network: { name: "rbnet8", width: 0.25 },
    classes: CLASSES,
    size: 16,
    mean: [0.1, 0.2, 0.3],
    standardDeviation: [0.4, 0.5, 0.6],
    operations: await network.fold(),
  });
});

function write(name: string, bytes: Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  return file;
}

/** The weights with one tensor in another's place, or gone. */
function withTensor(name: string, change: (tensor: StoredTensor) => StoredTensor | undefined): Uint8Array {
  const tensors = new Map(weights.tensors);
  const changed = change(tensors.get(name)!);
  if (changed === undefined) tensors.delete(name);
  else tensors.set(name, changed);
  return encodeSafetensors({ ...weights, tensors });
}

function importing(file: string, ...words: readonly string[]) {
  return rbnet(["import", file, "--network", "rbnet8", "--out", join(folder, "model.safetensors"), ...words]);
}

describe("rbnet import", () => {
  it("writes the model that the weights fold into, to the bit", async () => {
    const { code, stdout } = await importing(write("weights.safetensors", encodeSafetensors(weights)));
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/model\.safetensors: [\d.]+ KB, rbnet8 \(width 0\.25\) for 2 classes\n$/),
    ]);
    const written = readFileSync(join(folder, "model.safetensors"));
    expect(written.equals(model)).toBe(true);
    expect(decodeModel(written, "it").classes).toEqual(CLASSES);
  });

  const zeros = (shape: readonly number[]): StoredTensor => ({
    type: "float32",
    shape,
    data: new Float32Array(elementCount(shape)),
  });
  it.each<[string, () => Uint8Array, readonly string[], RegExp]>([
    ["a zip of pickles", () => Buffer.from("PK\x03\x04 and more"), [], /is a pickle, as torch\.save writes it/],
    ["a bare pickle", () => Uint8Array.of(0x80, 2, 0x7d, 0x71, 0, 0x2e, 0, 0, 0, 0), [], /is a pickle/],
    [
      // Of 640 bytes: the length begins as pickles do.
      "tensors alone with such a header",
      () => encodeSafetensors({ metadata: { note: "x".repeat(640 - 30) }, tensors: new Map() }),
      [],
      /says nothing of a network/,
    ],
    ["no safetensors", () => Buffer.from("nothing of that"), [], /is not a usable safetensors file/],
    [
      "tensors alone",
      () => encodeSafetensors({ ...weights, metadata: {} }),
      [],
      /says nothing of a network, its classes and pixels/,
    ],
    [
      "a first stage",
      () => encodeSafetensors({ ...weights, metadata: { ...weights.metadata, weights: "real" } }),
      [],
      /is of the first of two stages/,
    ],
    [
      "no classes",
      () => encodeSafetensors({ ...weights, metadata: { ...weights.metadata, data: "{}" } }),
      [],
      /says of its network or data is malformed/,
    ],
    [
      "another network",
      () => encodeSafetensors(weights),
      ["--activation", "prelu"],
      /is not of rbnet8 \(width 0\.25\): activation is absent there, "prelu" in rbnet8/,
    ],
    [
      "a tensor too few",
      () => withTensor("stage2.unit1.latent", () => undefined),
      [],
      /has no tensor stage2\.unit1\.latent, which rbnet8 \(width 0\.25\) needs \(float32 of shape 16 x 8\)/,
    ],
    [
      "a wrong shape",
      () => withTensor("stage2.unit1.latent", () => zeros([8, 16])),
      [],
      /tensor stage2\.unit1\.latent of .* is float32 of shape 8 x 16, but .* needs float32 of shape 16 x 8/,
    ],
    [
      "a tensor too many",
      () => withTensor("head.weights", () => zeros([3])),
      [],
      /has a tensor "head\.weights", which rbnet8 .* has not/,
    ],
    [
      "a diverged training",
      () => withTensor("classifier.bias", () => ({ type: "float32", shape: [2], data: Float32Array.of(Number.NaN, 1) })),
      [],
      /tensor classifier\.bias of .* has values that are not finite/,
    ],
  ])("refuses %s in one sentence", async (name, bytes, words, sentence) => {
    const { code, stderr } = await importing(write(`${name}.safetensors`, bytes()), ...words);
    expect([code, stderr.trim().split("\n").length, stderr]).toEqual([2, 1, expect.stringMatching(sentence)]);
  });
});
