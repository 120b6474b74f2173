/**
 * The run of a stage: the network as the stage needs it, bound to memory, and the loop of its epochs. It knows no file and no clock of
 * checkpoints: what follows from a step is up to who watches.
 */
import type { Backend } from "../../backend/device.js";
import { MemoryScope } from "../../backend/scope.js";
import { gatherValues } from "../../cluster/communicator.js";
import type { RawForm } from "../../data/augmentation/raw-images.js";
import type { BatchImages, BatchSource } from "../../data/loading/batch-source.js";
import type { Network } from "../../networks/network.js";
import type { Operation } from "../../runtime/operations.js";
import { partImages, type TrainingOptions, teacherWeight } from "../settings/options.js";
import type { Teacher } from "../teachers/teacher.js";
import { requireFiniteWeights } from "./divergence.js";
import type { Optimizer } from "./optimizer.js";
import { type Exchange, PartedSteps } from "./parted-steps.js";
import type { Progress } from "./progress.js";
import { StageSchedule } from "./schedule.js";
import type { TrainingStage } from "./stages.js";
import { type Pace, type StepEnd, type Steps, WholeSteps, type Wish } from "./steps.js";
import { type StepTotals, TrainingStep } from "./training-step.js";

/** What a stage trains, and with what; all of it outlives the stage. */
export interface StageParts {
  readonly backend: Backend;
  readonly network: Network;
  readonly optimizer: Optimizer;
  readonly loader: Pick<BatchSource<BatchImages>, "batchesPerEpoch" | "epoch"> & {
    /** Of images that the device finishes. */
    readonly rawForm?: RawForm | undefined;
  };
  readonly options: TrainingOptions;
  /** What an image counts in the loss, by class; undefined where all count alike. */
  readonly classWeights: Float64Array | undefined;
  /** Where a batch has parts. */
  readonly exchange: Exchange | undefined;
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
   *
   * @param slowest of the processes that train together
   */
  stepDone(totals: StepTotals, seconds: number, slowest?: Pace): void;
  /** What this process would do before the next step. */
  readonly wish: Wish;
  /** Does what was wished for, or agreed on, between updates, where no gradient is half summed. Returns whether to go on. */
  pause(wish: Wish): Promise<boolean>;
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
  private readonly step: TrainingStep;
  private readonly steps: Steps;
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
    const { backend, network, loader, options, classWeights, exchange, keepEvery } = parts;
    this.scope = new MemoryScope(backend);
    try {
      network.bind(partImages(options), { weights: stage.weights, keepEvery });
      this.step = new TrainingStep(backend, network, options, learnFrom(), classWeights, loader.rawForm);
      this.steps =
        exchange === undefined
          ? new WholeSteps(this.step, network.states)
          : new PartedSteps(backend, network, options, this.step, exchange);
    } catch (error) {
      this.scope[Symbol.dispose]();
      throw error;
    }
    this.scope.seal();
    this.schedule = new StageSchedule(options, stage, loader.batchesPerEpoch / this.steps.batches);
  }

  /** Has a device compile what the steps will call, all of it at once. Before `restart`, which the next forward pass heeds. */
  async prepare(): Promise<void> {
    const { backend, optimizer } = this.parts;
    await backend.rehearse?.(() => {
      optimizer.clearFlips();
      this.step.rehearse();
      optimizer.step(0, 1);
      optimizer.clearGradients();
    });
  }

  /**
   * A later stage starts from the parameters of the one before and nothing else: moments and averages are forgotten, and the first batch's
   * statistics replace the running ones, which are those of products with other weights.
   */
  restart(): void {
    this.parts.optimizer.restart();
    this.steps.restart();
  }

  /** Trains the rest of the epoch under way. Returns whether it came to its end. */
  async train(watch: StageWatch): Promise<boolean> {
    const { optimizer, loader, options } = this.parts;
    const { steps, schedule } = this;
    const { epoch, step } = watch.progress;
    let done = step;
    this.step.teacherWeight = teacherWeight(options, epoch);
    if (done === 0) optimizer.clearFlips();
    steps.startFrom(watch.progress);
    const late = new LateSteps(watch);
    let batches = 0;
    for await (const batch of loader.epoch(epoch, done * steps.batches)) {
      const update = schedule.updateAfter(epoch, done + 1);
      await steps.run(batch, update !== undefined);
      batch.release();
      if (++batches % steps.batches > 0) continue;
      done++;
      const end = await steps.end(update !== undefined, watch.wish);
      if (update !== undefined) {
        optimizer.step(schedule.rateOf(update), update);
        optimizer.clearGradients();
      }
      await late.tell();
      late.keep(end);
      const wish = end.agreed ?? watch.wish;
      if (update === undefined || done === schedule.stepsPerEpoch || !(wish.stop || wish.save)) continue;
      await late.tell();
      if (!(await watch.pause(wish))) return false;
    }
    await late.tell();
    return true;
  }

  /** @throws UserError where the weights are no numbers any more */
  async finishEpoch(epoch: number): Promise<EpochEnd> {
    const { network, optimizer, options } = this.parts;
    const { schedule } = this;
    const [flipRatio, ownShare, operations] = await Promise.all([
      optimizer.flipRatios(schedule.updatesPerEpoch),
      network.positiveShares(),
      network.fold(optimizer.shipped),
    ]);
    const positiveShare = await this.lastShare(ownShare);
    requireFiniteWeights(operations, epoch + 1, options.learningRate);
    return { learningRate: schedule.rateOf(schedule.lastUpdate(epoch)), flipRatio, positiveShare, operations };
  }

  /** Of the batch's last part, whichever process has it. */
  private async lastShare(own: EpochEnd["positiveShare"]): Promise<EpochEnd["positiveShare"]> {
    const { exchange } = this.parts;
    return exchange === undefined ? own : ((await gatherValues(exchange.communicator, own)).at(-1) ?? own);
  }

  [Symbol.dispose](): void {
    this.scope[Symbol.dispose]();
  }
}

/** Tells of a step when the next one has been enqueued: a device need not wait for who watches. */
class LateSteps {
  private kept: StepEnd | undefined;
  private last = performance.now();

  constructor(private readonly watch: StageWatch) {}

  keep(end: StepEnd): void {
    this.kept = end;
  }

  /** Of what is kept. */
  async tell(): Promise<void> {
    if (this.kept === undefined) return;
    const { totals, slowest } = this.kept;
    this.kept = undefined;
    const read = await totals;
    const now = performance.now();
    this.watch.stepDone(read, (now - this.last) / 1000, slowest);
    this.last = now;
  }
}
