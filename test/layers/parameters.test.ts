/** What layers declare lies side by side, kind by kind, and what lies between two parameters is 0 and stays 0, whatever trains them. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { findAccelerator } from "#rbnet/backend/native/accelerator";
import { openBackend } from "#rbnet/backend/open";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { Declarations, type NamedMemory, PART_ELEMENTS } from "#rbnet/layers/parameters";
import { elementCount } from "#rbnet/tensor";
import { trainingSchema } from "#rbnet/training/settings/options";
import { Optimizer } from "#rbnet/training/stage/optimizer";
import { TINY_ODD, training } from "../networks/tiny.js";
import { NO_VALUES } from "./prepared.js";

describe("a parameter", () => {
  it("has its initial values, and a gradient of 0, once there is memory", async () => {
    const backend = createReferenceBackend();
    const declarations = new Declarations(NO_VALUES);
    const bias = declarations.parameter("unit.bias", "other", [3], Float32Array.of(1, 2, 3));
    const weights = declarations.parameter("unit.weights", "weight", [2, 2], Float32Array.of(4, 5, 6, 7));
    const mean = declarations.state("unit.mean", Float32Array.of(8), { restart() {}, hold() {} });
    expect(() => bias.value).toThrow("unit.bias");
    declarations.allocate(backend);
    expect(Array.from(await backend.read(bias.value))).toEqual([1, 2, 3]);
    expect(Array.from(await backend.read(weights.value))).toEqual([4, 5, 6, 7]);
    expect(Array.from(await backend.read(mean.value))).toEqual([8]);
    expect(Array.from(await backend.read(weights.gradient))).toEqual([0, 0, 0, 0]);
  });

  it("lies with those of its kind, at a multiple of 256 bytes", () => {
    const declarations = new Declarations(NO_VALUES);
    const declare = (name: string, kind: "latent" | "weight" | "other", count: number) =>
      declarations.parameter(name, kind, [count], new Float32Array(count));
    declare("a", "other", 5);
    declare("b", "latent", 65);
    declare("c", "other", 64);
    declare("d", "latent", 1);
    const { kinds, values } = declarations.allocate(createReferenceBackend());
    expect(values.layout.parts.map(({ name, from }) => [name, from])).toEqual([
      ["b", 0],
      ["d", 128],
      ["a", 192],
      ["c", 256],
    ]);
    expect(kinds.map(({ kind, from, elements }) => [kind, from, elements])).toEqual([
      ["latent", 0, 192],
      ["other", 192, 128],
    ]);
    expect(values.layout.elements).toBe(320);
  });
});

const BACKENDS = "absent" in findAccelerator() ? (["wasm"] as const) : (["wasm", "native"] as const);

describe.each(BACKENDS)("on %s, what lies between two parameters", (name) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await openBackend({ backend: name, threads: 2 });
  });
  afterAll(() => backend[Symbol.dispose]());

  it.each(["adam", "sgd"] as const)("stays 0 through steps of %s, and so does its gradient", async (optimizer) => {
    const { network, step } = training(backend, TINY_ODD, 3, 7);
    const { store } = network;
    const options = trainingSchema.parse({ batch: 3, optimizer, weightDecay: 0.1, average: 0.9 });
    const tested = new Optimizer(backend, store, options);
    for (let update = 1; update <= 3; update++) {
      step();
      expect(await between(backend, { layout: store.values.layout, memory: store.gradients })).toEqual([]);
      tested.step(0.1, update);
      tested.clearGradients();
    }
    expect(store.values.layout.parts.some(({ shape }) => elementCount(shape) % PART_ELEMENTS !== 0)).toBe(true);
    expect(await between(backend, store.values)).toEqual([]);
    expect(await between(backend, store.states)).toEqual([]);
  });
});

/** What is not 0 of the memory that no part takes. */
async function between(backend: Backend, { layout, memory }: NamedMemory): Promise<readonly number[]> {
  const values = Float32Array.from(await backend.read(memory));
  for (const { shape, from } of layout.parts) values.fill(0, from, from + elementCount(shape));
  return Array.from(values.filter((value) => value !== 0));
}
