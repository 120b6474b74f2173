/**
 * How the groups of a chart look: a colour on light and on dark ground, and a shape, so that they can be told apart without colours too.
 */
import { Markup, markup } from "../markup.js";
import { colorRules } from "../report/colors.js";

/** The pages' first colours, then more of their kind. */
const COLORS = ["one", "two", "good", "fourth", "fifth", "sixth"];
const LIGHT = { fourth: "#7a3fb5", fifth: "#b3246b", sixth: "#0b7285" };
const DARK = { fourth: "#c7a3ff", fifth: "#ff8fc4", sixth: "#5fd0e0" };

/** Number of colours; a group beyond takes those from the first on, in another shape. */
export const GROUP_LOOKS = COLORS.length;

/** Five shapes and six colours: thirty groups before a pair comes twice. Each about `r` from the middle to its edge. */
const SHAPES: readonly ((x: number, y: number, r: number) => Markup)[] = [
  (x, y, r) => markup`<circle cx="${x}" cy="${y}" r="${r}"/>`,
  (x, y, r) => markup`<rect x="${x - 0.88 * r}" y="${y - 0.88 * r}" width="${1.76 * r}" height="${1.76 * r}" rx="1.5"/>`,
  (x, y, r) => polygon([x, y - 1.25 * r, x + 1.25 * r, y, x, y + 1.25 * r, x - 1.25 * r, y]),
  (x, y, r) => polygon([x, y - 1.2 * r, x + 1.15 * r, y + 0.85 * r, x - 1.15 * r, y + 0.85 * r]),
  (x, y, r) => polygon([x, y + 1.2 * r, x + 1.15 * r, y - 0.85 * r, x - 1.15 * r, y - 0.85 * r]),
];

/** @param group undefined for a point without one */
export function marker(group: number | undefined, x: number, y: number, radius: number): Markup {
  const shape = SHAPES[(group ?? 0) % SHAPES.length];
  if (shape === undefined) throw new Error("a shape for every group");
  return shape(x, y, radius);
}

/** Rules for a chart alone, whatever page it is put into. */
export function chartStyle(): Markup {
  const groups = COLORS.map((color, group) => `.study-chart .group${group} { --look: var(--${color}); }`).join("\n");
  return new Markup(`
${colorRules(".study-chart", [LIGHT, DARK])}
.study-chart { font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; max-width: 100%; height: auto; }
.study-chart .single { --look: var(--quiet); }
${groups}
.study-chart .ground { fill: var(--card); stroke: var(--line); }
.study-chart .grid { stroke: var(--line); stroke-width: 1; }
.study-chart text { fill: var(--text); }
.study-chart .title { font-size: 17px; font-weight: 650; }
.study-chart .legend { font-size: 13.5px; }
.study-chart .axis { font-size: 13px; fill: var(--quiet); }
.study-chart .tick { font-size: 12.5px; fill: var(--quiet); font-variant-numeric: tabular-nums; }
.study-chart .label { font-size: 13px; stroke: var(--card); stroke-width: 3.5px; stroke-linejoin: round; paint-order: stroke; }
.study-chart polyline { fill: none; stroke: var(--look); stroke-width: 2; stroke-linejoin: round; opacity: 0.5; }
.study-chart .bar { fill: none; stroke: var(--look); stroke-width: 1.75; stroke-linecap: round; }
.study-chart :is(circle, g > rect, polygon) { fill: var(--look); stroke: var(--card); stroke-width: 1.5; }
`);
}

function polygon(coordinates: readonly number[]): Markup {
  return markup`<polygon points="${coordinates.map((value) => value.toFixed(1)).join(" ")}"/>`;
}
