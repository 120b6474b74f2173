/** A network that was unfolded from a model file is the one that was folded into it: deployed to the score, in training on its images. */
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import type { ImageSet } from "#rbnet/data/dataset";
import { shapes } from "#rbnet/data/shapes/shapes";
import { writeParts } from "#rbnet/layers/parameters";
import type { NetworkDescription } from "#rbnet/networks/description";
import { Network } from "#rbnet/networks/network";
import { type ProductStatistics, structuralDifference, unfold } from "#rbnet/networks/unfold";
import { decodeModel, encodeModel, type Model } from "#rbnet/runtime/model";
import { RuntimeNetwork } from "#rbnet/runtime/network";
import { productStatistics } from "#rbnet/training/start/product-statistics";
import { Draw } from "../backend/shapes.js";
import { expectAlike } from "../layers/alike.js";
import { NO_VALUES } from "../layers/prepared.js";
import { TINY, TINY18, training } from "./tiny.js";

const IMAGES = 4;
const SEED = 71;
const mean = [0.5, 0.5, 0.5] as const;
const standardDeviation = [0.25, 0.25, 0.25] as const;

/** The export of a network with random parameters that has seen a batch. */
async function exported(description: NetworkDescription): Promise<Model> {
  const { network, forward } = training(createReferenceBackend(), description, IMAGES, SEED);
  forward();
  const { name, width, input, classes } = description;
  const labels = Array.from({ length: classes }, (_, label) => `class ${label}`);
  const operations = await network.fold();
  const bytes = encodeModel({
    network: { name, width },
    classes: labels,
    size: input.height,
    mean,
    standardDeviation,
    operations,
  });
  return decodeModel(bytes, "the export");
}

/** A new network with the values of an export. */
async function unfolded(
  backend: Backend,
  description: NetworkDescription,
  { operations }: Model,
  statistics: ReadonlyMap<string, ProductStatistics>,
): Promise<Network> {
  const network = new Network(backend, description, NO_VALUES);
  const values = unfold(operations, statistics);
  const { store } = network;
  for (const piece of [store.values, store.states]) {
    expect(piece.layout.parts.filter(({ name }) => !values.has(name))).toEqual([]);
    expect(await writeParts(backend, piece, values)).toEqual([]);
  }
  return network;
}

/** Statistics that are none of any images. */
function anyStatistics({ operations }: Model): ReadonlyMap<string, ProductStatistics> {
  const draw = new Draw(SEED + 1);
  const convolutions = operations.flatMap((operation) => ("epilogue" in operation ? [operation] : []));
  return new Map(
    convolutions.map(({ name, filters }) => [name, { mean: draw.reals(filters, 9), variance: draw.between(filters, 1e-5, 0.1) }]),
  );
}

async function scores(
  backend: Backend,
  { operations }: Pick<Model, "operations">,
  description: NetworkDescription,
  x: Float32Array,
) {
  const runtime = new RuntimeNetwork(backend, operations, description.input, IMAGES);
  backend.write(runtime.input, x);
  runtime.run();
  return Array.from(await backend.read(runtime.output));
}

/** As the loader hands over the images of a set, one after the other. */
function normalized({ source, count }: ImageSet): Float32Array {
  if (source.kind !== "memory") throw new Error("expected pixels in memory");
  const { pixels, side } = source;
  return Float32Array.from(pixels.subarray(0, count * side * side * 3), (value) => (value / 255 - 0.5) / 0.25);
}

describe("a network unfolded from its own export", () => {
  it.each(TINY)("$form: gives the same scores, whatever statistics it is given", async ({ description }) => {
    const backend = createReferenceBackend();
    const model = await exported(description);
    const network = await unfolded(backend, description, model, anyStatistics(model));
    const operations = await network.fold();
    expect(structuralDifference(model.operations, operations)).toBeUndefined();
    const { height, width, channels } = description.input;
    const x = Float32Array.from(new Draw(SEED + 2).reals(IMAGES * height * width * channels, 1.5));
    const expected = await scores(backend, model, description, x);
    expectAlike({ logits: await scores(backend, { operations }, description, x) }, { logits: expected }, 1e-5);
    expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(0.05);
  });

  const forms = ["rbnet20", "rbnet18", "repeated shortcuts", "real2binary20", "reactnet20", "resnet20", "xnornet20"];
  it.each(TINY.filter(({ form }) => forms.includes(form)))(
    "$form: gives the same scores in training on the images of its statistics",
    async ({ description }) => {
      const backend = createReferenceBackend();
      const model = await exported(description);
      const { train } = shapes({ train: 10, validation: 0, test: 0, size: model.size });
      const few: ImageSet = { ...train, count: IMAGES, source: { ...train.source, rows: Uint32Array.of(0, 1, 2, 3) } as never };
      const network = await unfolded(backend, description, model, await productStatistics(backend, model, few, SEED));
      network.bind(IMAGES);
      const x = normalized(few);
      const { height, width, channels } = description.input;
      const input = backend.allocate("float32", [IMAGES, height, width, channels]);
      backend.write(input, x);
      const logits = Array.from(await backend.read(network.forward(input)));
      expectAlike({ logits }, { logits: await scores(backend, model, description, x) }, 1e-4);
    },
  );
});

describe("structuralDifference", () => {
  it("says where a model is of another network, and takes other classes for the same", async () => {
    const { operations } = await exported(TINY18);
    const foldOf = (description: NetworkDescription) => new Network(createReferenceBackend(), description, NO_VALUES).fold();
    expect(structuralDifference(operations, await foldOf({ ...TINY18, classes: 7 }))).toBeUndefined();
    const other = structuralDifference(operations, await foldOf({ ...TINY18, activation: "prelu" } as NetworkDescription));
    expect(other?.there).toMatch(/"name":"stage1\.unit1".*"activation":"balanced"/);
    expect(other?.own).toMatch(/"name":"stage1\.unit1".*"activation":"prelu"/);
    const shorter = structuralDifference(operations, (await foldOf(TINY18)).slice(0, -1));
    expect(shorter?.own).toBe("nothing");
  });
});

describe("layers that are held", () => {
  it.each(TINY.filter(({ form }) => ["rbnet20", "real2binary20", "resnet20"].includes(form)))(
    "$form: give in training what they give deployed, and no gradient",
    async ({ description }) => {
      const backend = createReferenceBackend();
      const { network, x, step, forward } = training(backend, description, IMAGES, SEED);
      forward();
      const operations = await network.fold();
      const body = network.layers.length - 1;
      await network.hold(body);
      const { logits } = step();
      const images = Float32Array.from(await backend.read(x));
      const expected = await scores(backend, { operations }, description, images);
      expectAlike({ logits: Array.from(await backend.read(logits)) }, { logits: expected }, 1e-5);
      for (const [index, layer] of network.layers.entries())
        for (const { name, gradient } of layer.parameters) {
          const moved = Array.from(await backend.read(gradient)).some((value) => value !== 0);
          expect(moved, name).toBe(index >= body);
        }
      expect(await network.fold()).toEqual(operations);
    },
  );
});
