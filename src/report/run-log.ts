/**
 * What a run keeps beside checkpoint and model: metrics.jsonl, a line an epoch, and report.html, written anew after
 * each epoch, so that a run can be watched and a run that was cut off has said what it got to.
 */
import { dirname } from "node:path";
import { networkTitle } from "../networks/description.js";
import { packageVersion } from "../package-version.js";
import { type NetworkSummary, summarizeNetwork } from "../training/costs/memory.js";
import { MetricsLog } from "../training/records/metrics.js";
import type { DetailedEvaluation, EpochRecord, ResultRecord, RunRecord } from "../training/records/run-records.js";
import type { Trainer } from "../training/trainer.js";
import { pictureUrls } from "./pictures.js";
import { type Assessment, renderReport } from "./report.js";
import { TensorBoardLog } from "./tensorboard.js";

export interface RunLogOptions {
  /** What to type to repeat the run. */
  readonly command: string;
  /** Name of the recipe that the settings come of. */
  readonly recipe?: string | undefined;
  /** Share of the training images that was asked to be held out. */
  readonly validationFraction?: number | undefined;
  /** Whether TensorBoard's event files are written, too; default no. */
  readonly tensorboard?: boolean | undefined;
}

export class RunLog {
  private readonly epochs: EpochRecord[];
  private assessment: Assessment | undefined;

  private constructor(
    private readonly trainer: Trainer,
    private readonly metrics: MetricsLog,
    readonly run: RunRecord,
    private readonly summary: NetworkSummary,
    private readonly command: string,
    private readonly tensorboard: TensorBoardLog | undefined,
  ) {
    this.epochs = [...metrics.epochs];
  }

  /**
   * Takes up the run that `trainer` starts or resumes, in the trainer's store.
   *
   * @throws UserError where it cannot be written to
   */
  static async open(trainer: Trainer, about: RunLogOptions): Promise<RunLog> {
    const run = describeRun(trainer, about);
    const metrics = await MetricsLog.open(trainer.store, run, trainer.startEpoch);
    const { description, options, keepEvery } = trainer;
    const summary = await summarizeNetwork(description, options.batch, { ...options, keepEvery });
    const folder = dirname(trainer.store.placeOf("metrics"));
    const tensorboard = about.tensorboard === true ? await TensorBoardLog.open(folder, metrics.epochs) : undefined;
    return new RunLog(trainer, metrics, run, summary, about.command, tensorboard);
  }

  get reportPath(): string {
    return this.trainer.store.placeOf("report");
  }

  async addEpoch(record: EpochRecord): Promise<void> {
    await this.metrics.append(record);
    await this.tensorboard?.addEpoch(record);
    this.epochs.push(record);
    await this.writeReport(undefined);
  }

  /** Evaluates the network that ships, on the test images or else the validation images; undefined where there are neither. */
  async finish(modelBytes: number): Promise<ResultRecord | undefined> {
    const { trainer } = this;
    const { test, validation } = trainer.data;
    const images = test ?? validation;
    if (images === undefined) {
      await this.writeReport(undefined);
      return undefined;
    }
    const set = test === undefined ? "validation" : "test";
    const evaluation = await trainer.evaluate(images);
    const pictures = await pictureUrls(
      images,
      evaluation.mistakes.map(({ index }) => index),
    );
    this.assessment = { set, evaluation, pictures };
    const { bestEpoch, totalSeconds: seconds } = trainer;
    const result: ResultRecord = { kind: "result", set, evaluation: brief(evaluation), bestEpoch, seconds, modelBytes };
    await this.metrics.append(result);
    await this.tensorboard?.addResult(images, evaluation, trainer.data.classes, bestEpoch);
    await this.writeReport(result);
    return result;
  }

  async close(): Promise<void> {
    await this.metrics.close();
    await this.tensorboard?.close();
  }

  private async writeReport(result: ResultRecord | undefined): Promise<void> {
    const { run, summary, epochs, command, assessment } = this;
    const plannedEpochs = this.trainer.options.epochs;
    const ending = { ...(assessment === undefined ? {} : { assessment }), ...(result === undefined ? {} : { result }) };
    await this.trainer.store.write("report", () => renderReport({ run, summary, epochs, plannedEpochs, command, ...ending }));
  }
}

function brief({ images, loss, top1, top5 }: DetailedEvaluation): ResultRecord["evaluation"] {
  return { images, loss, top1, top5 };
}

function describeRun({ description, data, options, backend }: Trainer, { recipe, validationFraction }: RunLogOptions): RunRecord {
  return {
    kind: "run",
    version: packageVersion(),
    startedAt: new Date().toISOString(),
    network: networkTitle(description),
    classes: data.classes,
    data: {
      name: data.name,
      train: data.train.count,
      validation: data.validation?.count ?? 0,
      test: data.test?.count ?? 0,
      ...(validationFraction === undefined ? {} : { validationFraction }),
    },
    ...(recipe === undefined ? {} : { recipe }),
    options,
    backend: backend.description,
  };
}
