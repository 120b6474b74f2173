/** The number of threads changes the speed of the WebAssembly backend and nothing else; its steady state allocates nothing. */
import { describe, expect, it } from "vitest";
import { findAccelerator } from "#rbnet/backend/native/accelerator";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { createWasmBackend, type WasmOptions } from "#rbnet/backend/wasm/backend";
import { hasRelaxedSimd } from "#rbnet/backend/wasm/module";
import { everyKernel } from "./workload.js";

const RUNS = 4;

/** Every build of the kernels that this machine runs. */
function builds(): (Omit<WasmOptions, "threads"> & { readonly title: string })[] {
  const wasm = (hasRelaxedSimd() ? [false, true] : [false]).map((relaxed) => ({ title: `relaxed SIMD: ${relaxed}`, relaxed }));
  const found = findAccelerator();
  if ("absent" in found) return wasm;
  const { file, addon } = found;
  const native = [...addon.instructionSets, ...addon.bfloat16Sets].map((instructionSet) => ({
    title: instructionSet,
    accelerated: { file, instructionSet },
  }));
  return [...wasm, ...native];
}

/** The bytes of every result of every kernel after some runs, in base 64. */
async function resultsOf(options: WasmOptions): Promise<Readonly<Record<string, string>>> {
  using backend = await createWasmBackend(options);
  const workload = everyKernel(backend);
  for (let i = 0; i < RUNS; i++) workload.run();
  const results: Record<string, string> = {};
  for (const [name, tensor] of Object.entries(workload.results))
    results[name] = Buffer.from((await backend.read(tensor)).buffer).toString("base64");
  return results;
}

describe("createWasmBackend", () => {
  it.each(builds())("gives the same bits on 1, 2 and 3 threads ($title)", async ({ title: _, ...build }) => {
    const alone = await resultsOf({ ...build, threads: 1 });
    for (const threads of [2, 3, 3]) {
      const shared = await resultsOf({ ...build, threads });
      const different = Object.keys(alone).filter((name) => shared[name] !== alone[name]);
      expect(different, `tensors that differ between 1 and ${threads} threads`).toEqual([]);
    }
  });

  it.each(builds().filter(({ accelerated }) => accelerated?.instructionSet === "plain"))(
    "never leaves a unit's rounding to a measurement of products, where C has one of them ($title)",
    async ({ title: _, ...build }) => {
      using backend = await createWasmBackend({ ...build, threads: 1 });
      expect(backend.choices).toEqual({ product: "popcount" });
    },
  );

  // A gradient that is rounded may have the other sign where it is almost 0, which Adam makes a whole step of.
  it.each(builds().filter(({ title }) => !title.endsWith("bfloat16")))(
    "agrees with the reference on a whole chain of kernels, which share work space ($title)",
    async ({ title: _, ...build }) => {
      using backend = await createWasmBackend({ ...build, threads: 2 });
      const reference = createReferenceBackend();
      const [tested, expected] = [everyKernel(backend), everyKernel(reference)];
      tested.run();
      expected.run();
      for (const [name, tensor] of Object.entries(expected.results)) {
        const [values, found] = [Array.from(await reference.read(tensor)), await backend.read(tested.results[name]!)];
        // Errors of float32 add up along the chain; one wrong element is far out all the same.
        const allowed = 1e-3 * values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
        const worst = values.findIndex((value, i) => !(Math.abs(value - found[i]!) <= allowed));
        expect(worst, `first element of ${name} that differs: ${found[worst]} instead of ${values[worst]}`).toBe(-1);
      }
    },
  );

  it("allocates nothing when kernels run again", async () => {
    using backend = await createWasmBackend({ threads: 2 });
    const workload = everyKernel(backend);
    workload.run();
    const { bytes, peakBytes } = backend.memory;
    const { arrayBuffers } = process.memoryUsage();
    for (let i = 0; i < 20; i++) workload.run();
    expect(backend.memory).toEqual({ bytes, peakBytes });
    // The test runner's own messages make a few small buffers meanwhile; the smallest tensor that a kernel might copy takes more.
    expect(process.memoryUsage().arrayBuffers).toBeLessThan(arrayBuffers + 10_000);
  });

  it("gives memory back to the next user of the stack", async () => {
    using backend = await createWasmBackend({ threads: 1 });
    const mark = backend.mark();
    everyKernel(backend).run();
    backend.release(mark);
    everyKernel(backend).run();
    backend.release(mark);
    const { peakBytes } = backend.memory;
    for (let i = 0; i < 5; i++) {
      everyKernel(backend).run();
      backend.release(mark);
    }
    expect(backend.memory.peakBytes).toBe(peakBytes);
  });

  it("refuses tensors of another backend", async () => {
    using backend = await createWasmBackend({ threads: 1 });
    const foreign = createReferenceBackend().allocate("float32", [4]);
    expect(() => backend.fill(foreign, 1)).toThrow("another backend");
  });
});
