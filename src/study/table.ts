/** The comparison as cells of text: the same table on the page and in Markdown. */
import { formatBytes, formatCount, formatDuration } from "../quantities.js";
import type { RowResults, StudyResults } from "./results.js";
import { formatSpread, type Spread } from "./spread.js";

export interface Table {
  readonly heads: readonly string[];
  /** As many of the first columns are words, the rest numbers. */
  readonly words: number;
  readonly rows: readonly (readonly string[])[];
}

export function resultsTable({ rows, data }: StudyResults): Table {
  const sets = [
    { head: "validation top-1", images: data.validation, top1: (row: RowResults) => row.validationTop1 },
    { head: "test top-1", images: data.test, top1: (row: RowResults) => row.testTop1 },
  ].filter(({ images }) => images > 0);
  const heads = [
    "row",
    "network",
    "OPs",
    "binary MACs",
    "real MACs",
    "packed size",
    "epochs",
    "images seen",
    "seeds",
    ...sets.map(({ head }) => head),
    "latency",
    "time a run",
  ];
  const cells = rows.map((row) => [
    row.name,
    networkText(row),
    ...[row.ops, row.binaryMacs, row.realMacs].map(formatCount),
    formatBytes(row.packedBytes),
    String(row.budget.epochs),
    formatCount(row.budget.imagesSeen),
    row.runs.length === row.seeds.length ? String(row.seeds.length) : `${row.runs.length} of ${row.seeds.length}`,
    ...sets.map(({ top1 }) => orDash(top1(row), (spread: Spread) => formatSpread(spread))),
    orDash(row.latencyMs, (latency) => `${latency.toPrecision(3)} ms`),
    orDash(row.seconds, formatDuration),
  ]);
  return { heads, words: 2, rows: cells };
}

/** "rbnet20 (width 1.5, convolution 3x3, recipe two-stage)" */
export function networkText({
  network,
  width,
  networkOptions,
  recipe,
}: Pick<RowResults, "network" | "width" | "networkOptions"> & { readonly recipe?: string | undefined }): string {
  const options = Object.entries(networkOptions).map(([name, value]) => `${name} ${value}`);
  const details = [...(width === 1 ? [] : [`width ${width}`]), ...options, ...(recipe === undefined ? [] : [`recipe ${recipe}`])];
  return details.length === 0 ? network : `${network} (${details.join(", ")})`;
}

/** What the figures are, in sentences; the same below both tables. */
export function resultsNotes({ data, runs, rows }: StudyResults): readonly string[] {
  const finished = rows.flatMap((row) => row.runs);
  const machines = [...new Set(finished.map(({ processor, backend }) => `${processor}; ${backend}`))];
  return [
    `${runs.finished} of ${runs.planned} runs are finished. All were trained on the same ${data.train} images of ` +
      `${data.name} (${data.size} x ${data.size}, ${data.classes} classes).`,
    data.validation > 0
      ? `The ${data.validation} validation images chose the epoch that ships${data.test > 0 ? "; the test images chose nothing" : ""}.`
      : "Without validation images the last epoch ships.",
    "After ± stands the sample deviation over the seeds, which says how far single runs lie apart, and nothing of " +
      "how many images were counted.",
    "OPs are binary multiply-accumulates / 64 + real ones, for one image. The packed size takes a bit for a binary " +
      "parameter and four bytes for a real one. Images seen are those that a run may train on, repeated ones too.",
    "Latency is the median for one image on one thread, measured after the training on the machine as it was then; " +
      "the time of a run includes its validation. Both are medians over the seeds.",
    ...(machines.length === 0 ? [] : [`Trained on ${machines.join(" and on ")}.`]),
  ];
}

function orDash<T>(value: T | undefined, format: (value: T) => string): string {
  return value === undefined ? "–" : format(value);
}
