/** The memory said before a run against what a run takes. */
import { describe, expect, it } from "vitest";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { createCountingBackend } from "#rbnet/backend/wasm/counting";
import { networkByName } from "#rbnet/networks/catalogue";
import { Network } from "#rbnet/networks/network";
import { RuntimeNetwork } from "#rbnet/runtime/network";
import { inferenceMemory, summarizeNetwork } from "#rbnet/training/costs/memory";
import { data, network, settings, trainTiny } from "../tiny-runs.js";

/** Peak bytes of a run that keeps every `keepEvery`-th map, before and after it. */
async function saidAndTaken(keepEvery: number, stages: 1 | 2 = 1): Promise<{ said: number; taken: number }> {
  using wasm = await createWasmBackend({ threads: 1 });
  const own = { epochs: stages, batch: settings.batch, stages };
  await trainTiny({ backend: wasm, keepEvery, dataset: { ...data, validation: undefined }, settings: own });
  const { trainingBytes } = await summarizeNetwork(network, settings.batch, { keepEvery, epochs: stages, stages });
  return { said: trainingBytes, taken: wasm.memory.peakBytes };
}

describe("memory", () => {
  it("is counted as the WebAssembly arena counts it, to the byte", async () => {
    const description = networkByName("rbnet20", { classes: 3, width: 0.5 });
    using counting = createCountingBackend();
    using wasm = await createWasmBackend({ threads: 1 });
    const folded = [];
    for (const backend of [counting, wasm]) {
      const built = new Network(backend, description, { normal: (count) => new Float32Array(count) });
      built.bind(5);
      folded.push(await built.fold());
    }
    expect(counting.memory.bytes).toBe(wasm.memory.bytes);
    expect(folded[0]).toHaveLength(folded[1]!.length);
  });

  it("of a training run is what was said before it, but for the kernels' work space, whatever maps are kept", async () => {
    const [all, some] = await Promise.all([1, 2].map((keepEvery) => saidAndTaken(keepEvery)));
    for (const { said, taken } of [all!, some!]) {
      expect(taken).toBeGreaterThanOrEqual(said);
      expect(taken).toBeLessThan(said + 2e6);
    }
    expect(all!.said - some!.said).toBeGreaterThan(0);
    expect(all!.taken - some!.taken).toBe(all!.said - some!.said);
  });

  it("of two stages is what was said before them", async () => {
    const [one, two] = [await saidAndTaken(1), await saidAndTaken(1, 2)];
    expect(two.said).toBeGreaterThan(one.said);
    expect(two.taken - two.said).toBe(one.taken - one.said);
  });

  it("of inference is what the loaded network takes", async () => {
    using counting = createCountingBackend();
    const description = networkByName("rbnet8", { classes: 10 });
    const operations = await new Network(counting, description, { normal: (count) => new Float32Array(count) }).fold();
    using wasm = await createWasmBackend({ threads: 1 });
    new RuntimeNetwork(wasm, operations, description.input, 1);
    expect(inferenceMemory(operations, description.input)).toBe(wasm.memory.peakBytes);
  });

  it("grows in a straight line with the batch", async () => {
    const description = networkByName("rbnet20", { classes: 10 });
    const at = async (batch: number): Promise<number> => (await summarizeNetwork(description, batch)).trainingBytes;
    const [one, two, three] = [await at(64), await at(128), await at(192)];
    expect((three - two) / (two - one)).toBeCloseTo(1, 2);
  });

  it("is freed down to a mark, and its peak remembered", () => {
    using counting = createCountingBackend();
    counting.allocate("uint32", [1]);
    const mark = counting.mark();
    counting.allocate("float32", [100]);
    expect(counting.memory).toEqual({ bytes: 64 + 400, peakBytes: 64 + 400 });
    counting.release(mark);
    expect(counting.memory).toEqual({ bytes: 16, peakBytes: 464 });
  });
});
