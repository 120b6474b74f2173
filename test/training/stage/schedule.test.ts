/** The learning rate at the landmarks of each schedule. */
import { describe, expect, it } from "vitest";
import { parseTrainingSettings, type TrainingSettings } from "#rbnet/training/settings/options";
import { learningRateAt } from "#rbnet/training/stage/schedule";

const STEPS_PER_EPOCH = 10;
const EPOCHS = 10;
const total = STEPS_PER_EPOCH * EPOCHS;

/** The rate of every step of a run, as a share of the peak. */
function ratesOf(settings: TrainingSettings): readonly number[] {
  const options = parseTrainingSettings({ learningRate: 0.5, epochs: EPOCHS, ...settings });
  return Array.from({ length: total }, (_, step) => learningRateAt(options, step, STEPS_PER_EPOCH, total) / 0.5);
}

describe("learningRateAt", () => {
  it.each(["cosine", "linear", "step", "constant"] as const)(
    "warms up in equal steps to the peak and never exceeds it: %s",
    (schedule) => {
      const rates = ratesOf({ schedule, warmup: 2 });
      for (let step = 0; step <= 20; step++) expect(rates[step]).toBeCloseTo((step + 1) / 21, 12);
      expect(Math.max(...rates)).toBe(rates[20]);
    },
  );

  it.each(["cosine", "linear", "step", "constant"] as const)(
    "starts at the peak without warm-up and never rises: %s",
    (schedule) => {
      const rates = ratesOf({ schedule, warmup: 0 });
      expect(rates[0]).toBe(1);
      for (let step = 1; step < total; step++) expect(rates[step]).toBeLessThanOrEqual(rates[step - 1]!);
      expect(rates[total - 1]).toBeGreaterThan(0);
    },
  );

  it("follows half a cosine, a line, and two drops to a tenth", () => {
    const cosine = ratesOf({ schedule: "cosine", warmup: 0 });
    expect([cosine[25], cosine[50], cosine[75]].map((rate) => Number(rate?.toFixed(6)))).toEqual([0.853553, 0.5, 0.146447]);
    const linear = ratesOf({ schedule: "linear", warmup: 0 });
    expect([linear[25], linear[50], linear[99]].map((rate) => Number(rate?.toFixed(6)))).toEqual([0.75, 0.5, 0.01]);
    const step = ratesOf({ schedule: "step", warmup: 0 });
    expect([step[49], step[50], step[74], step[75], step[99]].map((rate) => Number(rate?.toFixed(6)))).toEqual([
      1, 0.1, 0.1, 0.01, 0.01,
    ]);
    expect(new Set(ratesOf({ schedule: "constant", warmup: 0 }))).toEqual(new Set([1]));
  });

  it("spends the epochs after the warm-up on the whole schedule", () => {
    const cosine = ratesOf({ schedule: "cosine", warmup: 2 });
    expect(cosine[60]).toBeCloseTo(0.5, 12);
  });

  it("warms up for part of an epoch, or for all of a run that is shorter", () => {
    expect(ratesOf({ schedule: "constant", warmup: 0.25 }).slice(0, 4)).toEqual([1 / 4, 2 / 4, 3 / 4, 1]);
    const rates = ratesOf({ schedule: "cosine", warmup: 50 });
    expect(rates.at(-1)).toBeCloseTo(100 / 101, 12);
  });
});
