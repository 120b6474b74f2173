/**
 * The learning rate of a step, as a share of its peak: linear warm-up, then the chosen schedule down to 0; and when a step is one that
 * updates.
 */
import type { TrainingOptions } from "../settings/options.js";
import type { TrainingStage } from "./stages.js";

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

/** When the parameters of a stage are updated, and at which rate. Updates count from 1, over the whole stage. */
export class StageSchedule {
  readonly updatesPerEpoch: number;

  constructor(
    private readonly options: TrainingOptions,
    private readonly stage: TrainingStage,
    readonly stepsPerEpoch: number,
  ) {
    this.updatesPerEpoch = Math.ceil(stepsPerEpoch / options.accumulate);
  }

  /** The update that is due after the first `steps` of an epoch of the run; undefined where more batches are summed before it. */
  updateAfter(epoch: number, steps: number): number | undefined {
    const { accumulate } = this.options;
    if (steps % accumulate > 0 && steps < this.stepsPerEpoch) return undefined;
    return this.updatesBefore(epoch) + Math.ceil(steps / accumulate);
  }

  lastUpdate(epoch: number): number {
    return this.updatesBefore(epoch + 1);
  }

  rateOf(update: number): number {
    const { options, stage, updatesPerEpoch } = this;
    return learningRateAt(options, update - 1, updatesPerEpoch, updatesPerEpoch * stage.epochs);
  }

  private updatesBefore(epoch: number): number {
    return (epoch - this.stage.firstEpoch) * this.updatesPerEpoch;
  }
}
