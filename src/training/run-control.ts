/**
 * Decides, between the steps of a run, what becomes of it: it goes on, is saved, stops, or has diverged. All of that is here and nowhere
 * else, so that processes that train one network together have one place to agree in.
 */

import type { StepProgress } from "./records/run-records.js";
import type { TrainingOptions } from "./settings/options.js";
import { requireFiniteLoss } from "./stage/divergence.js";
import { afterStep, type Progress, START, stepProgress } from "./stage/progress.js";
import type { StageWatch } from "./stage/stage-run.js";
import type { StepTotals } from "./stage/training-step.js";

export interface ControlSetup {
  readonly onStep?: (progress: StepProgress) => void;
  /** Between checkpoints within an epoch; default 3. */
  readonly checkpointMinutes?: number;
}

export class RunControl implements StageWatch {
  progress: Progress = START;
  stopRequested = false;
  private savedAt = performance.now();

  /** @param write keeps a checkpoint */
  constructor(
    private readonly options: TrainingOptions,
    private readonly stepsPerEpoch: number,
    private readonly write: (progress: Progress) => Promise<void>,
    private readonly setup: ControlSetup,
  ) {}

  stepDone(totals: StepTotals, seconds: number): void {
    const { epoch, step } = this.progress;
    requireFiniteLoss(totals.lossSum, epoch + 1, step + 1, this.options.learningRate);
    this.progress = afterStep(this.progress, totals, seconds);
    this.setup.onStep?.(stepProgress(this.progress, this.options, this.stepsPerEpoch));
  }

  get wantsPause(): boolean {
    const minutes = (performance.now() - this.savedAt) / 60_000;
    return this.stopRequested || minutes > (this.setup.checkpointMinutes ?? 3);
  }

  async pause(): Promise<boolean> {
    if (this.stopRequested) return false;
    await this.save();
    return true;
  }

  async save(): Promise<void> {
    this.savedAt = performance.now();
    await this.write(this.progress);
  }
}
