/** results.html: chart, table and command on one page that loads nothing. */
import { type Markup, markup } from "../markup.js";
import { renderPage, repeatSection } from "../report/page.js";
import { judgedBy, judgedTop1, type StudyResults } from "./results.js";
import { formatSpread } from "./spread.js";
import { resultsNotes, resultsTable } from "./table.js";

const OWN_STYLE = `
.study-chart { margin: 20px 0 8px; } .study td { white-space: nowrap; } .study tr.best td { font-weight: 650; }
`;

export function resultsPage(results: StudyResults, chart: Markup): string {
  const { study, data, runs, command, version } = results;
  const count = runs.finished === runs.planned ? `all ${runs.planned}` : `${runs.finished} of ${runs.planned}`;
  const content = markup`<header><h1>${study}</h1><p class="status">${count} runs are finished</p>${best(results)}</header>
${chart}
<section><h2>Rows</h2>${table(results)}${resultsNotes(results).map((note) => markup`<p class="quiet">${note}</p>`)}</section>
${repeatSection(command, results.rows.map(settingsOf))}`;
  return renderPage({ title: `${study} on ${data.name}`, content, style: OWN_STYLE, version });
}

function settingsOf({ name, settings }: StudyResults["rows"][number]): Markup {
  const text = JSON.stringify(settings, undefined, 2);
  return markup`<details><summary>settings of ${name}</summary><pre><code>${text}</code></pre></details>`;
}

function best(results: StudyResults): Markup {
  const row = bestRow(results);
  const top1 = row === undefined ? undefined : judgedTop1(results, row);
  if (row === undefined || top1 === undefined) return markup``;
  const said = results.runs.finished === results.runs.planned ? "Best" : "Best so far";
  return markup`<p>${said} on the ${judgedBy(results).set} images: <b>${row.name}</b>, ${formatSpread(top1)}.</p>`;
}

function bestRow(results: StudyResults): StudyResults["rows"][number] | undefined {
  const judged = results.rows.filter((row) => judgedTop1(results, row) !== undefined);
  return judged.sort((one, other) => (judgedTop1(results, other)?.mean ?? 0) - (judgedTop1(results, one)?.mean ?? 0))[0];
}

function table(results: StudyResults): Markup {
  const { heads, words, rows } = resultsTable(results);
  const winner = bestRow(results)?.name;
  const kind = (column: number): string => (column < words ? "" : "number");
  const head = heads.map((text, column) => markup`<th class="${kind(column)}">${text}</th>`);
  const body = rows.map((row) => {
    const cells = row.map((text, column) => markup`<td class="${kind(column)}">${text}</td>`);
    return markup`<tr class="${row[0] === winner ? "best" : ""}">${cells}</tr>`;
  });
  return markup`<div class="scroll"><table class="study"><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}
