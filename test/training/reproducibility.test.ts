/** A run is decided by its seed alone: not by threads, nor by when it was stopped and resumed. */
import { describe, expect, it } from "vitest";
import { rbnet20 } from "#rbnet/networks/rbnet";
import { temporaryFolder } from "../temporary-folder.js";
import { bitsOf, data, differences, readStored, STEPS_PER_EPOCH, settings, trainTiny } from "./tiny-runs.js";

/** Six units a stage. */
const deeper = rbnet20({ classes: 10, width: 0.25, size: 16 });

describe("the same seed", () => {
  it("gives the same weights and figures, to the bit, on 1, 2 and 3 threads; another seed gives others", async () => {
    const alone = temporaryFolder();
    const { records } = await trainTiny({ out: alone, threads: 1 });
    for (const threads of [2, 3]) {
      const shared = temporaryFolder();
      expect((await trainTiny({ out: shared, threads })).records).toEqual(records);
      expect(differences(bitsOf(shared), bitsOf(alone)), `${threads} threads`).toEqual([]);
    }
    const other = temporaryFolder();
    await trainTiny({ out: other, settings: { ...settings, seed: 2 } });
    const changed = differences(bitsOf(other), bitsOf(alone));
    expect(changed).toContain("checkpoint stage1.unit1.latent");
    expect(changed).toContain("checkpoint classifier.weights");
  });
});

describe("a run that computes maps again", () => {
  it("has the bits of one that keeps them all, and goes on from its checkpoint", async () => {
    const keeping = temporaryFolder();
    const { records } = await trainTiny({ out: keeping, description: deeper });
    const recomputing = temporaryFolder();
    const first = await trainTiny({ out: recomputing, description: deeper, keepEvery: 3, stopAfter: STEPS_PER_EPOCH + 3 });
    const rest = await trainTiny({ out: recomputing, description: deeper, keepEvery: 2, threads: 2, resume: true });
    expect([...first.records, ...rest.records]).toEqual(records);
    expect(differences(bitsOf(recomputing), bitsOf(keeping))).toEqual([]);
  });

  it.each([0, 1.5, -1])("is refused where %d maps are to be kept", async (keepEvery) => {
    await expect(trainTiny({ keepEvery })).rejects.toThrow(`keepEvery is ${keepEvery}`);
  });
});

describe("a resumed run", () => {
  // In mid-epoch, at the end of an epoch, and before the first update of any.
  const stops = [STEPS_PER_EPOCH + 3, STEPS_PER_EPOCH, 1];

  it.each(stops)("continues as if never stopped when stopped after step %i and resumed on more threads", async (stopAfter) => {
    const straight = temporaryFolder();
    const { records } = await trainTiny({ out: straight });
    const broken = temporaryFolder();
    const first = await trainTiny({ out: broken, stopAfter });
    expect(first.stopped).toBe(true);
    expect(first.records).toEqual(records.slice(0, Math.floor(stopAfter / STEPS_PER_EPOCH)));
    const rest = await trainTiny({ out: broken, threads: 2, resume: true });
    expect([...first.records, ...rest.records]).toEqual(records);
    expect(rest.stopped).toBe(false);
    expect(differences(bitsOf(broken), bitsOf(straight))).toEqual([]);
  });

  it.each([
    { ...settings, sampler: "balanced" },
    { ...settings, classWeights: "balanced" },
  ] as const)("of lopsided classes goes on to the same bits: $sampler $classWeights", async (own) => {
    const labels = data.train.labels.map((label) => (label < 7 ? 0 : label));
    const train = { ...data.train, labels, nameOf: (index: number) => data.train.nameOf(index) };
    const dataset = { ...data, train };
    const [straight, broken, plain] = [temporaryFolder(), temporaryFolder(), temporaryFolder()];
    const { records } = await trainTiny({ out: straight, dataset, settings: own });
    const first = await trainTiny({ out: broken, dataset, settings: own, stopAfter: STEPS_PER_EPOCH + 2 });
    const rest = await trainTiny({ out: broken, dataset, settings: own, threads: 2, resume: true });
    expect([...first.records, ...rest.records]).toEqual(records);
    expect(differences(bitsOf(broken), bitsOf(straight))).toEqual([]);
    await trainTiny({ out: plain, dataset });
    expect(differences(bitsOf(plain), bitsOf(straight))).toContain("checkpoint classifier.weights");
  });

  it("waits with its checkpoint for the update where gradients are summed over batches", async () => {
    const accumulating = { ...settings, accumulate: 4, optimizer: "sgd", learningRate: 0.05 } as const;
    const straight = temporaryFolder();
    const { records } = await trainTiny({ out: straight, settings: accumulating });
    const broken = temporaryFolder();
    const first = await trainTiny({ out: broken, settings: accumulating, stopAfter: STEPS_PER_EPOCH + 2 });
    expect(JSON.parse(readStored(broken, "checkpoint").metadata.progress ?? "")).toMatchObject({ epoch: 1, step: 4 });
    const rest = await trainTiny({ out: broken, settings: accumulating, resume: true });
    expect([...first.records, ...rest.records]).toEqual(records);
    expect(differences(bitsOf(broken), bitsOf(straight))).toEqual([]);
  });

  it("that was done has nothing left to do", async () => {
    const out = temporaryFolder();
    await trainTiny({ out, settings: { ...settings, epochs: 1 } });
    const before = bitsOf(out);
    expect((await trainTiny({ out, settings: { ...settings, epochs: 1 }, resume: true })).records).toEqual([]);
    expect(bitsOf(out)).toEqual(before);
  });

  it("that ran out of patience does not get new patience", async () => {
    const out = temporaryFolder();
    // So small a rate flips nothing: once the running statistics have settled, no epoch is better than those before.
    const patient = { ...settings, epochs: 9, learningRate: 1e-12, average: 0, patience: 2 };
    const first = await trainTiny({ out, settings: patient });
    expect(first.bestEpoch).toBeLessThan(7);
    expect(first.records.length).toBe(first.bestEpoch + 2);
    expect(first.stopped).toBe(false);
    expect((await trainTiny({ out, settings: patient, resume: true })).records).toEqual([]);
  });
});

describe("stopping", () => {
  it("in the last epoch's last step is no stop: the run is done", async () => {
    const { records, stopped } = await trainTiny({ settings: { ...settings, epochs: 1 }, stopAfter: STEPS_PER_EPOCH });
    expect(records.length).toBe(1);
    expect(stopped).toBe(false);
  });
});
