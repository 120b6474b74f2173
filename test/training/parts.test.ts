/** Batches in parts, by one process: what many are held to (test/cluster/mpi.test.ts). */
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";
import { bitsOf, differences, expectContinued, refusal, STEPS_PER_EPOCH, settings, trainTiny } from "./tiny-runs.js";

const inParts = { ...settings, replicas: 4 };

describe("a batch in parts", () => {
  it("is decided by the number of parts: four learn otherwise than one, from as many images", async () => {
    const [whole, parts] = [temporaryFolder(), temporaryFolder()];
    const { records } = await trainTiny({ out: whole });
    const parted = await trainTiny({ out: parts, settings: inParts });
    expect(differences(bitsOf(parts), bitsOf(whole)).length).toBeGreaterThan(10);
    for (const [index, { steps, trainLoss }] of parted.records.entries()) {
      expect(steps).toBe(STEPS_PER_EPOCH);
      expect(Math.abs(trainLoss - (records[index]?.trainLoss ?? 0))).toBeLessThan(0.5);
    }
  });

  it.each([
    { ...inParts },
    { ...inParts, accumulate: 4, optimizer: "sgd", learningRate: 0.05 } as const,
    { ...inParts, epochs: 4, stages: 2 },
    { ...inParts, sumPrecision: "bfloat16" } as const,
  ])("goes on from a checkpoint as if never stopped, on other threads", async (own) => {
    await expectContinued(own, STEPS_PER_EPOCH + 1);
  });

  it("adds up over batches: four parts at once are two and two, but for rounding", async () => {
    const own = { ...settings, epochs: 2, augmentation: {} };
    const [whole, halves] = [temporaryFolder(), temporaryFolder()];
    const once = await trainTiny({ out: whole, settings: { ...own, replicas: 4 } });
    const twice = await trainTiny({ out: halves, settings: { ...own, batch: 4, replicas: 2, accumulate: 2 } });
    const [first, second] = [once, twice].map(({ records }) => records.map(({ trainLoss }) => trainLoss));
    for (const [epoch, loss] of first?.entries() ?? []) expect(second?.[epoch]).toBeCloseTo(loss, 5);
  });

  it("learns otherwise from sums in bfloat16, though not by much", async () => {
    const [whole, half] = [temporaryFolder(), temporaryFolder()];
    const exact = await trainTiny({ out: whole, settings: inParts });
    const rounded = await trainTiny({ out: half, settings: { ...inParts, sumPrecision: "bfloat16" } });
    expect(differences(bitsOf(half), bitsOf(whole)).length).toBeGreaterThan(10);
    for (const [index, { trainLoss }] of exact.records.entries())
      expect(Math.abs(trainLoss - (rounded.records[index]?.trainLoss ?? 0))).toBeLessThan(0.3);
    expect(await refusal(trainTiny({ settings: { ...settings, sumPrecision: "bfloat16" } }))).toBe(
      "sums of gradients were to be in bfloat16, but a batch of one part has none; give it parts by --replicas, or leave it out",
    );
  });

  it("has parts of equal size, or none", async () => {
    expect(await refusal(trainTiny({ settings: { ...settings, replicas: 3 } }))).toContain(
      "a batch of 8 cannot be divided into 3 equal parts",
    );
  });
});
