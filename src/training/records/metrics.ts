/**
 * metrics.jsonl: what a run says about itself, one JSON object a line, for programs to follow while it trains. Each line is on the disk before the
 * next step starts. A run that is resumed goes on in the same file, without the lines of epochs that it is about to repeat.
 */
import { type FileHandle, open, readFile } from "node:fs/promises";
import { z } from "zod";
import { explainWriteError, writeFileAtomic } from "../../atomic-file.js";
import type { EpochRecord, MetricsRecord, RunRecord } from "./run-records.js";

const evaluation = z.object({ images: z.number(), loss: z.number(), top1: z.number(), top5: z.number() });
const epochSchema = z.object({
  kind: z.literal("epoch"),
  index: z.int().min(1),
  stage: z.int().min(1).exactOptional(),
  steps: z.number(),
  learningRate: z.number(),
  trainLoss: z.number(),
  trainTop1: z.number(),
  validation: evaluation.optional(),
  imagesPerSecond: z.number(),
  seconds: z.number(),
  flipRatio: z.record(z.string(), z.number()),
  positiveShare: z.record(z.string(), z.number()),
  skipped: z.object({ count: z.number(), named: z.array(z.object({ path: z.string(), reason: z.string() })) }).optional(),
});

export class MetricsFile {
  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
    /** Epochs of the run before it was resumed. */
    readonly epochs: readonly EpochRecord[],
  ) {}

  /**
   * Starts the file of a run.
   *
   * @param startEpoch epochs from this one on, which an earlier part of the run may have written, are dropped; 1 starts anew
   * @throws UserError where the file cannot be written
   */
  static async open(path: string, run: RunRecord, startEpoch: number): Promise<MetricsFile> {
    const epochs = startEpoch > 1 ? (await readEpochs(path)).filter(({ index }) => index < startEpoch) : [];
    await writeFileAtomic(path, [run, ...epochs].map(lineOf).join(""));
    try {
      return new MetricsFile(path, await open(path, "a"), epochs);
    } catch (error) {
      throw explainWriteError(error, path);
    }
  }

  /** The record is on the disk when this returns. */
  async append(record: MetricsRecord): Promise<void> {
    try {
      await this.file.appendFile(lineOf(record));
      await this.file.datasync();
    } catch (error) {
      throw explainWriteError(error, this.path);
    }
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

function lineOf(record: MetricsRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** The epochs in a file, in order; a line that a crash cut short, or that is something else, is left out, and so is a missing file. */
async function readEpochs(path: string): Promise<readonly EpochRecord[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => {
    try {
      const record = epochSchema.safeParse(JSON.parse(line));
      if (!record.success) return [];
      const { validation, skipped, ...rest } = record.data;
      return [{ ...rest, ...(validation === undefined ? {} : { validation }), ...(skipped === undefined ? {} : { skipped }) }];
    } catch {
      return [];
    }
  });
}
