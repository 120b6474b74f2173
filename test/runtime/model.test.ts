/** A model file that was changed is refused in a sentence that says what is wrong with it. */
import { beforeAll, describe, expect, it } from "vitest";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { UserError } from "#rbnet/errors";
import { decodeModel, encodeModel } from "#rbnet/runtime/model";
import { decodeSafetensors, type StoredTensor } from "#rbnet/runtime/safetensors";
import { changed, type Description, described, descriptionIn } from "./changed-model.js";
import { CLASSES, smallModel } from "./small-model.js";

let bytes: Uint8Array;

beforeAll(async () => {
  using backend = createReferenceBackend();
  bytes = encodeModel(await smallModel(backend));
});

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
    expect(refusal(described(bytes, change))).toMatch(sentence);
  });

  it("is no JSON, or missing", () => {
    for (const text of ["", "{", "null", "[]", "7", `${"[".repeat(1e5)}`])
      expect(refusal(changed(bytes, ({ metadata }) => ({ metadata: { ...metadata, model: text } })))).toMatch(
        /description of the network is malformed/,
      );
    expect(refusal(changed(bytes, ({ metadata: { model: _model, ...rest } }) => ({ metadata: rest })))).toMatch(/malformed/);
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
    const file = changed(bytes, ({ metadata }) => ({
      metadata: {
        ...metadata,
        model: JSON.stringify({
          ...descriptionIn(metadata.model),
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
      expect(refusal(changed(bytes, () => ({ tensors: new Map([...tensors].filter(([key]) => key !== name)) })))).toContain(
        `tensor ${name} is missing`,
      );
      const shorter = { type, shape: [data.length - 1], data: data.slice(1) } as StoredTensor;
      expect(refusal(changed(bytes, () => ({ tensors: new Map([...tensors, [name, shorter]]) })))).toContain(
        `tensor ${name} has ${data.length - 1} values`,
      );
      if (type !== "float32") continue;
      const values = Float32Array.from(data, (value, i) => (i === 0 ? Number.NaN : value));
      const broken: StoredTensor = { type, shape: [data.length], data: values };
      expect(refusal(changed(bytes, () => ({ tensors: new Map([...tensors, [name, broken]]) })))).toContain(
        `tensor ${name} has values that are not finite`,
      );
    }
  });
});
