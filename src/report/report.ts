/** report.html: one page, complete in itself, that shows a person how a run went and lets them repeat it. */

import { type Markup, markup, NOTHING } from "../markup.js";
import { formatBytes, formatCount, formatDuration, formatInteger, formatShare } from "../quantities.js";
import type { NetworkSummary } from "../training/costs/memory.js";
import type { DetailedEvaluation, EpochRecord, ResultRecord, RunRecord } from "../training/records/run-records.js";
import { formatShareTick } from "./axis.js";
import { balanceChart } from "./balance.js";
import { confusionSection } from "./confusion.js";
import { layersTable } from "./layers-table.js";
import { lineChart, type Series } from "./line-chart.js";
import { mistakesSection } from "./mistakes.js";
import { renderPage, repeatSection } from "./page.js";
import { tile } from "./tile.js";

/** The best network so far on images that it was not trained on. */
export interface Assessment {
  readonly set: "test" | "validation";
  readonly evaluation: DetailedEvaluation;
  /** Data URLs of the mistakes' pictures, in their order; undefined where a picture cannot be shown. */
  readonly pictures: readonly (string | undefined)[];
}

export interface Report {
  readonly run: RunRecord;
  readonly summary: NetworkSummary;
  readonly epochs: readonly EpochRecord[];
  readonly plannedEpochs: number;
  readonly assessment?: Assessment;
  /** Present once the run has ended. */
  readonly result?: ResultRecord;
  /** What to type to repeat the run. */
  readonly command: string;
}

export function renderReport(report: Report): string {
  const { run } = report;
  const content = markup`${header(report)}${curves(report)}${errors(report)}${skippedImages(report)}${activations(report)}
<section><h2>Layers and cost</h2>${layersTable(report.summary)}</section>${settings(report)}`;
  return renderPage({ title: `${run.network} on ${run.data.name}`, content, version: run.version });
}

function header(report: Report): Markup {
  const { run, epochs, plannedEpochs, result, summary, assessment } = report;
  const { totals } = summary;
  const { data } = run;
  const parts = [
    `${run.classes.length} classes`,
    `${formatInteger(data.train)} training`,
    data.validation === 0 ? "" : `${formatInteger(data.validation)} validation`,
    data.test === 0 ? "" : `${formatInteger(data.test)} test images`,
  ];
  const status =
    result === undefined
      ? `training: epoch ${epochs.length} of ${plannedEpochs} is done`
      : `finished after ${epochs.length} epoch${epochs.length === 1 ? "" : "s"}`;
  const last = epochs.at(-1);
  const seconds = result?.seconds ?? epochs.reduce((sum, epoch) => sum + epoch.seconds, 0);
  return markup`<header><h1>${run.network} on ${data.name}</h1><p class="quiet">${parts.filter((part) => part !== "").join(" · ")}</p><p
    class="status">${status}</p>
<dl class="headline">${accuracyTile(assessment, last)}
${tile("OPs an image", formatCount(totals.ops), `${formatCount(totals.binaryMacs)} binary, ${formatCount(totals.realMacs)} real MACs`)}
${tile("packed size", formatBytes(totals.packedBytes), `${(totals.floatBytes / totals.packedBytes).toFixed(1)} × smaller than in float32`)}
${last === undefined ? NOTHING : tile("training speed", `${formatInteger(last.imagesPerSecond)}/s`, `images; ${run.backend}`)}
${tile("time", formatDuration(seconds), `${formatDuration(seconds / Math.max(1, epochs.length))} an epoch`)}</dl></header>`;
}

function accuracyTile(assessment: Assessment | undefined, last: EpochRecord | undefined): Markup {
  if (assessment !== undefined) {
    const { top1, top5, images, confusion } = assessment.evaluation;
    const top5Text = confusion.length > 5 ? `; top-5 ${formatShare(top5)}` : "";
    return tile("top-1 accuracy", formatShare(top1), `on ${formatInteger(images)} ${assessment.set} images${top5Text}`, true);
  }
  if (last === undefined) return NOTHING;
  if (last.validation !== undefined)
    return tile(
      "top-1 accuracy",
      formatShare(last.validation.top1),
      `on ${formatInteger(last.validation.images)} validation images`,
      true,
    );
  return tile("top-1 accuracy", formatShare(last.trainTop1), "on training images, augmented", true);
}

