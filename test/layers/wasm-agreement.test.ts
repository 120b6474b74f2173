/** Every layer gives on the WebAssembly backend what it gives on the reference: output, all gradients and the running statistics. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { elementCount } from "#rbnet/tensor";
import { Draw } from "../backend/shapes.js";
import { expectAlike, type Values } from "./alike.js";
import { blocks, grid, map, patches, prepare, residualUnit, SUBJECTS, type Subject, withRealWeights } from "./subjects.js";

const SEED = 23;

/** Wider than what finite differences can afford: past a word of signs, several slices and several chunks. */
const LARGE: readonly Subject[] = [
  { ...residualUnit(blocks(2), 1, map(8, 24), 24), images: 5 },
  { ...residualUnit(blocks(1, 1), 1, map(7, 40), 40), images: 3 },
  { ...residualUnit(blocks(1), 2, map(8, 24), 48, "clip"), images: 5 },
  { ...residualUnit(patches(4), 2, map(14, 20), 40), images: 5 },
  { ...residualUnit(grid(3, 1), 1, map(7, 33), 20), images: 3 },
  { ...withRealWeights(residualUnit(blocks(1, 1), 1, map(7, 40), 40)), images: 34 },
  { ...withRealWeights(residualUnit(grid(3, 1), 1, map(7, 33), 20)), images: 3 },
];

/** Two steps: the first must leave nothing behind in the memory that is used again but the gradients it added. */
async function twoSteps(backend: Backend, subject: Subject): Promise<Values> {
  const { runnable, x } = prepare(backend, subject, SEED);
  const out = runnable.forward(x);
  const g = new Draw(SEED + 1).reals(elementCount(out.shape), 1);
  const gradient = backend.allocate("float32", out.shape);
  backend.write(gradient, g);
  runnable.backward(gradient);
  backend.write(gradient, g);
  const values: Record<string, ArrayLike<number>> = { out: await backend.read(runnable.forward(x)) };
  values.dx = await backend.read(runnable.backward(gradient)!);
  for (const parameter of runnable.parameters) values[`gradient of ${parameter.name}`] = await backend.read(parameter.gradient);
  for (const { name, value } of runnable.states ?? []) values[name] = await backend.read(value);
  return values;
}

describe("layers on the WebAssembly backend", () => {
  let wasm: Backend;
  beforeAll(async () => {
    wasm = await createWasmBackend({ threads: 2 });
  });
  afterAll(() => wasm[Symbol.dispose]());

  it.each([...SUBJECTS, ...LARGE])("$name", async (subject) => {
    const mark = wasm.mark();
    const found = await twoSteps(wasm, subject);
    wasm.release(mark);
    expectAlike(found, await twoSteps(createReferenceBackend(), subject), subject.tolerance);
    expect(Object.keys(found).length).toBeGreaterThan(1);
  });
});
