/** What is taken for what: the confusion matrix as a heat map, the pairs that are mixed up most, and the weakest classes. */

import { type Markup, markup, NOTHING } from "../markup.js";
import { formatInteger, formatShare } from "../quantities.js";
import type { DetailedEvaluation } from "../training/records/run-records.js";

/** Up to this many classes every cell shows its share, */
const NUMBERED_CLASSES = 12;
/** rows and columns have names, */
const NAMED_CLASSES = 40;
/** and there is a map at all; beyond, cells would be smaller than a pixel. */
const DRAWN_CLASSES = 200;
const LISTED = 8;
const LABEL_LENGTH = 14;

export function confusionSection({ confusion }: DetailedEvaluation, classes: readonly string[]): Markup {
  const map = classes.length <= DRAWN_CLASSES ? heatMap(confusion, classes) : NOTHING;
  return markup`<div class="confusion">${map}<div
    class="lists">${confusedPairs(confusion, classes)}${weakestClasses(confusion, classes)}</div></div>`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function shorten(name: string): string {
  return name.length > LABEL_LENGTH ? `${name.slice(0, LABEL_LENGTH - 1)}…` : name;
}

function cellSize(classes: number): number {
  if (classes <= NUMBERED_CLASSES) return 38;
  return classes <= NAMED_CLASSES ? 17 : classes <= 100 ? 6 : 4;
}

function heatMap(confusion: DetailedEvaluation["confusion"], classes: readonly string[]): Markup {
  const cell = cellSize(classes.length);
  const named = classes.length <= NAMED_CLASSES;
  const longest = Math.max(...classes.map((name) => shorten(name).length));
  // Labels are set at 13 units, about 7 a letter; columns' stand upright.
  const margin = named ? 14 + 7 * longest : 8;
  const side = margin + cell * classes.length;
  const cells = confusion.flatMap((row, label) => {
    const total = sum(row);
    return row.flatMap((count, predicted) => (count === 0 ? [] : [heatCell(label, predicted, count, total)]));
  });
  function heatCell(label: number, predicted: number, count: number, total: number): Markup {
    const share = count / total;
    const x = margin + predicted * cell;
    const y = margin + label * cell;
    const [own, other] = [classes[label] ?? "", classes[predicted] ?? ""];
    const said =
      label === predicted
        ? `${own}: ${formatInteger(count)} of ${formatInteger(total)} right`
        : `${own} taken for ${other}: ${formatInteger(count)} of ${formatInteger(total)}`;
    const rounded = Math.round(100 * share);
    const number =
      classes.length <= NUMBERED_CLASSES && rounded > 0
        ? markup`<text class="${share > 0.6 ? "strong" : "weak"}" x="${x + cell / 2}" y="${y + cell / 2 + 4.5}"
          text-anchor="middle">${rounded}</text>`
        : NOTHING;
    // The square root lets rare mistakes be seen beside a full diagonal.
    return markup`<g><title>${said} (${formatShare(share)})</title><rect class="${label === predicted ? "hit" : "miss"}"
      style="--heat:${(0.06 + 0.94 * Math.sqrt(share)).toFixed(2)}" x="${x}" y="${y}" width="${cell - 1}"
      height="${cell - 1}"/>${number}</g>`;
  }
  const names = named
    ? classes.map((name, index) => {
        const middle = margin + index * cell + cell / 2 + 4;
        return markup`<text class="name" x="${margin - 7}" y="${middle}" text-anchor="end">${shorten(name)}</text><text class="name"
          transform="translate(${middle} ${margin - 7}) rotate(-90)">${shorten(name)}</text>`;
      })
    : [];
  const minimum = Math.round(Math.min(side, named ? side * 0.72 : 300));
  return markup`<figure class="heat"><div class="scroll"><svg viewBox="0 0 ${side} ${side}"
    style="min-width:${minimum}px;max-width:${Math.max(side, 620)}px" role="img"
    aria-label="${`Confusion matrix of ${classes.length} classes, rows are true classes, columns predictions`}">
<rect class="ground" x="${margin - 1}" y="${margin - 1}" width="${cell * classes.length + 1}" height="${cell * classes.length + 1}"/>
${names}${cells}</svg></div><figcaption
  class="quiet">Rows: the true class. Columns: what the network says, in % of the row. Point at a cell to read it.</figcaption></figure>`;
}

function confusedPairs(confusion: DetailedEvaluation["confusion"], classes: readonly string[]): Markup {
  // Only what was mixed up at all: of thousands of classes there are millions of cells, nearly all of them empty.
  const pairs = confusion.flatMap((row, label) => {
    const total = sum(row);
    return row.flatMap((count, predicted) =>
      count === 0 || label === predicted ? [] : [{ label, predicted, count, share: count / total }],
    );
  });
  const worst = pairs.sort((a, b) => b.count - a.count);
  if (worst.length === 0) return markup`<p>No image was taken for another class.</p>`;
  const rows = worst.slice(0, LISTED).map(
    ({ label, predicted, count, share }) =>
      markup`<tr><td>${classes[label] ?? ""}</td><td>${classes[predicted] ?? ""}</td><td class="number">${formatInteger(count)}</td><td
          class="number">${formatShare(share)}</td></tr>`,
  );
  return markup`<div><h3>Mixed up most</h3><div class="scroll"><table><thead><tr><th>is</th><th>taken for</th><th
    class="number">images</th><th class="number">of its class</th></tr></thead><tbody>${rows}</tbody></table></div></div>`;
}

function weakestClasses(confusion: DetailedEvaluation["confusion"], classes: readonly string[]): Markup {
  const all = confusion.map((row, label) => {
    const images = sum(row);
    return { label, share: (row[label] as number) / images, images };
  });
  const weakest = all.filter(({ images }) => images > 0).sort((a, b) => a.share - b.share);
  const rows = weakest.slice(0, LISTED).map(
    ({ label, share }) =>
      markup`<tr><td>${classes[label] ?? ""}</td><td class="meter"><i style="--share:${`${(100 * share).toFixed(1)}%`}"></i></td><td
          class="number">${formatShare(share)}</td></tr>`,
  );
  return markup`<div><h3>Weakest classes</h3><div class="scroll"><table><thead><tr><th>class</th><th></th><th
    class="number">right</th></tr></thead><tbody>${rows}</tbody></table></div></div>`;
}
