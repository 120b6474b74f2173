/**
 * What a run holds open from its start to its end: a device with the network and its optimizer in its memory, the loader of its batches,
 * its teacher, and the store where it is kept.
 */
import type { Backend } from "../backend/device.js";
import { machineOf } from "../backend/machine.js";
import { openBackend } from "../backend/open.js";
import { MemoryScope } from "../backend/scope.js";
import { requireAlike } from "../cluster/alike.js";
import { ALONE } from "../cluster/alone.js";
import type { Communicator } from "../cluster/communicator.js";
import type { Dataset } from "../data/dataset.js";
import type { BatchImages } from "../data/loading/batch-source.js";
import { Loader, type LoaderOptions } from "../data/loading/loader.js";
import { Random } from "../data/random.js";
import { balancedFactors } from "../data/sets/balance.js";
import { type OpenedViews, openViews } from "../data/views/open-views.js";
import { readParts } from "../layers/parameters.js";
import type { NetworkDescription } from "../networks/description.js";
import { Network } from "../networks/network.js";
import type { Model } from "../runtime/model.js";
import type { Operation } from "../runtime/operations.js";
import { FolderStore } from "../stores/folder-store.js";
import { NOWHERE, type RunStore } from "../stores/run-store.js";
import { SharedStore } from "../stores/shared-store.js";
import { type CheckpointIdentity, encodeCheckpoint, readTensors, restoreCheckpoint } from "./records/checkpoint.js";
import { checkFit, checkRanks } from "./settings/fit.js";
import { partImages, type TrainingOptions } from "./settings/options.js";
import { requireFiniteTensors } from "./stage/divergence.js";
import { type KeptMemory, Optimizer } from "./stage/optimizer.js";
import { type Exchange, openExchange } from "./stage/parted-steps.js";
import type { Progress } from "./stage/progress.js";
import type { StageParts } from "./stage/stage-run.js";
import type { TrainingStage } from "./stage/stages.js";
import { beginFrom } from "./start/begin.js";
import { type Frozen, frozenPart } from "./start/frozen.js";
import { checkStart, dataFor, readStart, type Start } from "./start/start.js";
import { type OpenedTeacher, openNamed } from "./teachers/open-teacher.js";
import type { Teacher } from "./teachers/teacher.js";
import type { TrainerSetup } from "./trainer-setup.js";

/** Keeps the draws of initial weights apart from those of the data. */
const WEIGHT_STREAM = 0x77656967;

/** A run that is about to be opened: what is trained, on what, and how. */
export interface RunSubject {
  readonly description: NetworkDescription;
  readonly data: Dataset;
  readonly options: TrainingOptions;
}

export class RunParts implements StageParts, RunSubject, AsyncDisposable {
  readonly description: NetworkDescription;
  readonly data: Dataset;
  readonly options: TrainingOptions;
  readonly network: Network;
  readonly optimizer: Optimizer;
  readonly loader: Loader<BatchImages>;
  readonly classWeights: Float64Array | undefined;
  readonly exchange: Exchange | undefined;
  private readonly frozen: Frozen;

  private constructor(
    readonly backend: Backend,
    private readonly ownsBackend: boolean,
    private readonly scope: MemoryScope,
    readonly store: RunStore,
    private readonly opened: OpenedTeacher | undefined,
    private readonly start: Start | undefined,
    readonly keepEvery: number,
    readonly communicator: Communicator,
    loaders: number | undefined,
    views: OpenedViews | undefined,
    { description, data, options }: RunSubject,
  ) {
    this.description = description;
    this.data = data;
    this.options = options;
    const random = new Random(options.seed, WEIGHT_STREAM);
    this.network = new Network(backend, description, {
      normal: (count, standardDeviation) => Float32Array.from({ length: count }, () => standardDeviation * random.normal()),
    });
    this.frozen = frozenPart(this.network, options.freeze);
    this.optimizer = new Optimizer(backend, this.network.store, options, this.frozen.names);
    scope.seal();
    const { size, mean, standardDeviation, train } = data;
    const { seed, augmentation, sampler, replicas = 1 } = options;
    this.classWeights = options.classWeights === undefined ? undefined : balancedFactors(train.labels, data.classes.length);
    this.exchange = replicas === 1 ? undefined : openExchange(communicator, this.network, options);
    const loading: LoaderOptions = {
      batch: partImages(options),
      size,
      mean,
      standardDeviation,
      augmentation,
      seed,
      shuffle: true,
      sampler,
      dropLast: true,
      views: views?.plan,
      ...(this.exchange === undefined ? {} : { share: { ...this.exchange.share, of: replicas } }),
      ...(loaders === undefined ? {} : { workers: loaders }),
    };
    // Bytes, where the device makes images of them and nobody else wants these.
    const isRaw = backend.augmentImages !== undefined && opened?.teacher.readsPixels !== true;
    this.loader = isRaw ? Loader.raw(train, loading) : new Loader(train, loading);
  }

