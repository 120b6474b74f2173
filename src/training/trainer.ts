/**
 * Trains a network on a data set: batch -> layers forward -> loss -> layers backward -> optimizer, epoch by epoch. After each epoch the network is
 * folded and evaluated as it will ship (in the first of two stages, with the real weights that it has there); the best of the last stage by validation top-1 (the last, without validation images) is what `export` writes.
 */
import { availableParallelism } from "node:os";
import type { Backend, GradientPrecision } from "../backend/device.js";
import { type BackendName, openBackend } from "../backend/open.js";
import type { Dataset, ImageSet, SkippedImage } from "../data/dataset.js";
import type { Batch } from "../data/loading/loader.js";
import { Loader } from "../data/loading/loader.js";
import { Random } from "../data/random.js";
import { readModelFile, writeModelFile } from "../deploy/model-file.js";
import { UserError } from "../errors.js";
import type { NetworkDescription } from "../networks/description.js";
import { Network } from "../networks/network.js";
import type { Model } from "../runtime/model.js";
import type { Operation } from "../runtime/operations.js";
import { checkpointPath, firstStagePath, modelPath, prepareRunFolder } from "../stores/run-folder.js";
import type { Tensor } from "../tensor.js";
import { evaluateModel } from "./evaluate.js";
import { loadCheckpoint, saveCheckpoint } from "./records/checkpoint.js";
import type { DetailedEvaluation, EpochRecord, Evaluation, StepProgress } from "./records/run-records.js";
import { checkFit } from "./settings/fit.js";
import { parseTrainingSettings, type TrainingOptions, type TrainingSettings } from "./settings/options.js";
import { Optimizer } from "./stage/optimizer.js";
import { afterEpoch, afterStep, isBest, type Progress, START, stepProgress } from "./stage/progress.js";
import { learningRateAt } from "./stage/schedule.js";
import { isLast, stageAt, stageNumber, stagesOf, type TrainingStage } from "./stage/stages.js";
import { TrainingStep } from "./stage/training-step.js";
import { type OpenedTeacher, openTeacher, stageTeacher } from "./teachers/open-teacher.js";

/** Keeps the draws of initial weights apart from those of the data. */
const WEIGHT_STREAM = 0x77656967;

export interface TrainerSetup {
  /**
   * One that is open, which is not disposed of, or the name of one to open on `threads` threads; default `auto`, the fastest that is there. What is
   * allocated on an open one after a trainer of two stages lasts until its second stage begins.
   */
  readonly backend?: Backend | BackendName;
  /** Of a backend that is opened by name; default `float32`. */
  readonly precision?: GradientPrecision;
  /** Default: one a core. The result does not depend on it. */
  readonly threads?: number;
  /** Keep the map of every so many-th unit for the backward pass, and compute the others and large results again (NetworkMemory): less memory, more time. Default 1, all. The result does not depend on it. */
  readonly keepEvery?: number;
  /** Folder of the run: checkpoint.safetensors and model.safetensors. Without one nothing is written. */
  readonly out?: string;
  /** Go on from the folder's checkpoint. */
  readonly resume?: boolean;
  readonly onStep?: (progress: StepProgress) => void;
  /** Between checkpoints within an epoch; default 3. */
  readonly checkpointMinutes?: number;
}

export class Trainer implements AsyncIterable<EpochRecord> {
  readonly network: Network;
  private readonly optimizer: Optimizer;
  /** What lies above belongs to the stage. */
  private readonly mark: number;
  private bound: { readonly stage: TrainingStage; readonly trainingStep: TrainingStep } | undefined;
  private readonly loader: Loader;
  private progress: Progress = START;
  private best: Model | undefined;
  /** The network that the first stage has made, where the second learns from it. */
  private firstStage: Model | undefined;
  private stopRequested = false;
  private savedAt = performance.now();

