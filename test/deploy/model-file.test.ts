/** A model file gives back the network that was written, and a changed one is refused in a sentence or is a sound network all the same. */
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
import { decodeSafetensors, encodeSafetensors, type StoredFile, type StoredTensor } from "#rbnet/runtime/safetensors";
import { TINY_A, TINY_PATCHES } from "../networks/tiny.js";
import { CLASSES, SIZE, smallModel } from "../runtime/small-model.js";
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
    const later = changed(({ metadata }) => ({ metadata: { ...metadata, version: "4" } }));
    expect(() => decodeModel(later, "it")).toThrow(/format version "4", this rbnet reads 3 and 2; use the rbnet that wrote it/);
  });

  it("says how a file becomes its input, and is refused where this rbnet would do it otherwise", () => {
    const { model: text } = decodeSafetensors(bytes, "model").metadata;
    expect(description(text)).toMatchObject({
      preprocessing: { orientation: "exif", alpha: "white", shorterSide: SIZE, filter: "lanczos3", crop: "centre" },
    });
    const other = described((it) => Object.assign(it.preprocessing as object, { shorterSide: 20 }));
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
      const { preprocessing: _preprocessing, operations, ...rest } = JSON.parse(file.metadata.model ?? "") as Description;
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

/** The description in a file, as JSON that may be bent. */
interface Description {
  [key: string]: unknown;
  operations: Record<string, unknown>[];
}

function changed(change: (file: StoredFile) => Partial<StoredFile>): Uint8Array {
  const file = decodeSafetensors(bytes, "model");
  return encodeSafetensors({ ...file, ...change(file) });
}

function described(change: (description: Description) => unknown): Uint8Array {
  return changed(({ metadata }) => {
    const description = JSON.parse(metadata.model ?? "") as Description;
    change(description);
    return { metadata: { ...metadata, model: JSON.stringify(description) } };
  });
}

function refusal(file: Uint8Array): string {
  try {
    decodeModel(file, "it");
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    expect(error.message).toMatch(/^the model it is damaged: [^\n]{3,300}; get a fresh copy$/);
    return error.message;
  }
  throw new Error("the file was accepted");
}

describe("a description is refused that", () => {
  const on = (index: number, change: object) => (description: Description) => {
    description.operations[index] = { ...description.operations[index], ...change };
  };
  const onEpilogue = (index: number, change: object) => (description: Description) => {
    const operation = description.operations[index]!;
    operation.epilogue = { ...(operation.epilogue as object), ...change };
  };
  const cases: readonly (readonly [string, (description: Description) => unknown, RegExp])[] = [
    ["has no operations", (it) => Object.assign(it, { operations: [] }), /malformed at operations/],
    ["has an unknown operation", on(1, { kind: "eval" }), /malformed at operations\.1\.kind/],
    ["says more than it should", on(1, { code: "process.exit()" }), /malformed at operations\.1/],
    ["has a name twice", on(1, { name: "stem1" }), /it has two operations named "stem1"/],
    ["has an operation without a name", on(1, { name: undefined }), /malformed at operations\.1\.name/],
    ["has no classes", (it) => Object.assign(it, { classes: [] }), /malformed at classes/],
    ["is of huge images", (it) => Object.assign(it, { size: 1e9 }), /malformed at size/],
    ["is of images of half a pixel", (it) => Object.assign(it, { size: 0.5 }), /malformed at size/],
    ["is of larger images than its pool", (it) => Object.assign(it, { size: 64 }), /dense, but reads a map of/],
    ["is of smaller images than its pool", (it) => Object.assign(it, { size: 1 }), /pools|shortcut/],
    ["divides by a deviation of 0", (it) => Object.assign(it, { deviation: [1, 0, 1] }), /malformed at deviation\.1/],
    ["has two means", (it) => Object.assign(it, { mean: [0, 0] }), /malformed at mean/],
    ["has a class too many", (it) => Object.assign(it, { classes: [...CLASSES, "more"] }), /one score for each of its 4 classes/],
    ["reads a value that comes later", on(1, { input: 5 }), /operation 1 reads value 5, which does not exist yet/],
    ["reads its own value", on(1, { input: 2 }), /operation 1 reads value 2, which does not exist yet/],
    ["reads a value before the first", on(1, { input: -1 }), /malformed at operations\.1\.input/],
    ["adds a value that comes later", onEpilogue(1, { shortcut: 9 }), /shortcut of operation 1 does not fit/],
    ["adds a value of another shape", onEpilogue(1, { shortcut: 0 }), /shortcut of operation 1 does not fit/],
    [
      "repeats channels without end",
      (it) => it.operations.push({ kind: "repeatChannels", name: "more", input: 0, times: 1e6, shape: [1, 1, 1] }),
      /malformed at operations\.\d+\.times/,
    ],
    ["weighs by a map", onEpilogue(1, { factors: 0 }), /operation 1 has not one factor for each of its \d+ filters/],
    ["weighs by a value that comes later", onEpilogue(1, { factors: 9 }), /operation 1 has not one factor/],
    [
      "bends scores as nothing does",
      (it) => Object.assign(it.operations.at(-1)!, { activation: "tanh" }),
      /malformed at operations\.\d+\.activation/,
    ],
    ["has other filters", on(0, { filters: 16 }), /tensor stem1\.scale has 8 values of float32, not 16 of float32 or float16/],
    ["has a million filters", on(0, { filters: 1e6 }), /malformed at operations\.0\.filters/],
    ["has other windows", on(0, { windows: { kind: "grid", kernel: 5, stride: 1, padding: 2 } }), /tensor stem1\.weights has/],
    ["has windows that fit nowhere", on(4, { windows: { kind: "grid", kernel: 15, stride: 1, padding: 0 } }), /empty result/],
    ["spreads filters over a grid", onEpilogue(0, { depthToSpace: true }), /spreads filters over windows that are no blocks/],
    [
      "spreads filters over patches of an odd side",
      (it) => {
        const [stem] = it.operations;
        Object.assign(stem!, { windows: { kind: "patches", size: 3 } });
        Object.assign(stem!.epilogue as object, { depthToSpace: true });
      },
      /spreads filters over windows that are no blocks/,
    ],
    [
      "spreads filters that do not fill its patches",
      (it) => {
        const [stem] = it.operations;
        Object.assign(stem!, { windows: { kind: "patches", size: 4 }, filters: 6 });
        Object.assign(stem!.epilogue as object, { depthToSpace: true });
      },
      /spreads 6 filters over 4 pixels/,
    ],
    ["has patches of a single pixel", on(0, { windows: { kind: "patches", size: 1 } }), /malformed at operations\.0\.windows/],
    [
      "asks for an activation that is not there",
      onEpilogue(4, { activation: "balanced" }),
      /tensor stage2\.unit1\.shortcut\.activation is missing/,
    ],
    ["takes a real layer for a binary one", on(0, { kind: "binaryConvolution" }), /has \d+ values of float32, not \d+ of uint32/],
    [
      "pools more than there is",
      (it) => Object.assign(it.operations.at(-2)!, { size: 100 }),
      /pools 100 pixels of a map of 2 x 2/,
    ],
    [
      "pools less than there is",
      (it) => Object.assign(it.operations.at(-2)!, { size: 1 }),
      /dense, but reads a map of 2 x 2 instead of one pixel/,
    ],
    [
      "bends maps by a word of version 2",
      onEpilogue(1, { activation: true }),
      /malformed at operations\.1\.epilogue\.activation/,
    ],
    [
      "says another shape of a value than it has",
      on(1, { shape: [8, 8, 9] }),
      /says that operation 1 gives 8 x 8 x 9 values, but it gives 8 x 8 x 8/,
    ],
    ["ends before its classifier", (it) => it.operations.pop(), /one score for each/],
    [
      "asks for maps without end",
      (it) => {
        it.size = 4096;
        it.operations[0]!.filters = 65_536;
      },
      /asks for more memory than an image classifier needs/,
    ],
    [
      "asks for windows without end",
      (it) => {
        it.size = 4096;
        it.operations[0]!.windows = { kind: "grid", kernel: 15, stride: 1, padding: 7 };
      },
      /asks for more memory/,
    ],
    [
      "asks for values without end",
      (it) => {
        it.size = 2048;
        it.operations = Array.from({ length: 10_000 }, (_, input) => ({
          kind: "averagePool",
          name: `pool${input}`,
          input,
          size: 1,
          shape: [2048, 2048, 3],
        }));
      },
      /asks for more memory/,
    ],
  ];

  it.each(cases)("%s", (_what, change, sentence) => {
    expect(refusal(described(change))).toMatch(sentence);
  });

  it("is no JSON, or missing", () => {
    for (const text of ["", "{", "null", "[]", "7", `${"[".repeat(1e5)}`])
      expect(refusal(changed(({ metadata }) => ({ metadata: { ...metadata, model: text } })))).toMatch(
        /description of the network is malformed/,
      );
    expect(refusal(changed(({ metadata: { model: _model, ...rest } }) => ({ metadata: rest })))).toMatch(/malformed/);
  });

  it("sums more signs than kernels can", () => {
    const channels = 2900;
    const stem = {
      kind: "realConvolution",
      name: "stem",
      input: 0,
      windows: { kind: "grid", kernel: 1, stride: 1, padding: 0 },
      filters: channels,
    };
    const wide = {
      kind: "binaryConvolution",
      name: "wide",
      input: 1,
      windows: { kind: "blocks", dilation: 1, shift: 0 },
      filters: 4,
    };
    const epilogue = { activation: "none", depthToSpace: false };
    const shape = [1, 1, 1];
    const data = (length: number) => ({ type: "float32", shape: [length], data: new Float32Array(length) }) as const;
    const file = changed(({ metadata }) => ({
      metadata: {
        ...metadata,
        model: JSON.stringify({
          ...description(metadata.model),
          operations: [stem, wide].map((item) => ({ ...item, shape, epilogue })),
        }),
      },
      tensors: new Map([
        ["stem.scale", data(channels)],
        ["stem.bias", data(channels)],
        ["stem.weights", data(3 * channels)],
      ]),
    }));
    expect(refusal(file)).toMatch(/operation 1 sums 11600 signs, at most 11584 are possible/);
  });

  it("lacks any of its tensors, or has one of another length or with a value that is not finite", () => {
    const { tensors } = decodeSafetensors(bytes, "model");
    for (const [name, tensor] of tensors) {
      const { type, data } = tensor;
      expect(refusal(changed(() => ({ tensors: new Map([...tensors].filter(([key]) => key !== name)) })))).toContain(
        `tensor ${name} is missing`,
      );
      const shorter = { type, shape: [data.length - 1], data: data.slice(1) } as StoredTensor;
      expect(refusal(changed(() => ({ tensors: new Map([...tensors, [name, shorter]]) })))).toContain(
        `tensor ${name} has ${data.length - 1} values`,
      );
      if (type !== "float32") continue;
      const values = Float32Array.from(data, (value, i) => (i === 0 ? Number.NaN : value));
      const broken: StoredTensor = { type, shape: [data.length], data: values };
      expect(refusal(changed(() => ({ tensors: new Map([...tensors, [name, broken]]) })))).toContain(
        `tensor ${name} has values that are not finite`,
      );
    }
  });
});

function description(text: string | undefined): object {
  return JSON.parse(text ?? "") as object;
}
