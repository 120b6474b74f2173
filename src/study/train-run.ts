/** One run of a study: trained in its folder as `rbnet train` does it, or taken up from its checkpoint, then evaluated and timed. */
import { cpus } from "node:os";
import { type BackendName, type MachineSetup, machineOf } from "../backend/machine.js";
import { openBackend } from "../backend/open.js";
import type { Dataset } from "../data/dataset.js";
import { timeModel } from "../deploy/measure.js";
import { readModelFile } from "../deploy/model-file.js";
import { packageVersion } from "../package-version.js";
import { RunLog } from "../report/run-log.js";
import { holdsRun, prepareRunFolder, runFile } from "../stores/run-folder.js";
import type { EpochRecord, StepProgress } from "../training/records/run-records.js";
import { Trainer } from "../training/trainer.js";
import type { StudyRun } from "./plan.js";
import { type RunResult, writeRunFile } from "./run-file.js";

export interface RunSetup extends MachineSetup {
  /** Finishes the step under way, saves a checkpoint and ends; the study goes on from there when it is run again. */
  readonly signal?: AbortSignal;
  readonly onStep?: (progress: StepProgress) => void;
  /** How long the latency of each network is measured; default 1. */
  readonly latencySeconds?: number;
}

/** Whose record it is. */
export interface OfRun {
  readonly row: string;
  readonly seed: number;
}

/**
 * Yields epochs; returns the result, or undefined where the signal ended the run before.
 *
 * @param command what to type to repeat the run, for its report
 */
export async function* trainRun(
  { row, recipe, seed, folder, description, options, identity }: StudyRun,
  data: Dataset,
  command: string,
  { signal, onStep, latencySeconds = 1, ...given }: RunSetup,
): AsyncGenerator<OfRun & EpochRecord, RunResult | undefined> {
  const machine = machineOf(given);
  const resume = holdsRun(folder);
  if (!resume) {
    await prepareRunFolder(folder, false);
    await writeRunFile(folder, identity);
  }
  await using trainer = await Trainer.create(description, data, options, {
    ...machine,
    out: folder,
    resume,
    ...(onStep === undefined ? {} : { onStep }),
  });
  const stop = (): void => trainer.requestStop();
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted === true) stop();
  const log = await RunLog.open(trainer, { command, recipe });
  try {
    for await (const epoch of trainer) {
      await log.addEpoch(epoch);
      yield { row: row.name, seed, ...epoch };
    }
    if (trainer.stopped) return undefined;
    const modelBytes = await trainer.export(runFile(folder, "model"));
    const shipped = await log.finish(modelBytes);
    const ofSet = async (set: "validation" | "test"): Promise<number | undefined> => {
      const images = data[set];
      if (images === undefined) return undefined;
      return (shipped?.set === set ? shipped.evaluation : await trainer.evaluate(images)).top1;
    };
    const [validationTop1, testTop1] = [await ofSet("validation"), await ofSet("test")];
    const epochs = trainer.startEpoch - 1;
    const result: RunResult = {
      seed,
      ...(validationTop1 === undefined ? {} : { validationTop1 }),
      ...(testTop1 === undefined ? {} : { testTop1 }),
      epochs,
      bestEpoch: trainer.bestEpoch,
      imagesSeen: epochs * imagesAnEpoch(data, options.batch),
      seconds: trainer.totalSeconds,
      latencyMs: await latencyOf(runFile(folder, "model"), machine.backend, latencySeconds),
      modelBytes,
      backend: trainer.backend.description,
      processor: cpus()[0]?.model.trim() ?? "unknown",
      version: packageVersion(),
      finishedAt: new Date().toISOString(),
    };
    await writeRunFile(folder, identity, result);
    return result;
  } finally {
    signal?.removeEventListener("abort", stop);
    await log.close();
  }
}

/** The last batch of an epoch is left out where it is not full. */
export function imagesAnEpoch({ train }: Dataset, batch: number): number {
  return Math.floor(train.count / batch) * batch;
}

async function latencyOf(path: string, backend: BackendName, seconds: number): Promise<number> {
  using alone = await openBackend({ threads: 1, backend });
  return (await timeModel(alone, await readModelFile(path), 1, seconds)).medianMs;
}