  private constructor(
    readonly backend: Backend,
    private readonly ownsBackend: boolean,
    readonly description: NetworkDescription,
    readonly data: Dataset,
    readonly options: TrainingOptions,
    private readonly setup: TrainerSetup,
    private readonly opened: OpenedTeacher | undefined,
  ) {
    const random = new Random(options.seed, WEIGHT_STREAM);
    this.network = new Network(backend, description, {
      normal: (count, deviation) => Float32Array.from({ length: count }, () => deviation * random.normal()),
    });
    this.optimizer = new Optimizer(backend, this.network.store, options);
    this.mark = backend.mark();
    const { size, mean, deviation, train } = data;
    const { batch, seed, augmentation } = options;
    this.loader = new Loader(train, {
      batch,
      size,
      mean,
      deviation,
      augmentation: augmentation as LoaderAugmentation,
      seed,
      shuffle: true,
      dropLast: true,
    });
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
    const options = parseTrainingSettings(settings);
    checkFit(description, data, options);
    const { keepEvery = 1 } = setup;
    if (!Number.isInteger(keepEvery) || keepEvery < 1)
      throw new UserError(
        `keepEvery is ${keepEvery}, but the map of every so many-th unit is kept: give a whole number from 1 on`,
      );
    if (setup.out !== undefined) await prepareRunFolder(setup.out, setup.resume === true);
    const ownsBackend = setup.backend === undefined || typeof setup.backend === "string";
    const backend = await backendOf(setup);
    const mark = backend.mark();
    let trainer: Trainer | undefined;
    let opened: OpenedTeacher | undefined;
    try {
      const { distill, batch } = options;
      if (distill !== undefined) {
        const { threads = availableParallelism() } = setup;
        opened = await openTeacher(distill, data, { backend, batch, threads });
      }
      trainer = new Trainer(backend, ownsBackend, description, data, options, setup, opened);
      if (setup.resume === true) await trainer.resume();
      trainer.enterStage();
      return trainer;
    } catch (error) {
      await trainer?.loader.close();
      await opened?.teacher.close();
      backend.release(mark);
      if (ownsBackend) backend[Symbol.dispose]();
      throw error;
    }
  }

  /** Epoch that the iteration starts with, from 1. */
  get startEpoch(): number {
    return this.progress.epoch + 1;
  }

  /** Epoch of the network that `export` writes; 0 before the first. */
  get bestEpoch(): number {
    return this.progress.bestEpoch;
  }

  /** Seconds of training and evaluation, of this run and those that it continues. */
  get totalSeconds(): number {
    return this.progress.totalSeconds;
  }

  /** See TrainerSetup. */
  get keepEvery(): number {
    return this.setup.keepEvery ?? 1;
  }

  /** Whether the run was stopped by requestStop before its last epoch. */
  get stopped(): boolean {
    return this.stopRequested && !this.finished;
  }

