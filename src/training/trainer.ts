/**
 * Trains a network on a data set: batch -> layers forward -> loss -> layers backward -> optimizer, epoch by epoch. After each epoch the
 * network is folded and evaluated as it will ship (in the first of two stages, with the real weights that it has there); the best of the
 * last stage by validation top-1, and loss where that is the same (the last, where validation images are too few to choose by, or none), is
 * what `export` writes.
 */
import type { Backend } from "../backend/device.js";
import { lead } from "../cluster/lead.js";
import type { Dataset, ImageSet } from "../data/dataset.js";
import { writeModelFile } from "../deploy/model-file.js";
import type { NetworkDescription } from "../networks/description.js";
import type { Network } from "../networks/network.js";
import type { RunStore } from "../stores/run-store.js";
import { requireSameWeights } from "./agreement.js";
import { evaluateModel } from "./evaluate.js";
import { epochRecord } from "./records/epoch-record.js";
import type { DetailedEvaluation, EpochRecord } from "./records/run-records.js";
import { RunControl } from "./run-control.js";
import { RunModels } from "./run-models.js";
import { RunParts } from "./run-parts.js";
import { parseTrainingSettings, type TrainingOptions, type TrainingSettings } from "./settings/options.js";
import { standardRate } from "./settings/standard-settings.js";
import { afterEpoch, choosesEpoch, isBest, isFinished } from "./stage/progress.js";
import { StageRun } from "./stage/stage-run.js";
import { isLast, isStart, stageAt } from "./stage/stages.js";
import type { TrainerSetup } from "./trainer-setup.js";

export class Trainer implements AsyncIterable<EpochRecord> {
  readonly backend: Backend;
  readonly network: Network;
  readonly description: NetworkDescription;
  readonly data: Dataset;
  readonly options: TrainingOptions;
  /** See TrainerSetup. */
  readonly keepEvery: number;
  /** Where the run is kept. */
  readonly store: RunStore;
  private readonly control: RunControl;
  private readonly models: RunModels;
  private stageRun: StageRun | undefined;

  private constructor(
    private readonly parts: RunParts,
    setup: TrainerSetup,
  ) {
    this.backend = parts.backend;
    this.network = parts.network;
    this.description = parts.description;
    this.data = parts.data;
    this.options = parts.options;
    this.keepEvery = parts.keepEvery;
    this.store = parts.store;
    this.models = new RunModels(parts);
    const { options, loader, exchange, communicator } = parts;
    const steps = loader.batchesPerEpoch / (exchange === undefined ? 1 : exchange.share.end - exchange.share.first);
    this.control = new RunControl(options, steps, parts.save.bind(parts, "checkpoint"), setup, communicator);
  }

  /**
   * Loads the kernels, allocates all memory of a step, and reads the checkpoint where `resume` is set.
   *
   * @throws UserError where settings, data and network do not fit each other, or the checkpoint is of another run
   */
  static async create(
    description: NetworkDescription,
    data: Dataset,
    settings: TrainingSettings,
    setup: TrainerSetup = {},
  ): Promise<Trainer> {
    const { learningRate = standardRate(description, settings.optimizer) } = settings;
    const options = parseTrainingSettings({ ...settings, learningRate });
    const parts = await RunParts.open({ description, data, options }, setup);
    try {
      const trainer = new Trainer(parts, setup);
      if (setup.resume === true) await trainer.resume();
      else await parts.begin();
      await trainer.enterStage();
      return trainer;
    } catch (error) {
      await parts[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Epoch that the iteration starts with, from 1. */
  get startEpoch(): number {
    return this.control.progress.epoch + 1;
  }

  /** Epoch of the network that `export` writes; 0 before the first. */
  get bestEpoch(): number {
    return this.control.progress.bestEpoch;
  }

  /** Whether validation decides which epoch that is; else it is the last. */
  get choosesEpoch(): boolean {
    return choosesEpoch(this.data.validation?.count ?? 0, this.options);
  }

  /** Seconds of training and evaluation, of this run and those that it continues. */
  get totalSeconds(): number {
    return this.control.progress.totalSeconds;
  }

  /** Whether the run was stopped by requestStop before its last epoch. */
  get stopped(): boolean {
    return this.control.stopRequested && !this.finished;
  }

  /** Finishes the step under way, saves a checkpoint and ends the iteration. */
  requestStop(): void {
    this.control.stopRequested = true;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<EpochRecord> {
    while (!this.finished) {
      const stageRun = await this.enterStage();
      if (!(await stageRun.train(this.control))) {
        await this.control.save();
        return;
      }
      yield await this.finishEpoch(stageRun);
      if (await this.control.agreeToStop()) return;
    }
  }

  /** Evaluates the network that `export` writes. */
  async evaluate(set: ImageSet): Promise<DetailedEvaluation> {
    return evaluateModel(this.backend, this.models.shipped, set, this.parts.communicator);
  }

  /** Writes the model file atomically; returns its bytes. */
  async export(path: string): Promise<number> {
    return lead(this.parts.communicator, () => writeModelFile(path, this.models.shipped));
  }

  /** Frees what the run holds, as the end of an `await using` does, which Node 20 does not know. */
  async close(): Promise<void> {
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stageRun?.[Symbol.dispose]();
    await this.parts[Symbol.asyncDispose]();
  }

  private get finished(): boolean {
    return isFinished(this.control.progress, this.options, this.data.validation !== undefined);
  }

  private async resume(): Promise<void> {
    this.control.progress = await this.parts.load("checkpoint");
    await this.models.recall(this.control.progress);
  }

  /** The run of the stage that the epoch under way belongs to. */
  private async enterStage(): Promise<StageRun> {
    const { epoch, step } = this.control.progress;
    const stage = stageAt(this.options, epoch);
    if (this.stageRun?.stage.number === stage.number) return this.stageRun;
    this.stageRun?.[Symbol.dispose]();
    this.stageRun = new StageRun(this.parts, stage, () => this.models.teacher);
    await this.stageRun.prepare();
    const isOther = stage.number > 1 || this.parts.startsAnew(stage);
    if (isOther && isStart(stage, epoch, step)) this.stageRun.restart();
    return this.stageRun;
  }

  /** Evaluates the network as the epoch has left it, and keeps what is to be kept. */
  private async finishEpoch(stageRun: StageRun): Promise<EpochRecord> {
    const { parts, control, models, data } = this;
    const { stage } = stageRun;
    const { progress } = control;
    const { communicator } = parts;
    const start = performance.now();
    const end = await stageRun.finishEpoch(progress.epoch);
    await requireSameWeights(communicator, await parts.trained());
    const model = parts.modelOf(end.operations);
    const validation =
      data.validation === undefined ? undefined : await evaluateModel(this.backend, model, data.validation, communicator);
    const score = this.choosesEpoch ? validation : undefined;
    const best = isLast(stage) && isBest(progress, score);
    if (best) await models.keepBest(model);
    control.progress = afterEpoch(progress, best, score, (performance.now() - start) / 1000);
    await models.keepTeacher(model, control.progress);
    await control.save();
    const { batch } = this.options;
    return epochRecord({ stage, progress, batch, end, validation, skipped: parts.loader.skipped });
  }
}
