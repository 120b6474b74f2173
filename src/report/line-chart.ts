/**
 * A line chart over epochs as plain SVG. The values at the pointer are shown by CSS alone (`.at:hover` in style.ts), so the page needs no
 * script; without a pointer the last epoch's values stand there.
 */

import { type Markup, markup, NOTHING } from "../markup.js";
import { epochAxis, linearAxis, logarithmicAxis } from "./axis.js";
import { curve, Plot, type Position } from "./plot.js";

export interface Series {
  readonly label: string;
  /** Class that style.ts colours: `one`, `two`, or `depth` with a share from the first to the last layer. */
  readonly look: "one" | "two" | { readonly depth: number };
  /** By epoch; undefined where there is none. */
  readonly values: readonly (number | undefined)[];
}

export interface LineChart {
  readonly title: string;
  readonly epochs: readonly number[];
  /** Right end of the axis. */
  readonly lastEpoch: number;
  readonly series: readonly Series[];
  readonly scale: "linear" | "logarithmic";
  /** Value that a linear axis includes at its lower end. */
  readonly floor?: number;
  readonly format: (value: number) => string;
  /** What is read of epoch `position`; every series by its label where absent. */
  readonly describe?: (position: number) => string;
}

const WIDTH = 360;
const HEIGHT = 230;
const LEFT = 50;
const RIGHT = 10;
const TOP = 30;
const BOTTOM = 36;
const PLOT_WIDTH = WIDTH - LEFT - RIGHT;
const PLOT_HEIGHT = HEIGHT - TOP - BOTTOM;
/** Up to this many epochs get a dot each. */
const DOTTED_EPOCHS = 12;

export function lineChart(chart: LineChart): Markup {
  const { title, epochs, lastEpoch, series, format } = chart;
  const values = series.flatMap((one) => one.values.filter((value) => value !== undefined && Number.isFinite(value))) as number[];
  const shown = chart.scale === "logarithmic" ? values.filter((value) => value > 0) : values;
  if (shown.length === 0)
    return markup`<figure class="card"><figcaption>${title}</figcaption><p class="quiet">Nothing yet.</p></figure>`;
  const [least, most] = [Math.min(chart.floor ?? Number.POSITIVE_INFINITY, ...shown), Math.max(...shown)];
  const y = chart.scale === "logarithmic" ? logarithmicAxis(least, most) : linearAxis(least, most);
  const x = epochAxis(lastEpoch);
  const plot = new Plot({ left: LEFT, top: TOP, width: PLOT_WIDTH, height: PLOT_HEIGHT }, x, y);
  const drawn = (value: number | undefined): value is number =>
    value !== undefined && Number.isFinite(value) && (chart.scale === "linear" || value > 0);
  const describe =
    chart.describe ??
    ((position) =>
      series
        .filter((one) => one.values[position] !== undefined)
        .map((one) => `${one.label} ${format(one.values[position] ?? 0)}`)
        .join("   "));
  const said = (position: number): string => `epoch ${epochs[position] ?? ""}   ${describe(position)}`;
  const positions = (one: Series): readonly Position[] =>
    one.values.flatMap((value, position) => (drawn(value) ? [[plot.atX(epochs[position] ?? 0), plot.atY(value)] as const] : []));
  const dotted = epochs.length <= DOTTED_EPOCHS && series.length <= 2;
  return markup`<figure class="card">
<figcaption>${title}${legend(series)}</figcaption>
<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${`${title} by epoch; ${said(epochs.length - 1)}`}">
${plot.rows(format)}${plot.columnValues(String)}
<text class="tick" x="${LEFT + PLOT_WIDTH / 2}" y="${HEIGHT - 3}" text-anchor="middle">epoch</text>
${series.map((one) => line(one, positions(one), dotted))}
<text class="readout last" x="${LEFT}" y="16" xml:space="preserve">${said(epochs.length - 1)}</text>
${epochs.map((epoch, position) =>
  hoverColumn(
    plot.atX(epoch),
    PLOT_WIDTH / Math.max(1, lastEpoch - 1),
    said(position),
    series.length > 2
      ? []
      : series
          .map((one) => one.values[position])
          .filter(drawn)
          .map((value) => plot.atY(value)),
  ),
)}
</svg></figure>`;
}

function line({ look }: Series, positions: readonly Position[], dotted: boolean): Markup {
  const name = typeof look === "string" ? look : "depth";
  const style = typeof look === "string" ? NOTHING : markup` style="--depth:${`${Math.round(100 * look.depth)}%`}"`;
  const dots = dotted ? positions.map(([x, y]) => markup`<circle class="${name}" cx="${x}" cy="${y}" r="2.5"/>`) : [];
  return markup`${curve(name, positions, style)}${dots}`;
}

/** An invisible strip over one epoch that shows its values under the pointer. */
function hoverColumn(x: number, width: number, said: string, heights: readonly number[]): Markup {
  const left = Math.max(LEFT, x - width / 2);
  const right = Math.min(WIDTH - RIGHT, x + width / 2);
  return markup`<g class="at"><rect x="${left}" y="${TOP}" width="${right - left}" height="${PLOT_HEIGHT}"/><line x1="${x}" x2="${x}"
    y1="${TOP}" y2="${TOP + PLOT_HEIGHT}"/>${heights.map((y) => markup`<circle cx="${x}" cy="${y}" r="3.5"/>`)}<text class="readout"
    x="${LEFT}" y="16" xml:space="preserve">${said}</text></g>`;
}

function legend(series: readonly Series[]): Markup {
  if (series.length < 2) return NOTHING;
  if (series.some(({ look }) => typeof look !== "string"))
    return markup`<span class="legend">first layer <i class="ramp"></i> last layer</span>`;
  const entries = series.map(({ label, look }) => markup`<i class="${typeof look === "string" ? look : "depth"}"></i>${label} `);
  return markup`<span class="legend">${entries}</span>`;
}