  /** Finishes the step under way, saves a checkpoint and ends the iteration. */
  requestStop(): void {
    this.stopRequested = true;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<EpochRecord> {
    while (!this.finished) {
      const record = await this.trainEpoch();
      if (record === undefined) {
        await this.save();
        return;
      }
      yield record;
      if (this.stopRequested) return;
    }
  }

  /** All epochs are done, or none of the last `patience` was better than the best. */
  private get finished(): boolean {
    const { patience, epochs } = this.options;
    const { epoch, bestEpoch } = this.progress;
    const { firstEpoch = 0 } = stagesOf(this.options).at(-1) ?? {};
    const waited = epoch - Math.max(firstEpoch, bestEpoch);
    return epoch >= epochs || (patience > 0 && this.data.validation !== undefined && waited >= patience);
  }

  /**
   * Binds the network as the stage of the epoch under way needs it. A second stage starts from the parameters of the first and nothing else: moments and
   * averages are forgotten, and the first batch's statistics replace the running ones, which are those of products with real weights.
   */
  private enterStage(): TrainingStep {
    const { backend, network, options, optimizer, opened } = this;
    const { epoch, step } = this.progress;
    const stage = stageAt(options, epoch);
    if (this.bound?.stage.number !== stage.number) {
      backend.release(this.mark);
      network.bind(options.batch, { weights: stage.weights, keepEvery: this.keepEvery });
      const { firstStage } = this;
      const teacher = firstStage === undefined ? opened?.teacher : stageTeacher(backend, firstStage, this.data, options);
      this.bound = { stage, trainingStep: new TrainingStep(backend, network, options, teacher) };
    }
    if (stage.number > 1 && epoch === stage.firstEpoch && step === 0) {
      optimizer.restart();
      for (const state of network.states) state.restart();
    }
    return this.bound.trainingStep;
  }

  /** Runs the rest of the epoch under way; undefined where a stop was asked for first. */
  private async trainEpoch(): Promise<EpochRecord | undefined> {
    const { backend, options, optimizer, loader } = this;
    const { epoch } = this.progress;
    const trainingStep = this.enterStage();
    const stage = stageAt(options, epoch);
    const steps = loader.batchesPerEpoch;
    const updatesPerEpoch = Math.ceil(steps / options.accumulate);
    const total = updatesPerEpoch * stage.epochs;
    if (this.progress.step === 0) for (const flips of optimizer.flips.values()) backend.fill(flips, 0);
    let rate = 0;
    let last = performance.now();
    for await (const batch of loader.epoch(epoch, this.progress.step)) {
      const { loss, correct } = await trainingStep.run(batch as Batch);
      batch.release();
      const done = this.progress.step + 1;
      if (!Number.isFinite(loss))
        throw new UserError(
          `the loss became ${loss} in epoch ${epoch + 1}, step ${done}; use a lower learning rate than ${options.learningRate}`,
        );
      if (done % options.accumulate === 0 || done === steps) {
        const update = (epoch - stage.firstEpoch) * updatesPerEpoch + Math.ceil(done / options.accumulate) - 1;
        rate = learningRateAt(options, update, updatesPerEpoch, total);
        optimizer.step(rate, update + 1);
        optimizer.clearGradients();
      }
      const now = performance.now();
      this.progress = afterStep(this.progress, { loss, correct }, (now - last) / 1000);
      last = now;
      this.setup.onStep?.(stepProgress(this.progress, options, steps));
      // A checkpoint holds no half-summed gradients: it waits for the update.
      if (done % options.accumulate === 0 && done < steps) {
        if (this.stopRequested) return undefined;
        if (this.setup.out !== undefined && now - this.savedAt > (this.setup.checkpointMinutes ?? 3) * 60_000) await this.save();
      }
    }
    return this.finishEpoch(steps, rate);
  }

  private async finishEpoch(steps: number, learningRate: number): Promise<EpochRecord> {
    const { options, optimizer, network, data } = this;
    const start = performance.now();
    const flipRatio: Record<string, number> = {};
    const updates = Math.ceil(steps / options.accumulate);
    for (const [name, counter] of optimizer.flips) {
      const [count = 0] = await this.backend.read(counter);
      flipRatio[name] = count / updates / (optimizer.latentCounts.get(name) ?? 1);
    }
    const positiveShare = Object.fromEntries((await network.balances()).map(({ name, positiveShare: share }) => [name, share]));
    const model = await this.folded();
    // The loss of a step says nothing of the update that follows it.
    if (!model.operations.every(hasFiniteWeights))
      throw new UserError(
        `the weights became infinite in the last step of epoch ${this.progress.epoch + 1}; use a lower learning rate than ${options.learningRate}`,
      );
    const validation = data.validation === undefined ? undefined : await evaluateModel(this.backend, model, data.validation);
    const { epoch, lossSum, correct, seconds } = this.progress;
    const stage = stageAt(options, epoch);
    const best = isLast(stage) && isBest(this.progress, validation?.top1);
    if (best) {
      this.best = model;
      if (this.setup.out !== undefined) await writeModelFile(modelPath(this.setup.out), model);
    }
    this.progress = afterEpoch(this.progress, best, validation?.top1, (performance.now() - start) / 1000);
    if (this.startsChained) {
      this.firstStage = model;
      await this.save(firstStagePath);
    }
    await this.save();
    const images = steps * options.batch;
    return {
      kind: "epoch",
      index: epoch + 1,
      ...stageNumber(stage),
      steps,
      learningRate,
      trainLoss: lossSum / steps,
      trainTop1: correct / images,
      ...(validation === undefined ? {} : { validation: summaryOf(validation) }),
      imagesPerSecond: images / seconds,
      seconds,
      flipRatio,
      positiveShare,
      ...skippedIn([...this.loader.skipped, ...(validation?.skipped ?? [])]),
    };
  }

  /** Evaluates the network that `export` writes. */
  async evaluate(set: ImageSet): Promise<DetailedEvaluation> {
    return evaluateModel(this.backend, this.bestModel, set);
  }

  /** Writes the model file atomically; returns its bytes. */
  async export(path: string): Promise<number> {
    return writeModelFile(path, this.bestModel);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.loader.close();
    await this.opened?.teacher.close();
    if (this.ownsBackend) this.backend[Symbol.dispose]();
  }

  private get bestModel(): Model {
    if (this.best === undefined) {
      const epoch = this.options.stages === 2 ? "epoch of the second stage" : "epoch";
      throw new UserError(
        `no ${epoch} is finished yet, so there is no network to evaluate or export; let the training run for at least one ${epoch}`,
      );
    }
    return this.best;
  }

  /** The network as it is evaluated. */
  private async folded(): Promise<Model> {
    const operations = await this.optimizer.withAverages(() => this.network.fold());
    const { classes, size, mean, deviation } = this.data;
    const { name, width } = this.description;
    return { network: { name, width }, classes, size, mean, deviation, operations };
  }

  private get tensors(): ReadonlyMap<string, Tensor> {
    const found = new Map<string, Tensor>(this.optimizer.tensors);
    for (const { name, value } of [...this.network.parameters, ...this.network.states]) found.set(name, value);
    for (const [name, flips] of this.optimizer.flips) found.set(`${name}.flips`, flips);
    return found;
  }

  private get identity() {
    const { name, classes, size, train, mean, deviation } = this.data;
    return {
      network: this.description,
      options: this.options,
      data: { name, classes, size, train: train.count, mean, deviation },
      teacher: this.opened === undefined ? {} : { sha256: this.opened.digest },
    };
  }

  /** Whether the next step is the first of a stage that learns from the one before it. */
  private get startsChained(): boolean {
    const { epoch, step } = this.progress;
    const stage = stageAt(this.options, epoch);
    return this.options.distill?.chain === true && stage.number > 1 && epoch === stage.firstEpoch && step === 0;
  }

  private async save(path = checkpointPath): Promise<void> {
    this.savedAt = performance.now();
    if (this.setup.out === undefined) return;
    await saveCheckpoint(path(this.setup.out), this.backend, this.tensors, this.identity, this.progress);
  }

  private async resume(): Promise<void> {
    const { out } = this.setup;
    if (out === undefined) throw new UserError("there is no folder to resume from; give the folder of the run that was stopped");
    this.progress = await this.load(checkpointPath(out));
    if (this.progress.bestEpoch > 0) this.best = await readModelFile(modelPath(out));
    if (this.options.distill?.chain !== true || stageAt(this.options, this.progress.epoch).number === 1) return;
    await this.recallFirstStage(firstStagePath(out));
    await this.load(checkpointPath(out));
  }

  /** Folds the network as the first stage left it. All parameters are then those of the file. */
  private async recallFirstStage(path: string): Promise<void> {
    const { epoch } = await this.load(path);
    const { firstEpoch } = stageAt(this.options, epoch);
    if (epoch === 0 || epoch !== firstEpoch)
      throw new UserError(
        `${path} should hold the end of the first stage, but is a checkpoint of epoch ${epoch}; restore the file that the run wrote, or start the run again`,
      );
    this.network.bind(1, { weights: "real" });
    this.firstStage = await this.folded();
    this.backend.release(this.mark);
  }

  private load(path: string): Promise<Progress> {
    return loadCheckpoint(path, this.backend, this.tensors, this.identity);
  }
}

async function backendOf({
  backend = "auto",
  threads = availableParallelism(),
  precision = "float32",
}: TrainerSetup): Promise<Backend> {
  return typeof backend === "string" ? openBackend({ threads, name: backend, precision }) : backend;
}

type LoaderAugmentation = NonNullable<ConstructorParameters<typeof Loader>[1]["augmentation"]>;

/** Scale, bias, thresholds and weights of an operation are all finite. */
function hasFiniteWeights(operation: Operation): boolean {
  const parts: object = "epilogue" in operation ? { ...operation, ...operation.epilogue } : operation;
  return Object.values(parts).every((part: unknown) => !(part instanceof Float32Array) || part.every(Number.isFinite));
}

/** Enough to see what is wrong; metrics.jsonl is no list of files. */
const NAMED_SKIPPED = 5;

function skippedIn(images: readonly SkippedImage[]): Pick<EpochRecord, "skipped"> {
  return images.length === 0 ? {} : { skipped: { count: images.length, named: images.slice(0, NAMED_SKIPPED) } };
}

function summaryOf({ images, loss, top1, top5 }: DetailedEvaluation): Evaluation {
  return { images, loss, top1, top5 };
}
