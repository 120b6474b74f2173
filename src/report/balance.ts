/** Share of +1 among the input signs of every binary layer: a layer that sees one sign only has nothing to learn from. */

import { type Markup, markup, NOTHING } from "../markup.js";
import { formatShare } from "../quantities.js";
import type { EpochRecord } from "../training/records/run-records.js";

const WIDTH = 360;
const ROW = 20;
const LEFT = 112;
const RIGHT = 52;
const TOP = 24;

export function balanceChart(first: EpochRecord, last: EpochRecord): Markup {
  const layers = Object.keys(last.positiveShare);
  if (layers.length === 0) return NOTHING;
  const height = TOP + ROW * layers.length + 6;
  const atX = (share: number): number => LEFT + (WIDTH - LEFT - RIGHT) * share;
  const rows = layers.map((layer, index) => {
    const share = last.positiveShare[layer] ?? 0;
    const before = first.positiveShare[layer];
    const y = TOP + ROW * index + ROW / 2;
    const earlier =
      before === undefined || first === last ? NOTHING : markup`<circle class="before" cx="${atX(before)}" cy="${y}" r="3.5"/>`;
    const past = before === undefined ? "" : `, ${formatShare(before)} after epoch ${first.index}`;
    return markup`<g><title>${`${layer}: ${formatShare(share)} of the signs are +1${past}`}</title><rect
      class="row" x="0" y="${y - ROW / 2}" width="${WIDTH}" height="${ROW}"/><text
      class="tick" x="${LEFT - 8}" y="${y + 4}" text-anchor="end">${layer}</text><line
      class="reach" x1="${atX(0.5)}" x2="${atX(share)}" y1="${y}" y2="${y}"/>${earlier}<circle
      class="now" cx="${atX(share)}" cy="${y}" r="4"/><text
      class="tick" x="${WIDTH - 2}" y="${y + 4}" text-anchor="end">${formatShare(share)}</text></g>`;
  });
  const marks = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      markup`<line class="${share === 0.5 ? "half" : "grid"}" x1="${atX(share)}" x2="${atX(share)}" y1="${TOP - 4}"
        y2="${height - 4}"/><text class="tick" x="${atX(share)}" y="${TOP - 10}" text-anchor="middle">${`${100 * share} %`}</text>`,
  );
  const legend =
    first === last
      ? NOTHING
      : markup`<span class="legend"><i class="before"></i>epoch ${first.index} <i class="one"></i>epoch ${last.index}</span>`;
  return markup`<figure class="card"><figcaption>Share of +1 in each layer’s input${legend}</figcaption><svg class="balance"
    viewBox="0 0 ${WIDTH} ${height}" role="img"
    aria-label="${`Share of +1 among the input signs of ${layers.length} binary layers; half is balanced`}">${marks}${rows}</svg></figure>`;
}
