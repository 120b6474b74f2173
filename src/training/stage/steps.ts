/** How a batch of the run becomes gradients on the device: as a whole, or in parts that processes may have between them. */
import type { Batch, BatchImages } from "../../data/loading/batch-source.js";
import type { StepTotals, TrainingStep } from "./training-step.js";

/** What a process would do before the next step. */
export interface Wish {
  readonly stop: boolean;
  readonly save: boolean;
}

/** Who of several processes took longest for its parts. */
export interface Pace {
  readonly rank: number;
  /** For all parts of that process, without waiting for others. */
  readonly seconds: number;
  /** Images in them. */
  readonly images: number;
}

export interface StepEnd {
  /** Of all steps of the epoch so far. */
  readonly totals: Promise<StepTotals>;
  /** What all processes do; undefined where there is nobody to agree with. */
  readonly agreed?: Wish;
  readonly slowest?: Pace;
}

export interface Steps {
  /** Batches that the loader delivers for a step. */
  readonly batches: number;
  /** What totals go on from: those of the epoch's steps that are done already. */
  startFrom(totals: StepTotals): void;
  /** The statistics of the next step's batch replace the running ones. */
  restart(): void;
  /** `isDue`: whether an update follows the step. */
  run(batch: Batch<BatchImages>, isDue: boolean): Promise<void>;
  /** After the last batch of a step; where an update is due, its gradients are on the device then. */
  end(isDue: boolean, wish: Wish): Promise<StepEnd>;
}

export class WholeSteps implements Steps {
  readonly batches = 1;

  constructor(
    private readonly step: TrainingStep,
    private readonly states: readonly { restart(): void }[],
  ) {}

  startFrom(totals: StepTotals): void {
    this.step.startFrom(totals);
  }

  restart(): void {
    for (const state of this.states) state.restart();
  }

  run(batch: Batch<BatchImages>): Promise<void> {
    return this.step.run(batch);
  }

  async end(): Promise<StepEnd> {
    return { totals: this.step.totals() };
  }
}
