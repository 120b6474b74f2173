/** What `rbnet eval --report` writes: how good a model is on some images, as a page of the looks of a run's report. */
import { type Markup, markup, NOTHING } from "../markup.js";
import { formatInteger, formatShare } from "../quantities.js";
import type { ClassResult, DetailedEvaluation } from "../training/records/run-records.js";
import { confusionSection } from "./confusion.js";
import { mistakesSection } from "./mistakes.js";
import { renderPage, repeatSection } from "./page.js";
import { tile } from "./tile.js";

export interface EvaluationPage {
  readonly model: { readonly network: string; readonly classes: readonly string[]; readonly file: string };
  /** "test images of photos" */
  readonly images: string;
  readonly evaluation: DetailedEvaluation;
  readonly byClass: readonly ClassResult[];
  /** Data URLs of the mistakes' pictures, in their order. */
  readonly pictures: readonly (string | undefined)[];
  readonly command: string;
  readonly version: string;
}

export function renderEvaluation(page: EvaluationPage): string {
  const { model, images, evaluation, byClass, pictures, command, version } = page;
  const { classes } = model;
  const wrong = evaluation.images - Math.round(evaluation.top1 * evaluation.images);
  const top5 = classes.length > 5 ? `; top-5 ${formatShare(evaluation.top5)}` : "";
  const content = markup`<header><h1>${model.network} on ${images}</h1><p class="quiet">${model.file} · ${classes.length} classes</p>
<dl class="headline">${tile("top-1 accuracy", formatShare(evaluation.top1), `on ${formatInteger(evaluation.images)} images${top5}`, true)}
${tile("loss", evaluation.loss.toFixed(4), "mean cross-entropy, nats")}
${tile("calibration error", formatShare(evaluation.calibrationError), "how far scores are from how often they are right")}</dl></header>
<section><h2>What is taken for what</h2><p class="quiet">${formatInteger(wrong)} of ${formatInteger(evaluation.images)} images are
classified wrongly.</p>${confusionSection(evaluation, classes)}</section>
<section><h2>By class</h2>${classTable(byClass)}</section>
<section><h2>The worst mistakes</h2>${mistakesSection(evaluation.mistakes, pictures, classes)}</section>
${skipped(evaluation)}${repeatSection(command, NOTHING)}`;
  return renderPage({ title: `${model.network} on ${images}`, content, version });
}

function classTable(byClass: readonly ClassResult[]): Markup {
  const rows = byClass.map(({ name, images, top1, takenFor }) => {
    const share = top1 === undefined ? "–" : formatShare(top1);
    return markup`<tr><td>${name}</td><td class="number">${formatInteger(images)}</td><td class="number">${share}</td><td>${
      takenFor === undefined ? "" : `${takenFor.name} (${formatInteger(takenFor.images)})`
    }</td></tr>`;
  });
  return markup`<div class="scroll"><table><thead><tr><th>class</th><th class="number">images</th><th class="number">right</th><th>most
taken for</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function skipped({ skipped: left }: DetailedEvaluation): Markup {
  if (left.length === 0) return NOTHING;
  const rows = left.slice(0, 20).map(({ path, reason }) => markup`<li><code>${path}</code>: ${reason}</li>`);
  return markup`<section><h2>Images that could not be read</h2><p class="quiet">${formatInteger(left.length)} in all; they do not
count.</p><ul>${rows}</ul></section>`;
}
