/** `rbnet train --folds`: a run for each fold, one after the other, each in a folder of its own, and what they come to together. */
import { join } from "node:path";
import type { Dataset } from "../data/dataset.js";
import { formatDuration, formatInteger } from "../quantities.js";
import { RunClaim } from "../stores/run-claim.js";
import { foldsFile, holdsRun, prepareRunFolder, requireNoRun } from "../stores/run-folder.js";
import { type FoldResult, type FoldsSummary, foldsIdentity, foldsSummary, readFolds, writeFolds } from "../study/folds-file.js";
import { formatSpread } from "../study/spread.js";
import { accuracyText, bold, print, printJson } from "./output.js";
import { runTraining, type TrainingRun } from "./training-run.js";

/** A run, but for the data of a fold and the folder of its run. */
export interface FoldsRun extends Omit<TrainingRun, "data" | "introduced" | "validationFraction"> {
  readonly folds: readonly Dataset[];
}

/** Trains what has not ended yet; a signal leaves a checkpoint in the fold that is under way. */
export async function crossValidate({ folds, out, resume = false, json = false, ...shared }: FoldsRun): Promise<void> {
  await prepareRunFolder(out, resume);
  await using _claim = await RunClaim.take(out);
  const identity = foldsIdentity(folds, shared.description, shared.settings);
  let results: readonly FoldResult[] = [];
  if (resume) results = await readFolds(out, identity);
  else requireNoRun(out);
  for (const [index, data] of folds.entries()) {
    const fold = index + 1;
    const folder = `fold-${fold}`;
    if (results.some((result) => result.fold === fold)) continue;
    await writeFolds(out, foldsSummary(identity, results));
    if (json) printJson({ kind: "fold", fold, of: folds.length, folder: join(out, folder) });
    else print(`\n${bold(`fold ${fold} of ${folds.length}`)}`);
    const place = join(out, folder);
    // Of a fold all images that are no test images are trained on.
    const run = { ...shared, data, out: place, resume: holdsRun(place), json, introduced: true, validationFraction: 0 };
    const { result } = await runTraining(run);
    // Stopped by a signal: the results so far are kept.
    if (result === undefined) return;
    const { top1, top5, loss, images: tested } = result.evaluation;
    const own = { fold, folder, trained: data.train.count, tested, top1, top5, loss, seconds: result.seconds };
    results = [...results, own].sort((one, other) => one.fold - other.fold);
    await writeFolds(out, foldsSummary(identity, results));
  }
  const summary = foldsSummary(identity, results);
  if (json) printJson(summary);
  else printSummary(summary, out);
}

function printSummary({ identity, results, top1 }: FoldsSummary, out: string): void {
  const classes = identity.data.classes.length;
  print("");
  for (const result of results)
    print(`fold ${result.fold}  ${accuracyText(result, classes)} of ${formatInteger(result.tested)} images`);
  const seconds = results.reduce((sum, result) => sum + result.seconds, 0);
  const images = results.reduce((sum, result) => sum + result.tested, 0);
  print(
    `${bold(`top-1 ${top1 === undefined ? "" : formatSpread(top1)}`)}, mean and deviation over ${results.length} folds: each of ` +
      `${formatInteger(images)} images tested once, by a network that had not seen it; ${formatDuration(seconds)} in all`,
  );
  print(`folds   ${foldsFile(out)}`);
  print("This is what to expect of a network that is trained on all images: train one without --folds.");
}
