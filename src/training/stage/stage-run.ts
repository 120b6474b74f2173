/**
 * The run of a stage: the network as the stage needs it, bound to memory, and the loop of its epochs. It knows no file and no clock of
 * checkpoints: what follows from a step is up to who watches.
 */
import type { Backend } from "../../backend/device.js";
import { MemoryScope } from "../../backend/scope.js";
import type { BatchSource } from "../../data/loading/batch-source.js";
import type { Network } from "../../networks/network.js";
import type { Operation } from "../../runtime/operations.js";
import type { TrainingOptions } from "../settings/options.js";
import type { Teacher } from "../teachers/teacher.js";
import { requireFiniteWeights } from "./divergence.js";
import type { Optimizer } from "./optimizer.js";
import type { Progress } from "./progress.js";
import { StageSchedule } from "./schedule.js";
import type { TrainingStage } from "./stages.js";
import { type StepTotals, TrainingStep } from "./training-step.js";

/** What a stage trains, and with what; all of it outlives the stage. */
export interface StageParts {
  readonly backend: Backend;
  readonly network: Network;
  readonly optimizer: Optimizer;
  readonly loader: Pick<BatchSource, "batchesPerEpoch" | "epoch">;
  readonly options: TrainingOptions;
  /** What an image counts in the loss, by class; undefined where all count alike. */
  readonly classWeights: Float64Array | undefined;
  /** See NetworkMemory. */
  readonly keepEvery: number;
}

/** Follows a stage step by step, and decides what becomes of it: in one place, so that processes that train together can agree. */
export interface StageWatch {
  readonly progress: Progress;
  /**
   * Of a step that is done, `seconds` after the one before, when the one after it has been enqueued already; of the last one, and before a
   * pause, at once.
   * Throws where it makes no sense to go on.
   */
  stepDone(totals: StepTotals, seconds: number): void;
  /** Asked between updates, where no gradient is half summed. */
  readonly wantsPause: boolean;
  /** Returns whether to go on with the next step. */
  pause(): Promise<boolean>;
}

/** What there is to say of an epoch that has ended. */
export interface EpochEnd {
  /** Of its last update. */
  readonly learningRate: number;
  /** By binary layer; see EpochRecord. */
  readonly flipRatio: Readonly<Record<string, number>>;
  readonly positiveShare: Readonly<Record<string, number>>;
  /** The network as it is evaluated. */
  readonly operations: readonly Operation[];
}

export class StageRun implements Disposable {
  private readonly scope: MemoryScope;
  private readonly trainingStep: TrainingStep;
  private readonly schedule: StageSchedule;

  /**
   * Allocates all that the stage needs; it is given back at the end of the stage.
   *
   * @param learnFrom makes the teacher, in the stage's memory or elsewhere
   */
  constructor(
    private readonly parts: StageParts,
    readonly stage: TrainingStage,
    learnFrom: () => Teacher | undefined,
  ) {
    const { backend, network, loader, options, classWeights, keepEvery } = parts;
    this.scope = new MemoryScope(backend);
    try {
      network.bind(options.batch, { weights: stage.weights, keepEvery });
      this.trainingStep = new TrainingStep(backend, network, options, learnFrom(), classWeights);
    } catch (error) {
      this.scope[Symbol.dispose]();
      throw error;
    }
    this.scope.seal();
    this.schedule = new StageSchedule(options, stage, loader.batchesPerEpoch);
  }

  /**
   * A later stage starts from the parameters of the one before and nothing else: moments and averages are forgotten, and the first batch's
   * statistics replace the running ones, which are those of products with other weights.
   */
  restart(): void {
    this.parts.optimizer.restart();
    for (const state of this.parts.network.states) state.restart();
  }

  /** Trains the rest of the epoch under way. Returns whether it came to its end. */
  async train(watch: StageWatch): Promise<boolean> {
    const { optimizer, loader } = this.parts;
    const { trainingStep, schedule } = this;
    const { epoch, step } = watch.progress;
    let done = step;
    if (done === 0) optimizer.clearFlips();
    trainingStep.startFrom(watch.progress);
    const late = new LateSteps(watch);
    for await (const batch of loader.epoch(epoch, done)) {
      await trainingStep.run(batch);
      batch.release();
      done++;
      const totals = trainingStep.totals();
      const update = schedule.updateAfter(epoch, done);
      if (update !== undefined) {
        optimizer.step(schedule.rateOf(update), update);
        optimizer.clearGradients();
      }
      await late.tell();
      late.keep(totals);
      if (update === undefined || done === schedule.stepsPerEpoch || !watch.wantsPause) continue;
      await late.tell();
      if (!(await watch.pause())) return false;
    }
    await late.tell();
    return true;
  }

  /** @throws UserError where the weights are no numbers any more */
  async finishEpoch(epoch: number): Promise<EpochEnd> {
    const { network, optimizer, options } = this.parts;
    const { schedule } = this;
    const [flipRatio, positiveShare, operations] = await Promise.all([
      optimizer.flipRatios(schedule.updatesPerEpoch),
      network.positiveShares(),
      network.fold(optimizer.shipped),
    ]);
    requireFiniteWeights(operations, epoch + 1, options.learningRate);
    return { learningRate: schedule.rateOf(schedule.lastUpdate(epoch)), flipRatio, positiveShare, operations };
  }

  [Symbol.dispose](): void {
    this.scope[Symbol.dispose]();
  }
}

/** Tells of a step when the next one has been enqueued: a device need not wait for who watches. */
class LateSteps {
  private kept: Promise<StepTotals> | undefined;
  private last = performance.now();

  constructor(private readonly watch: StageWatch) {}

  keep(totals: Promise<StepTotals>): void {
    this.kept = totals;
  }

  /** Of what is kept. */
  async tell(): Promise<void> {
    if (this.kept === undefined) return;
    const totals = await this.kept;
    this.kept = undefined;
    const now = performance.now();
    this.watch.stepDone(totals, (now - this.last) / 1000);
    this.last = now;
  }
}