  /** @throws UserError where settings, data and network do not fit each other, or the folder cannot be used */
  static async open(given: RunSubject, setup: TrainerSetup): Promise<RunParts> {
    const { description, options } = given;
    const start = options.from === undefined ? undefined : await readStart(options.from);
    checkFit(description, given.data, options);
    const { distill, augmentation } = options;
    const views = distill?.views === undefined ? undefined : await openViews(distill.views, given.data, augmentation);
    const data = dataFor(start, views, given.data);
    const subject = { ...given, data };
    const { communicator = ALONE, loaders } = setup;
    checkRanks(options, communicator.size);
    if (start !== undefined) checkStart(start, description, options);
    const { backend: chosen, resume = false, ...rest } = setup;
    const machine = machineOf(typeof chosen === "string" ? { ...rest, backend: chosen } : rest);
    const folder = setup.out === undefined ? NOWHERE : new FolderStore(setup.out);
    const store = communicator.size === 1 ? folder : new SharedStore(folder, communicator);
    const ownsBackend = chosen === undefined || typeof chosen === "string";
    const backend = ownsBackend ? await openBackend(machine) : chosen;
    const scope = new MemoryScope(backend);
    let opened: OpenedTeacher | undefined;
    try {
      await store.prepare(resume);
      const batch = partImages(options);
      opened = await openNamed(distill, views, data, { backend, batch, threads: machine.threads });
      await requireAlike(communicator, { "what the teacher is": opened?.digest ?? "none" });
      const { keepEvery } = machine;
      return new RunParts(backend, ownsBackend, scope, store, opened, start, keepEvery, communicator, loaders, views, subject);
    } catch (error) {
      await opened?.teacher.close();
      scope[Symbol.dispose]();
      if (ownsBackend) backend[Symbol.dispose]();
      await store.release();
      throw error;
    }
  }

  /** Puts the values of a trained network in the place of random ones, where the run starts from one. */
  async begin(): Promise<void> {
    const { backend, network, data, options, start } = this;
    if (start === undefined) return;
    await beginFrom(start, { backend, network, data, seed: options.seed });
    this.optimizer.restart();
    await network.hold(this.frozen.layers);
  }

  /** Whether the running statistics at the start of the run are those of products with other weights than the stage's. */
  startsAnew({ weights }: TrainingStage): boolean {
    return this.start !== undefined && this.start.weights !== weights;
  }

  /** The one that the settings name. */
  get teacher(): Teacher | undefined {
    return this.opened?.teacher;
  }

  /** Whether the second of two stages learns from the network of the first. */
  get isChained(): boolean {
    return this.options.distill?.chain === true;
  }

  /** The network as it is evaluated and shipped, from its operations. */
  modelOf(operations: readonly Operation[]): Model {
    const { name, width } = this.description;
    const { classes, size, mean, standardDeviation } = this.data;
    return { network: { name, width }, classes, size, mean, standardDeviation, operations };
  }

  /** Keeps all that continues the run from where it is. */
  async save(part: "checkpoint" | "firstStage", progress: Progress): Promise<void> {
    await this.store.write(part, async () => {
      const tensors = await readTensors(this.backend, this.memory);
      requireFiniteTensors(tensors.values(), progress, this.options.learningRate);
      return encodeCheckpoint(tensors, this.identity, progress);
    });
  }

  /** Goes back to where a checkpoint was saved. */
  async load(part: "checkpoint" | "firstStage"): Promise<Progress> {
    const { store, backend } = this;
    const progress = restoreCheckpoint(await store.read(part), store.placeOf(part), backend, this.memory, this.identity);
    await this.network.hold(this.frozen.layers);
    return progress;
  }

  /** The names and values of what is trained, for processes to compare. */
  async trained(): Promise<ReadonlyMap<string, Float32Array>> {
    const { values, states } = this.network.store;
    return readParts(this.backend, [values, states]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.loader.close();
    await this.opened?.teacher.close();
    this.scope[Symbol.dispose]();
    if (this.ownsBackend) this.backend[Symbol.dispose]();
    await this.store.release();
  }

  /** All that continues a run and lies on the device. */
  private get memory(): readonly KeptMemory[] {
    const { values, states } = this.network.store;
    return [...this.optimizer.memory, values, states];
  }

  private get identity(): CheckpointIdentity {
    const { name, classes, size, train, mean, standardDeviation } = this.data;
    return {
      network: this.description,
      options: this.options,
      data: { name, classes, size, train: train.count, mean, deviation: standardDeviation },
      teacher: this.opened === undefined ? {} : { sha256: this.opened.digest },
      start: this.start === undefined ? {} : { sha256: this.start.digest },
    };
  }
}
