/** What is said of a run's time before it: of all its stages, and nothing is left of the measurement. */
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { estimateRun } from "#rbnet/training/costs/estimate";
import { parseTrainingSettings } from "#rbnet/training/settings/options";
import { data, network, STEPS_PER_EPOCH, settings } from "../tiny-runs.js";

const trainingOnly = { ...data, validation: undefined };

describe("the estimate of a run", () => {
  it.each([
    { own: {}, epochs: [30] },
    { own: { stages: 2, firstStageEpochs: 10 }, epochs: [10, 20] },
  ])("counts the steps of all epochs by stage, and no more without images to evaluate: %j", async ({ own, epochs }) => {
    const before = readdirSync(".");
    const options = parseTrainingSettings({ ...settings, ...own, epochs: 30 });
    const { stepMs, seconds } = await estimateRun(network, trainingOnly, options, { threads: 1 });
    expect(stepMs.length).toBe(epochs.length);
    const all = stepMs.map((ms, stage) => ms * STEPS_PER_EPOCH * epochs[stage]).reduce((sum, ms) => sum + ms);
    expect(seconds).toBeCloseTo(all / 1000, 9);
    expect(Math.min(...stepMs)).toBeGreaterThan(0);
    expect(readdirSync(".")).toEqual(before);
  });

  it("adds the evaluations", async () => {
    const { stepMs, seconds } = await estimateRun(network, data, parseTrainingSettings(settings), { threads: 1 });
    expect(seconds).toBeGreaterThan((3 * STEPS_PER_EPOCH * stepMs[0]) / 1000);
  });
});
