/** A chain of teachers: the second stage learns from the network of the first, before and after a stop. */
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../temporary-folder.js";
import { data, expectContinued, linearNetwork, refusal, STEPS_PER_EPOCH, settings, trainTiny } from "../tiny-runs.js";

const folder = temporaryFolder();
const distill = { teacher: folder, weight: 1, temperature: 2 } as const;
const twoStages = { ...settings, epochs: 4, stages: 2, distill: { ...distill, chain: true } };
const BORDER = 2 * STEPS_PER_EPOCH;

beforeAll(async () => {
  await trainTiny({ out: folder, settings: { ...settings, epochs: 1 } });
});

describe("a chain of teachers", () => {
  it("has the network of the first stage for the second's teacher", async () => {
    // Without binary weights and running statistics the two stages' networks are the same function, as long as nothing is learned.
    const still = { ...twoStages, learningRate: 1e-12, average: 0 };
    const losses = async (own: object) => {
      const { records } = await trainTiny({
        settings: { ...still, distill: { ...distill, ...own } },
        description: linearNetwork,
      });
      return records.map(({ trainLoss }) => trainLoss);
    };
    const [chained, alone] = [await losses({ chain: true }), await losses({})];
    expect(chained.slice(0, 2)).toEqual(alone.slice(0, 2));
    for (const loss of chained.slice(2)) expect(loss).toBeCloseTo(0, 5);
    for (const loss of alone) expect(loss).toBeGreaterThan(0.01);
  });

  // In the first stage, on its last step, after the second's first step, and in the second.
  it.each([3, BORDER, BORDER + 1, BORDER + STEPS_PER_EPOCH + 2])(
    "continues as if never stopped when stopped after step %i and resumed on more threads",
    (stopAfter) => expectContinued(twoStages, stopAfter),
  );

  it("does not go on without the end of the first stage", async () => {
    const out = temporaryFolder();
    await trainTiny({ out, settings: twoStages, stopAfter: BORDER + STEPS_PER_EPOCH + 2 });
    const kept = join(out, "first-stage.safetensors");
    copyFileSync(join(out, "checkpoint.safetensors"), kept);
    const resumed = () => refusal(trainTiny({ out, settings: twoStages, resume: true }));
    expect(await resumed()).toBe(
      `${kept} should hold the end of the first stage, but is a checkpoint of epoch 3; restore the file that the run ` +
        "wrote, or start the run again",
    );
    rmSync(kept);
    expect(await resumed()).toMatch(/^there is no checkpoint to resume at .*first-stage\.safetensors; /);
  });

  it("needs two stages", async () => {
    const one = { ...settings, distill: { ...distill, chain: true } };
    expect(await refusal(trainTiny({ settings: one, dataset: data }))).toBe(
      "the training setting distill.chain is true, which cannot be used (it leads from the first of two stages to " +
        "the second, and there is one only); change it",
    );
  });
});
