/**
 * Accuracy against operations as one SVG that is complete in itself: a point a row, an error bar where there are several seeds, a line a
 * group. It brings its own ground and colours for light and dark, since it does not know the page that shows it.
 */

import { type Markup, markup, NOTHING } from "../markup.js";
import { formatBytes, formatCount, formatInteger } from "../quantities.js";
import { closeLogarithmicAxis, formatShareTick, linearAxis } from "../report/axis.js";
import { curve, Plot, type Position } from "../report/plot.js";
import { chartStyle, GROUP_LOOKS, marker } from "./chart-looks.js";
import { type Box, placeLabels } from "./label-places.js";
import { judgedBy, judgedTop1, type RowResults, type StudyResults } from "./results.js";
import { formatSpread, type Spread } from "./spread.js";

const WIDTH = 880;
const LEFT = 78;
const RIGHT = 28;
const BOTTOM = 62;
const PLOT_HEIGHT = 400;
const PLOT_WIDTH = WIDTH - LEFT - RIGHT;
const TITLE_Y = 34;
const LEGEND_Y = 60;
const LEGEND_ROW = 22;
/** Of a letter at the size of labels, about. */
const LETTER = 6.9;
const POINT_RADIUS = 7;
/** At least so much of the vertical axis, as a share. */
const LEAST_RANGE = 0.02;
const SPREAD_NOTE = markup`<text class="tick" x="${WIDTH - RIGHT}" y="${TITLE_Y}"
  text-anchor="end">bars: sample deviation over seeds</text>`;

interface Point {
  readonly row: RowResults;
  readonly top1: Spread;
  /** Into GROUP_LOOKS; undefined for a row without a group. */
  readonly group: number | undefined;
  readonly x: number;
  readonly y: number;
  /** Ends of the error bar. */
  readonly upper: number;
  readonly lower: number;
}

/** The rows that have results, by what the study is judged by. */
export function resultsChart(results: StudyResults): Markup {
  const { set, images } = judgedBy(results);
  const groups = [...new Set(results.rows.flatMap(({ group }) => (group === undefined ? [] : [group])))];
  const judged = results.rows.flatMap((row) => {
    const top1 = judgedTop1(results, row);
    return top1 === undefined ? [] : [{ row, top1 }];
  });
  const legend = legendOf(groups);
  const top = LEGEND_Y + legend.rows * LEGEND_ROW + 8;
  const height = top + PLOT_HEIGHT + BOTTOM;
  const title = `${results.study} on ${results.data.name}`;
  const shown = `${judged.length} of ${results.rows.length} rows`;
  const open = markup`<svg xmlns="http://www.w3.org/2000/svg" class="study-chart" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}"
    height="${height}" role="img" aria-label="${`Top-1 accuracy against operations, ${shown} of the study ${results.study}`}">
<style>${chartStyle()}</style><rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="12"/>
<text class="title" x="${LEFT}" y="${TITLE_Y}">${title}</text>${legend.drawn}`;
  if (judged.length === 0)
    return markup`${open}<text class="axis" x="${WIDTH / 2}" y="${top + PLOT_HEIGHT / 2}"
      text-anchor="middle">no run is finished yet</text></svg>`;
  const ops = judged.map(({ row }) => row.ops);
  const x = closeLogarithmicAxis(Math.min(...ops), Math.max(...ops));
  const ends = judged.flatMap(({ top1: { mean, deviation = 0 } }) => [mean - deviation, mean + deviation]);
  const y = linearAxis(...withRoom(Math.min(...ends), Math.max(...ends)), 5);
  const plot = new Plot({ left: LEFT, top, width: PLOT_WIDTH, height: PLOT_HEIGHT }, x, y);
  const points = judged.map(({ row, top1 }): Point => {
    const { mean, deviation = 0 } = top1;
    const group = row.group === undefined ? undefined : groups.indexOf(row.group);
    const [upper, lower] = [plot.atY(mean + deviation), plot.atY(mean - deviation)];
    return { row, top1, group, x: plot.atX(row.ops), y: plot.atY(mean), upper, lower };
  });
  const lines = groups.map((_, group) => points.filter((point) => point.group === group).sort((a, b) => a.x - b.x));
  const frame: Box = { left: LEFT + 2, top: top + 2, right: WIDTH - 8, bottom: top + PLOT_HEIGHT - 2 };
  const labels = placeLabels(
    points.map((point) => ({ x: point.x, y: point.y, width: LETTER * point.row.name.length })),
    frame,
    [...points.flatMap(boxesOf), ...lines.flatMap(boxesOfLine)],
  );
  const spread = points.some(({ top1 }) => top1.deviation !== undefined);
  return markup`${open}
${plot.rows(formatShareTick)}${plot.columns()}${plot.columnValues(formatOps)}
<text class="axis" x="${LEFT + PLOT_WIDTH / 2}" y="${top + PLOT_HEIGHT + 44}"
  text-anchor="middle">operations an image (binary MACs / 64 + real MACs)</text>
<text class="axis" transform="translate(16 ${top + PLOT_HEIGHT / 2}) rotate(-90)"
  text-anchor="middle">${`top-1 on ${formatInteger(images)} ${set} images`}</text>
${spread ? SPREAD_NOTE : NOTHING}
${lines.map((line, group) => (line.length < 2 ? NOTHING : curve(lookOf(group), line.map(positionOf))))}
${points.map((point) => drawnBar(point))}
${points.map((point) => drawnPoint(point))}
${points.map(({ row }, index) => {
  const place = labels[index];
  return place === undefined
    ? NOTHING
    : markup`<text class="label" x="${place.x}" y="${place.y}" text-anchor="${place.anchor}">${row.name}</text>`;
})}
</svg>`;
}

