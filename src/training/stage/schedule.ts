/** The learning rate of a step, as a share of its peak: linear warm-up, then the chosen schedule down to 0. */
import type { TrainingOptions } from "../settings/options.js";

/** Share of the epochs after which the step schedule divides by ten. */
const DROPS = [0.5, 0.75];

/** `step` counts updates from 0; `total` is their number. */
export function learningRateAt(options: TrainingOptions, step: number, stepsPerEpoch: number, total: number): number {
  const { learningRate, schedule } = options;
  const warmupSteps = Math.min(options.warmup * stepsPerEpoch, total);
  if (step < warmupSteps) return (learningRate * (step + 1)) / Math.ceil(warmupSteps + 1);
  const progress = total > warmupSteps ? (step - warmupSteps) / (total - warmupSteps) : 1;
  switch (schedule) {
    case "constant":
      return learningRate;
    case "linear":
      return learningRate * (1 - progress);
    case "cosine":
      return (learningRate * (1 + Math.cos(Math.PI * progress))) / 2;
    case "step":
      return learningRate * 0.1 ** DROPS.filter((drop) => step / total >= drop).length;
  }
}
