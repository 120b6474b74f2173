/** A training from the command line: its folder is kept, it is said how it goes, and Ctrl-C leaves a checkpoint to go on from. */
import type { MachineSetup } from "../backend/machine.js";
import { ALONE } from "../cluster/alone.js";
import type { Communicator } from "../cluster/communicator.js";
import type { Dataset } from "../data/dataset.js";
import type { NetworkDescription } from "../networks/description.js";
import { formatBytes, formatDuration, formatInteger, formatShare } from "../quantities.js";
import { RunLog } from "../report/run-log.js";
import { runFile } from "../stores/run-folder.js";
import type { EpochRecord, ResultRecord } from "../training/records/run-records.js";
import type { TrainingOptions } from "../training/settings/options.js";
import { Trainer } from "../training/trainer.js";
import { commandLine } from "./command-line.js";
import { Interrupts } from "./interrupts.js";
import { accuracyText, bold, dim, print, printJson, tell, tellSkipped } from "./output.js";
import type { ProgressBar } from "./progress-bar.js";

export interface TrainingRun {
  /** The processes that train together; default this one alone. */
  readonly job?: Communicator;
  readonly description: NetworkDescription;
  readonly data: Dataset;
  readonly settings: TrainingOptions;
  readonly out: string;
  readonly progress: ProgressBar;
  /** Name of the recipe that the settings come of. */
  readonly recipe?: string | undefined;
  /** Share of the training images that was asked to be held out. */
  readonly validationFraction?: number;
  /** Whether it has been said what the data and the network are. */
  readonly introduced?: boolean;
  /** What to type after an interruption. */
  readonly continuation: string;
  readonly machine: MachineSetup;
  readonly resume?: boolean;
  /** Whether TensorBoard's event files are written, too. */
  readonly tensorboard?: boolean;
  readonly json?: boolean;
}

/** How a run has ended: `stopped` by a signal, whose exit code is set then, or with a result where there were images to measure it on. */
export interface TrainingEnd {
  readonly stopped: boolean;
  readonly result?: ResultRecord;
}

/** Trains, keeps the run's folder, and says how it went. */
export async function runTraining({
  job = ALONE,
  description,
  data,
  settings,
  out,
  progress,
  recipe,
  validationFraction,
  continuation,
  machine,
  introduced = false,
  resume = false,
  tensorboard = false,
  json = false,
}: TrainingRun): Promise<TrainingEnd> {
  await using trainer = await Trainer.create(description, data, settings, {
    ...machine,
    out,
    resume,
    onStep: progress.step,
    communicator: job,
    ...(job.size === 1 ? {} : { loaders: machine.threads ?? 1 }),
  });
  const events = tensorboard && job.rank === 0;
  const log = await RunLog.open(trainer, { command: commandLine(), recipe, validationFraction, tensorboard: events });
  using interrupts = new Interrupts(() => {
    progress.clear();
    tell(
      job.size === 1
        ? "finishing the step and saving a checkpoint; Ctrl-C again ends at once"
        : "asked to end, finishing the step and saving a checkpoint. If it is because another rank has died, there is none to save: " +
            `go on from the last one with:\n  ${continuation}`,
    );
    trainer.requestStop();
  });
  try {
    if (json) printJson(log.run);
    else {
      if (!introduced) introduce(log.run.network, data);
      tellPlace(trainer, out);
      if (job.size > 1) print(dim(ranksText(job, trainer)));
    }
    let skipped = 0;
    for await (const epoch of trainer) {
      progress.clear();
      await log.addEpoch(epoch);
      if (json) printJson(epoch);
      else print(epochLine(epoch, settings.epochs));
      // Said again only where more were found.
      if (epoch.skipped !== undefined && epoch.skipped.count > skipped) tellSkipped(epoch.skipped);
      skipped = epoch.skipped?.count ?? 0;
    }
    progress.clear();
    if (trainer.stopped) {
      tell(`stopped, and a checkpoint is saved. Go on with:\n  ${continuation}`);
      process.exitCode = interrupts.exitCode;
      return { stopped: true };
    }
    const modelBytes = await trainer.export(runFile(out, "model"));
    const result = await log.finish(modelBytes);
    if (json) {
      if (result !== undefined) printJson(result);
    } else {
      if (result !== undefined)
        print(
          `\n${bold(accuracyText(result.evaluation, data.classes.length))} on ${formatInteger(result.evaluation.images)} ` +
            `${result.set} images, ${formatDuration(result.seconds)} in all`,
        );
      print(`model   ${runFile(out, "model")} (${formatBytes(modelBytes)}), ${choiceText(trainer)}`);
      print(`report  ${log.reportPath}`);
    }
    return { stopped: false, ...(result === undefined ? {} : { result }) };
  } finally {
    progress.clear();
    await log.close();
  }
}

function introduce(network: string, { name, classes, size, train, validation, test }: Dataset): void {
  const parts = [
    `${formatInteger(train.count)} training`,
    validation === undefined ? "" : `${formatInteger(validation.count)} validation`,
    test === undefined ? "" : `${formatInteger(test.count)} test`,
  ];
  print(
    `${bold(network)} on ${bold(name)}: ${parts.filter((part) => part !== "").join(", ")} images of ${size} x ${size}, ` +
      `${classes.length} classes`,
  );
}

function tellPlace(trainer: Trainer, out: string): void {
  const place = trainer.startEpoch > 1 ? `; going on with epoch ${trainer.startEpoch}` : "";
  print(dim(`${trainer.backend.description}; everything goes to ${out}${place}`));
}

/** "4 ranks on 2 hosts have 2 parts each of 16 images" */
function ranksText({ size, members }: Communicator, { options }: Trainer): string {
  const { batch, replicas = 1 } = options;
  const hosts = new Set(members.map(({ host }) => host)).size;
  return (
    `${size} ranks on ${hosts === 1 ? members[0].host : `${hosts} hosts`}, ${replicas} parts of ${formatInteger(batch / replicas)} ` +
    `images in a batch of ${formatInteger(batch)}`
  );
}

/** Which epoch's network ships, and why. */
function choiceText({ bestEpoch, startEpoch, choosesEpoch, data: { validation } }: Trainer): string {
  const epoch = `of epoch ${bestEpoch} of ${startEpoch - 1}`;
  if (validation === undefined) return `${epoch}, the last: no images are held out to choose by`;
  const { count } = validation;
  if (choosesEpoch) return `${epoch}, the best on ${formatInteger(count)} validation images`;
  const few =
    count === 1 ? "a single validation image is" : `${count} validation images, of which one is ${formatShare(1 / count)}, are`;
  return `${epoch}, the last: ${few} too few to choose an epoch by; --folds 5 says more of how good such networks are`;
}

/** One epoch for a person. */
export function epochLine(
  { index, stage, trainLoss, trainTop1, validation, imagesPerSecond, seconds }: EpochRecord,
  epochs: number,
): string {
  const number = String(index).padStart(String(epochs).length);
  const held =
    validation === undefined
      ? ""
      : `   validation ${formatShare(validation.top1).padStart(7)} (loss ${validation.loss.toFixed(3)})`;
  const speed = dim(`${formatInteger(imagesPerSecond)} images/s, ${formatDuration(seconds)}`);
  const part = stage === undefined ? "" : `stage ${stage}, `;
  return `${part}epoch ${number}/${epochs}   train ${formatShare(trainTop1).padStart(7)} (loss ${trainLoss.toFixed(3)})${held}   ${speed}`;
}
