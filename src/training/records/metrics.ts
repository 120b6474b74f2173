/**
 * metrics.jsonl: what a run says about itself, one JSON object a line, for programs to follow while it trains. Each line is on the disk
 * before the next step starts. A run that is resumed goes on in the same file, without the lines of epochs that it is about to repeat.
 */
import { z } from "zod";
import type { LogWriter, RunStore } from "../../stores/run-store.js";
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

export class MetricsLog {
  private constructor(
    private readonly log: LogWriter,
    /** Epochs of the run before it was resumed. */
    readonly epochs: readonly EpochRecord[],
  ) {}

  /**
   * Starts the log of a run.
   *
   * @param startEpoch epochs from this one on, which an earlier part of the run may have written, are dropped; 1 starts anew
   * @throws UserError where it cannot be written
   */
  static async open(store: RunStore, run: RunRecord, startEpoch: number): Promise<MetricsLog> {
    let epochs: readonly EpochRecord[] = [];
    const log = await store.openLog("metrics", (text) => {
      epochs = epochsIn(text).filter(({ index }) => index < startEpoch);
      return [run, ...epochs].map(lineOf).join("");
    });
    return new MetricsLog(log, epochs);
  }

  /** The record is on the disk when this returns. */
  async append(record: MetricsRecord): Promise<void> {
    await this.log.append(lineOf(record));
  }

  async close(): Promise<void> {
    await this.log.close();
  }
}

function lineOf(record: MetricsRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** In order; a line that a crash cut short, or that is something else, is left out. */
function epochsIn(text: string): readonly EpochRecord[] {
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
