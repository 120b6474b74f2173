/** Prints what a training has understood, before it starts. */
import type { Augmentation } from "../data/augmentation/augmentation.js";
import type { ImageSizes } from "../data/dataset.js";
import { leftOutText } from "../data/formats/left-out.js";
import { formatBytes, formatCount, formatDuration, formatInteger } from "../quantities.js";
import type { RunEstimate } from "../training/costs/estimate.js";
import type { PlannedBalance, PlannedClass, TrainingPlan } from "../training/plan/plan-record.js";
import { asTyped } from "./command-line.js";
import { alignedTable, bold, milliseconds, print, tell } from "./output.js";

/** More classes, or kinds of files, are shortened. */
const NAMED_CLASSES = 12;
const NAMED_KINDS = 6;
const PART_HEADS = { train: "training", validation: "validation", test: "test" } as const;

/** The table on standard output, warnings beside it. */
export function printPlan(plan: TrainingPlan, recipe: string | undefined): void {
  for (const line of alignedTable(rowsOf(plan, recipe), 2)) print(asTyped(line));
  for (const warning of plan.warnings) tell(`warning: ${warning}`);
}

function rowsOf(plan: TrainingPlan, recipe: string | undefined): readonly (readonly string[])[] {
  const { parts, leftOut, skipped, sizes, network, mirrored, start, teacher, views, estimate } = plan;
  const others = leftOut.length - NAMED_KINDS;
  return [
    ["data", `${bold(plan.data)}, ${plan.format}`],
    ...parts.map(({ part, images, from }) => [PART_HEADS[part], `${imagesText(images)}${from === "" ? "" : `, ${from}`}`]),
    ["classes", classesText(plan.classes)],
    ...leftOut.slice(0, NAMED_KINDS).map((kind, place) => [place === 0 ? "left out" : "", leftOutText(kind)]),
    ...(others > 0 ? [["", `and files of ${others} more kinds`]] : []),
    ...(skipped.count === 0 ? [] : [["unreadable", skippedText(skipped)]]),
    ...(sizes === undefined ? [] : [["pictures", sizesText(sizes)]]),
    ["network", networkText(network)],
    ["augmented", augmentationText(plan.augmentation)],
    ["mirrored", `${mirrored.on ? "yes" : "no"}, because ${mirrored.reason}`],
    ...(plan.balance === undefined ? [] : [["balanced", balanceText(plan.balance)]]),
    ["steps", stepsText(plan)],
    ["rate", `${plan.learningRate} at its peak, with ${plan.optimizer}`],
    ...(plan.folds === undefined ? [] : [["folds", foldsText(plan.folds)]]),
    ...(recipe === undefined ? [] : [["recipe", recipe]]),
    ...(start === undefined
      ? []
      : [["start", `${start.from}${start.freeze === undefined ? "" : `, its ${start.freeze} stays`}`]]),
    ...(teacher === undefined ? [] : [["teacher", teacher]]),
    ...(views === undefined ? [] : [["views", views]]),
    ["memory", `${formatBytes(plan.memoryBytes)}${teacher === undefined ? "" : ", besides the teacher's"}`],
    ...(estimate === undefined ? [] : [["time", timeText(estimate, plan.folds)]]),
  ];
}

function imagesText(count: number): string {
  return count === 1 ? "1 image" : `${formatInteger(count)} images`;
}

/** With the training images of each; of many, the first few and what the others have. */
function classesText(classes: readonly PlannedClass[]): string {
  const counts = classes.map(({ images }) => images.train ?? 0);
  const named = classes.length <= NAMED_CLASSES ? classes : classes.slice(0, NAMED_CLASSES - 2);
  const shown = named.map(({ name }, label) => `${nameText(name)} ${formatInteger(counts[label])}`).join(", ");
  const rest = counts.slice(named.length);
  const from = rest.reduce((least, count) => Math.min(least, count), Number.POSITIVE_INFINITY);
  const to = rest.reduce((most, count) => Math.max(most, count), 0);
  const each = from === to ? formatInteger(from) : `${formatInteger(from)} to ${formatInteger(to)}`;
  const more = rest.length === 0 ? "" : ` and ${formatInteger(rest.length)} more with ${each} images each`;
  return `${formatInteger(classes.length)}: ${shown}${more}`;
}

/** Names are folders', which may hold line breaks and blanks at their ends. */
function nameText(name: string): string {
  return /^\s|\s$|[\p{Cc}]/u.test(name) ? JSON.stringify(name) : name;
}

function skippedText({ count, named }: TrainingPlan["skipped"]): string {
  const shown = named.map(({ path, reason }) => `${path} (${reason})`).join(", ");
  return `${imagesText(count)}: ${shown}${count > named.length ? " and others" : ""}`;
}

function sizesText({ smallest, median, largest, images }: ImageSizes): string {
  const text = ([width, height]: readonly [number, number]): string => `${width} x ${height}`;
  if (text(smallest) === text(largest)) return `${text(median)} pixels`;
  return `${text(smallest)} to ${text(largest)} pixels, ${text(median)} in the median (of ${formatInteger(images)} looked at)`;
}

function networkText({ name, size, parameters, ops }: TrainingPlan["network"]): string {
  return `${bold(name)}, input ${size} x ${size}, ${formatCount(parameters)} parameters, ${formatCount(ops)} OPs an image`;
}

function augmentationText({ crop, colorJitter, lighting, cutout, mixup }: Augmentation): string {
  const percent = (share: number): string => `${Number((100 * share).toFixed(1))}`;
  const done = [
    crop?.kind === "pad" && crop.padding > 0 ? `moved by up to ${crop.padding} pixels` : "",
    crop?.kind === "resized" ? `cut to ${percent(crop.scale[0])} to ${percent(crop.scale[1])} % of the area and scaled` : "",
    colorJitter === undefined ? "" : `colours varied by up to ${percent(Math.max(...Object.values(colorJitter)))} %`,
    (lighting ?? 0) > 0 ? `colour noise of ${lighting}` : "",
    (cutout ?? 0) > 0 ? `a square of ${cutout} pixels blanked` : "",
    (mixup ?? 0) > 0 ? `mixed in pairs (alpha ${mixup})` : "",
  ].filter((text) => text !== "");
  return done.length === 0 ? "not at all" : done.join(", ");
}

function balanceText({ by, smallest, largest }: PlannedBalance): string {
  const times = ({ name, factor }: PlannedBalance["smallest"]): string => `${nameText(name)} ${Number(factor.toFixed(2))} times`;
  const even = smallest.factor === largest.factor ? "; all classes have as many images" : "";
  return by === "sampler"
    ? `an image is drawn by its class, of ${times(smallest)} an epoch, of ${times(largest)}${even}`
    : `an image counts in the loss by its class, of ${times(smallest)}, of ${times(largest)}${even}`;
}

function stepsText({ stepsPerEpoch, batch, epochs, parts }: TrainingPlan): string {
  const images = parts.find(({ part }) => part === "train")?.images ?? 0;
  const unused = images - stepsPerEpoch * batch;
  const left = unused === 0 ? "" : ` (${imagesText(unused)} of an epoch left over)`;
  return `${formatInteger(stepsPerEpoch)} an epoch of ${batch} images each${left}, ${epochs} epoch${epochs === 1 ? "" : "s"}`;
}

function foldsText(folds: number): string {
  return `${folds} runs like this one, each tested on the images that it was not trained on`;
}

function timeText({ seconds, stepMs }: RunEstimate, folds = 1): string {
  return `about ${bold(formatDuration(folds * seconds))} (${stepMs.map(milliseconds).join(", then ")} ms a step, measured by a few)`;
}
