/**
 * A run as TensorBoard shows it: an event file beside metrics.jsonl with the scalars of each epoch and, at the end, the confusion matrix
 * and the worst mistakes as pictures. A run that is resumed begins a new file with the epochs that it keeps, in place of the old one.
 */
import { type FileHandle, open, readdir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { explainWriteError } from "../atomic-file.js";
import type { ImageSet } from "../data/dataset.js";
import { loadSharp } from "../data/decoding/sharp.js";
import type { DetailedEvaluation, EpochRecord } from "../training/records/run-records.js";
import { type EventPicture, eventRecord, firstRecord, type LoggedEvent } from "./event-file.js";
import { encodePicture } from "./pictures.js";

/** TensorBoard takes files with the first part in their names; the last says that it is ours to replace. */
const NAME = /^events\.out\.tfevents\..*\.rbnet$/;
/** Pixels of the matrix, at least; a class is a whole number of them. */
const MATRIX_SIDE = 256;
const DEEP_BLUE = [8, 48, 107] as const;

export class TensorBoardLog {
  private constructor(
    private readonly file: FileHandle,
    private readonly path: string,
  ) {}

  /**
   * @param epochs of the run before it was resumed
   * @throws UserError where the folder cannot be written to
   */
  static async open(folder: string, epochs: readonly EpochRecord[]): Promise<TensorBoardLog> {
    const time = Date.now() / 1000;
    const path = join(folder, `events.out.tfevents.${Math.floor(time)}.${hostname()}.${process.pid}.rbnet`);
    for (const name of await readdir(folder)) if (NAME.test(name)) await rm(join(folder, name), { force: true });
    const file = await open(path, "w").catch((error: unknown) => {
      throw explainWriteError(error, path);
    });
    const log = new TensorBoardLog(file, path);
    await log.append(firstRecord(time));
    for (const epoch of epochs) await log.addEpoch(epoch);
    return log;
  }

  async addEpoch(epoch: EpochRecord): Promise<void> {
    await this.add({ step: epoch.index, scalars: scalarsOf(epoch) });
  }

  /** What the network that ships makes of a set of images. */
  async addResult(set: ImageSet, evaluation: DetailedEvaluation, classes: readonly string[], step: number): Promise<void> {
    const { loss, top1, top5, calibrationError, confusion, mistakes } = evaluation;
    const pictures: Record<string, EventPicture> = { "shipped/confusion matrix": await drawConfusion(confusion) };
    for (const [place, { index, label, predicted }] of mistakes.entries()) {
      const picture = await pictureOf(set, index);
      const number = String(place + 1).padStart(2, "0");
      if (picture !== undefined) pictures[`mistakes/${number} ${classes[label]} taken for ${classes[predicted]}`] = picture;
    }
    const scalars = { "shipped/loss": loss, "shipped/top1": top1, "shipped/top5": top5 };
    await this.add({ step, scalars: { ...scalars, "shipped/calibration_error": calibrationError }, pictures });
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  private async add(event: Omit<LoggedEvent, "time">): Promise<void> {
    await this.append(eventRecord({ time: Date.now() / 1000, ...event }));
  }

  private async append(bytes: Uint8Array): Promise<void> {
    try {
      await this.file.appendFile(bytes);
    } catch (error) {
      throw explainWriteError(error, this.path);
    }
  }
}

function scalarsOf({ trainLoss, trainTop1, validation, learningRate, imagesPerSecond, flipRatio, positiveShare }: EpochRecord) {
  const byLayer = (kind: string, values: Readonly<Record<string, number>>) =>
    Object.entries(values).map(([layer, value]) => [`${kind}/${layer}`, value] as const);
  return Object.fromEntries([
    ["train/loss", trainLoss],
    ["train/top1", trainTop1],
    ...(validation === undefined ? [] : Object.entries(validation).map(([key, value]) => [`validation/${key}`, value] as const)),
    ["learning_rate", learningRate],
    ["images_per_second", imagesPerSecond],
    ...byLayer("flip_ratio", flipRatio),
    ...byLayer("positive_share", positiveShare),
  ]) as Record<string, number>;
}

/** A row for each class, a column for what it is taken for; the darker, the more of the row's images, by the square root. */
async function drawConfusion(confusion: DetailedEvaluation["confusion"]): Promise<EventPicture> {
  const classes = confusion.length;
  const cell = Math.max(1, Math.ceil(MATRIX_SIDE / classes));
  const side = cell * classes;
  const totals = confusion.map((row) =>
    Math.max(
      1,
      row.reduce((sum, count) => sum + count, 0),
    ),
  );
  const pixels = Uint8Array.from({ length: 3 * side * side }, (_, at) => {
    const [label, predicted] = [Math.floor(at / (3 * side * cell)), Math.floor((at % (3 * side)) / (3 * cell))];
    const share = Math.sqrt((confusion[label]?.[predicted] ?? 0) / (totals[label] ?? 1));
    return Math.round(255 + share * ((DEEP_BLUE[at % 3] ?? 0) - 255));
  });
  const encoded = await loadSharp()(pixels, { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toBuffer();
  return { height: side, width: side, encoded };
}

/** Undefined for one that cannot be decoded any more. */
async function pictureOf(set: ImageSet, index: number): Promise<EventPicture | undefined> {
  try {
    const { bytes } = await encodePicture(set, index);
    const { height, width } = await loadSharp()(bytes).metadata();
    return { height, width, encoded: bytes };
  } catch {
    return undefined;
  }
}
