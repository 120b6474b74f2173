/** What charts with two axes have in common: where values lie in the drawing, the grid with its values, and curves. */

import { type Markup, markup, NOTHING } from "../markup.js";
import type { Axis } from "./axis.js";

/** Where the plot lies in the drawing. */
export interface PlotFrame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export type Position = readonly [x: number, y: number];

/** Between the frame and the values beside it and below it, which stand on their baseline. */
const BESIDE = 8;
const BELOW = 18;

export class Plot {
  readonly right: number;
  readonly bottom: number;

  constructor(
    private readonly frame: PlotFrame,
    private readonly x: Axis,
    private readonly y: Axis,
  ) {
    this.right = frame.left + frame.width;
    this.bottom = frame.top + frame.height;
  }

  atX(value: number): number {
    return this.frame.left + this.frame.width * this.x.place(value);
  }

  atY(value: number): number {
    return this.frame.top + this.frame.height * (1 - this.y.place(value));
  }

  /** A line across the plot at each tick of the vertical axis, its value beside it. */
  rows(format: (value: number) => string): readonly Markup[] {
    const { left } = this.frame;
    return this.y.ticks.map((tick) => {
      const y = this.atY(tick);
      return markup`<line class="grid" x1="${left}" x2="${this.right}" y1="${y}" y2="${y}"/><text
  class="tick" x="${left - BESIDE}" y="${y + 4}" text-anchor="end">${format(tick)}</text>`;
    });
  }

  /** A line up the plot at each tick of the horizontal axis. */
  columns(): readonly Markup[] {
    const { top } = this.frame;
    return this.x.ticks.map((tick) => {
      const x = this.atX(tick);
      return markup`<line class="grid" x1="${x}" x2="${x}" y1="${top}" y2="${this.bottom}"/>`;
    });
  }

  /** The values of the horizontal axis below the plot. */
  columnValues(format: (value: number) => string): readonly Markup[] {
    const y = this.bottom + BELOW;
    return this.x.ticks.map(
      (tick) => markup`<text class="tick" x="${this.atX(tick)}" y="${y}" text-anchor="middle">${format(tick)}</text>`,
    );
  }
}

/** @param style an attribute, with the blank before it */
export function curve(look: string, positions: readonly Position[], style = NOTHING): Markup {
  const points = positions.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  return markup`<polyline class="${look}"${style} points="${points}"/>`;
}
