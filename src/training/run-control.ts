/**
 * Decides, between the steps of a run, what becomes of it: it goes on, is saved, stops, or has diverged. All of that is here and nowhere
 * else, so that processes that train one network together have one place to agree in.
 */

import { ALONE } from "../cluster/alone.js";
import type { Communicator } from "../cluster/communicator.js";
import type { StepProgress } from "./records/run-records.js";
import type { TrainingOptions } from "./settings/options.js";
import { requireFiniteLoss } from "./stage/divergence.js";
import { afterStep, type Progress, START, stepProgress } from "./stage/progress.js";
import type { StageWatch } from "./stage/stage-run.js";
import type { Pace, Wish } from "./stage/steps.js";
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
    private readonly communicator: Communicator = ALONE,
  ) {}

  stepDone(totals: StepTotals, seconds: number, slowest?: Pace): void {
    const { epoch, step } = this.progress;
    requireFiniteLoss(totals.lossSum, epoch + 1, step + 1, this.options.learningRate);
    this.progress = afterStep(this.progress, totals, seconds);
    const said = stepProgress(this.progress, this.options, this.stepsPerEpoch);
    this.setup.onStep?.(slowest === undefined ? said : { ...said, slowest: this.paceOf(slowest) });
  }

  get wish(): Wish {
    const minutes = (performance.now() - this.savedAt) / 60_000;
    return { stop: this.stopRequested, save: minutes > (this.setup.checkpointMinutes ?? 3) };
  }

  async pause({ stop }: Wish): Promise<boolean> {
    if (stop) this.stopRequested = true;
    else await this.save();
    return !stop;
  }

  /** Whether any of the processes is to stop: then all do, at the same point. */
  async agreeToStop(): Promise<boolean> {
    const wishes = await this.communicator.gatherNumbers(Float64Array.of(this.stopRequested ? 1 : 0));
    this.stopRequested = wishes.some(([stop]) => stop > 0);
    return this.stopRequested;
  }

  private paceOf({ rank, seconds, images }: Pace): NonNullable<StepProgress["slowest"]> {
    return { ...this.communicator.members[rank], imagesPerSecond: images / seconds };
  }

  async save(): Promise<void> {
    this.savedAt = performance.now();
    await this.write(this.progress);
  }
}
