/** The table of layers, as `rbnet summary` prints it. */

import { type Markup, markup } from "../markup.js";
import { formatBytes, formatCount } from "../quantities.js";
import type { NetworkSummary } from "../training/costs/memory.js";

export function layersTable({ rows, totals, trainingBytes, inferenceBytes, batch }: NetworkSummary): Markup {
  const cells = (values: readonly number[]): readonly Markup[] =>
    values.map((value) => markup`<td class="number">${value === 0 ? "–" : formatCount(value)}</td>`);
  const body = rows.map(({ name, kind, output, binaryParameters, realParameters, binaryMacs, realMacs }) => {
    const counts = cells([binaryParameters, realParameters, binaryMacs, realMacs, binaryMacs / 64 + realMacs]);
    return markup`<tr><td>${name}</td><td>${kind}</td><td
      class="number">${`${output.height} × ${output.width} × ${output.channels}`}</td>${counts}</tr>`;
  });
  const { binaryParameters, realParameters, binaryMacs, realMacs, ops, packedBytes } = totals;
  const heads = ["output", "binary weights", "real parameters", "binary MACs", "real MACs", "OPs"].map(
    (head) => markup`<th class="number">${head}</th>`,
  );
  const sums = cells([binaryParameters, realParameters, binaryMacs, realMacs, ops]);
  return markup`<p class="quiet">Per image, in multiply-accumulates; OPs = binary MACs / 64 + real MACs. Packed size
${formatBytes(packedBytes)}: a bit for a binary weight, four bytes for a real parameter. A training step at batch ${batch} needs
${formatBytes(trainingBytes)} of memory, the deployed network ${formatBytes(inferenceBytes)} for an image.</p>
<details><summary>${rows.length} layers</summary><div class="scroll"><table class="wide">
<thead><tr><th>layer</th><th>kind</th>${heads}</tr></thead>
<tbody>${body}</tbody>
<tfoot><tr><td>in all</td><td></td><td></td>${sums}</tr></tfoot></table></div></details>`;
}