function curves({ epochs, plannedEpochs, result }: Report): Markup {
  if (epochs.length === 0)
    return markup`<section><h2>Training</h2><p class="quiet">The first epoch is not finished yet.</p></section>`;
  const indices = epochs.map(({ index }) => index);
  const lastEpoch = result === undefined ? Math.max(plannedEpochs, ...indices) : Math.max(...indices);
  const shared = { epochs: indices, lastEpoch, scale: "linear" } as const;
  const pair = (
    train: (epoch: EpochRecord) => number,
    validation: (epoch: EpochRecord) => number | undefined,
  ): readonly Series[] => {
    const both: readonly Series[] = [
      { label: "train", look: "one", values: epochs.map(train) },
      { label: "validation", look: "two", values: epochs.map(validation) },
    ];
    return both.filter(({ values }) => values.some((value) => value !== undefined));
  };
  const loss = pair(
    (epoch) => epoch.trainLoss,
    (epoch) => epoch.validation?.loss,
  );
  const top1 = pair(
    (epoch) => epoch.trainTop1,
    (epoch) => epoch.validation?.top1,
  );
  const rate: readonly Series[] = [{ label: "rate", look: "one", values: epochs.map((epoch) => epoch.learningRate) }];
  const row = ({ index, trainLoss, trainTop1, validation, learningRate, imagesPerSecond, seconds }: EpochRecord): Markup => {
    const cells = [
      String(index),
      trainLoss.toFixed(4),
      formatShare(trainTop1),
      validation?.loss.toFixed(4) ?? "–",
      validation === undefined ? "–" : formatShare(validation.top1),
      learningRate.toExponential(2),
      formatInteger(imagesPerSecond),
      formatDuration(seconds),
    ];
    return markup`<tr>${cells.map((cell) => markup`<td class="number">${cell}</td>`)}</tr>`;
  };
  const heads = [
    "epoch",
    "train loss",
    "train top-1",
    "validation loss",
    "validation top-1",
    "learning rate",
    "images/s",
    "time",
  ].map((head) => markup`<th class="number">${head}</th>`);
  return markup`<section><h2>Training</h2><p class="quiet">Training figures are means over an epoch’s augmented images;
validation is of the network as it ships.${firstStageNote(epochs)}</p><div class="cards">
${lineChart({ ...shared, title: "Top-1 accuracy", series: top1, format: formatShareTick })}
${lineChart({ ...shared, title: "Loss", floor: 0, series: loss, format: formatDecimal })}
${lineChart({ ...shared, title: "Learning rate", floor: 0, series: rate, format: formatRate })}</div>
<details><summary>All epochs as a table</summary><div class="scroll"><table
  class="wide"><thead><tr>${heads}</tr></thead><tbody>${epochs.map(row)}</tbody></table></div></details></section>`;
}

function firstStageNote(epochs: readonly EpochRecord[]): string {
  const count = epochs.filter(({ stage }) => stage === 1).length;
  if (count === 0) return "";
  const first = count === 1 ? "epoch" : `${count} epochs`;
  return ` In the first ${first}, the first stage, weights are real, in validation too; a network of that stage never ships.`;
}

function formatDecimal(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function formatRate(value: number): string {
  if (value === 0) return "0";
  return value < 1e-4 ? value.toExponential(1).replace("e-", "e−").replace(".0e", "e") : String(Number(value.toPrecision(2)));
}

function errors({ assessment, run }: Report): Markup {
  if (assessment === undefined) return NOTHING;
  const { set, evaluation, pictures } = assessment;
  const wrong = evaluation.images - Math.round(evaluation.top1 * evaluation.images);
  return markup`<section><h2>What is taken for what</h2><p
  class="quiet">${formatInteger(wrong)} of ${formatInteger(evaluation.images)} ${set} images are classified wrongly.</p>
${confusionSection(evaluation, run.classes)}</section>
<section><h2>The worst mistakes</h2>${mistakesSection(evaluation.mistakes, pictures, run.classes)}</section>`;
}

function skippedImages({ epochs }: Report): Markup {
  // Each epoch counts all since the run was started or resumed, so the longest list has them all, or nearly.
  const most = epochs.reduce<EpochRecord["skipped"]>(
    (longest, { skipped }) => ((skipped?.count ?? 0) > (longest?.count ?? 0) ? skipped : longest),
    undefined,
  );
  if (most === undefined) return NOTHING;
  const others = most.count - most.named.length;
  const rows = most.named.map(({ path, reason }) => markup`<li><code>${path}</code>: ${reason}</li>`);
  const rest = others > 0 ? markup`<li>and ${formatInteger(others)} more</li>` : NOTHING;
  return markup`<section><h2>Images that could not be read</h2><p class="quiet">${formatInteger(most.count)} in all. In
training each was replaced by its neighbour; in validation they do not count.</p><ul>${rows}${rest}</ul></section>`;
}

function activations({ epochs, plannedEpochs, result }: Report): Markup {
  const [first, last] = [epochs[0], epochs.at(-1)];
  if (first === undefined || last === undefined) return NOTHING;
  const layers = Object.keys(last.flipRatio);
  const series = layers.map((layer, index): Series => {
    return {
      label: layer,
      look: { depth: index / Math.max(1, layers.length - 1) },
      values: epochs.map((epoch) => epoch.flipRatio[layer]),
    };
  });
  const indices = epochs.map(({ index }) => index);
  const describe = (position: number): string => {
    const ratios = Object.values(epochs[position]?.flipRatio ?? {});
    return `${formatRate(Math.min(...ratios))} to ${formatRate(Math.max(...ratios))} a step`;
  };
  const lastEpoch = result === undefined ? Math.max(plannedEpochs, ...indices) : Math.max(...indices);
  const flips = lineChart({
    title: "Flip ratio",
    epochs: indices,
    lastEpoch,
    series,
    scale: "logarithmic",
    format: formatRate,
    describe,
  });
  return markup`<section><h2>Inside the binary layers</h2><p class="quiet">A sign says most where +1 and −1 are equally
frequent: balanced activation works towards the 50 % line. The flip ratio is the share of binary weights that change sign in a
step; it settles as training ends.</p>
<div class="cards pair">${balanceChart(first, last)}${layers.length === 0 ? NOTHING : flips}</div></section>`;
}

function settings({ run, command }: Report): Markup {
  const entries = Object.entries({
    network: run.network,
    data: run.data.name,
    ...(run.recipe === undefined ? {} : { recipe: run.recipe }),
    ...run.options,
    backend: run.backend,
    started: run.startedAt,
    version: run.version,
  });
  const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
  const pairs = entries.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${text(value)}</dd></div>`);
  return repeatSection(command, markup`<dl class="settings">${pairs}</dl>`);
}