/** Bars come before all points, so that none crosses the point of another row. */
function drawnBar({ top1, group, x, upper, lower }: Point): Markup {
  if (top1.deviation === undefined) return NOTHING;
  return markup`<g class="${lookOf(group)}"><path class="bar"
    d="${`M${x} ${upper}V${lower}M${x - 5} ${upper}h10M${x - 5} ${lower}h10`}"/></g>`;
}

function drawnPoint({ row, top1, group, x, y }: Point): Markup {
  const seeds = top1.n === 1 ? "1 seed" : `${top1.n} seeds`;
  const latency = row.latencyMs === undefined ? "" : `, ${row.latencyMs.toPrecision(2)} ms an image`;
  const said = `${row.name}: ${formatSpread(top1)} (${seeds}), ${formatCount(row.ops)} OPs, ${formatBytes(row.packedBytes)}${latency}`;
  return markup`<g class="${lookOf(group)}"><title>${said}</title>${marker(group, x, y, POINT_RADIUS)}</g>`;
}

function positionOf({ x, y }: Point): Position {
  return [x, y];
}

function lookOf(group: number | undefined): string {
  return group === undefined ? "single" : `group${group % GROUP_LOOKS}`;
}

/** Groups beside each other, in as many rows as they need. */
function legendOf(groups: readonly string[]): { readonly rows: number; readonly drawn: readonly Markup[] } {
  let [x, rows] = [LEFT, groups.length === 0 ? 0 : 1];
  const drawn = groups.map((name, group) => {
    const width = 42 + LETTER * name.length;
    if (x > LEFT && x + width > WIDTH - RIGHT) {
      x = LEFT;
      rows++;
    }
    const y = LEGEND_Y + (rows - 1) * LEGEND_ROW;
    const entry = markup`<g class="${lookOf(group)}">${marker(group, x + 7, y - 4, 6)}<text class="legend" x="${x + 20}"
      y="${y}">${name}</text></g>`;
    x += width;
    return entry;
  });
  return { rows, drawn };
}

function boxesOf({ x, y, upper, lower }: Point): readonly Box[] {
  const [marked, barred] = [POINT_RADIUS + 1, 5];
  return [
    { left: x - marked, right: x + marked, top: y - marked, bottom: y + marked },
    { left: x - barred, right: x + barred, top: upper, bottom: lower },
  ];
}

/** A line as small boxes along it. */
function boxesOfLine(line: readonly Point[]): readonly Box[] {
  return line.slice(1).flatMap((to, index) => {
    const from = line[index] ?? to;
    const pieces = Math.max(1, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) / 8));
    return Array.from({ length: pieces }, (_, piece): Box => {
      const share = (piece + 0.5) / pieces;
      const [x, y] = [from.x + share * (to.x - from.x), from.y + share * (to.y - from.y)];
      return { left: x - 4, right: x + 4, top: y - 2, bottom: y + 2 };
    });
  });
}

/** Ends of the axis, within 0..1, a little beyond the values. */
function withRoom(from: number, to: number): readonly [number, number] {
  const missing = Math.max(0, LEAST_RANGE - (to - from)) / 2;
  const room = 0.06 * (to - from);
  return [Math.max(0, from - missing - room), Math.min(1, to + missing + room)];
}

/** Ticks are round: "2 M", not "2.00 M" */
function formatOps(ops: number): string {
  const [number = "", unit = ""] = formatCount(ops).split(" ");
  return `${Number(number)} ${unit}`.trim();
}
