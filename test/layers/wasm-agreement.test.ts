/** Every layer gives on the WebAssembly backend what it gives on the reference: output, all gradients and the running statistics. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { expectAlike } from "./alike.js";
import type { Subject } from "./prepared.js";
import { blocks, grid, map, patches, residualUnit, withRealWeights } from "./subject-kinds.js";
import { SUBJECTS } from "./subjects.js";
import { twoSteps } from "./two-steps.js";

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
