/**
 * Geometries where kernels read them: numbers, and a table of int32 with the windows' origins and, for gradients that are gathered at the
 * pixels and not scattered from the windows, with the windows that start at each row and column.
 */
import type { Tensor, WindowGeometry } from "../../tensor.js";
import type { Window } from "../terms.js";
import type { WINDOW_NUMBERS } from "./wgsl/window.js";

type WindowNumbers = Readonly<Record<keyof typeof WINDOW_NUMBERS, number>>;

export class GpuWindow implements Window {
  /** Every pixel lies under one tap of one window at most. */
  readonly disjoint: boolean;
  readonly numbers: WindowNumbers;

  constructor(
    readonly geometry: WindowGeometry,
    readonly table: Tensor<"int32">,
  ) {
    const { height, width, channels, kernel, step, rows, columns } = geometry;
    this.disjoint = isDisjoint(rows, kernel, step, height) && isDisjoint(columns, kernel, step, width);
    this.numbers = {
      w_height: height,
      w_width: width,
      w_channels: channels,
      w_kernel: kernel,
      w_step: step,
      w_rows: rows.length,
      w_columns: columns.length,
    };
  }
}

export function ownWindow(window: Window): GpuWindow {
  if (!(window instanceof GpuWindow)) throw new Error("this window belongs to another backend");
  return window;
}

const NO_WINDOW: { readonly table: undefined; readonly numbers: WindowNumbers } = {
  table: undefined,
  numbers: { w_height: 0, w_width: 0, w_channels: 0, w_kernel: 0, w_step: 0, w_rows: 0, w_columns: 0 },
};

/** Table and numbers of an optional layout. */
export function layoutOf(window: Window | undefined): GpuWindow | typeof NO_WINDOW {
  return window === undefined ? NO_WINDOW : ownWindow(window);
}

/** Origins of rows and columns; the most windows that start at one row and at one column; where each one's lie below; and those. */
export function windowTable({ height, width, kernel, step, rows, columns }: WindowGeometry): Int32Array {
  const [byRow, byColumn] = [startsAt(rows, kernel, step, height), startsAt(columns, kernel, step, width)];
  const first = rows.length + columns.length + 2 + byRow.first.length + byColumn.first.length;
  const rowFirst = byRow.first.map((place) => first + place);
  const columnFirst = byColumn.first.map((place) => first + byRow.places.length + place);
  const lists = [rows, columns, [byRow.most, byColumn.most], rowFirst, columnFirst, byRow.places, byColumn.places];
  return Int32Array.from(lists.flat());
}

interface Starts {
  /** For each origin from -(kernel - 1) * step to length - 1, where its windows begin in `places`; and where the last one's end. */
  readonly first: readonly number[];
  /** Windows by number along the side, sorted by origin. */
  readonly places: readonly number[];
  /** Most windows that start at one origin. */
  readonly most: number;
}

function startsAt(origins: readonly number[], kernel: number, step: number, length: number): Starts {
  const first: number[] = [];
  const places: number[] = [];
  let most = 0;
  for (let origin = -(kernel - 1) * step; origin < length; origin++) {
    first.push(places.length);
    for (const [place, other] of origins.entries()) if (other === origin) places.push(place);
    most = Math.max(most, places.length - (first.at(-1) as number));
  }
  return { first: [...first, places.length], places, most };
}

function isDisjoint(origins: readonly number[], kernel: number, step: number, length: number): boolean {
  const covered = new Set<number>();
  for (const origin of origins) {
    for (let tap = 0; tap < kernel; tap++) {
      const at = origin + tap * step;
      if (at < 0 || at >= length) continue;
      if (covered.has(at)) return false;
      covered.add(at);
    }
  }
  return true;
}
