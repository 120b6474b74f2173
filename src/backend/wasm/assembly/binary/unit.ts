// A deployed binary layer in one pass: the product of a tile goes into scratch memory, and from there scaled, with its shortcut, activated
// and laid out into the map, while it is in the first-level cache. Results are those of the product and normalizeActivate one after the
// other, to the bit.
import { PRODUCT_FILTERS } from "../constants";
import { popcountBlock } from "./product";
import { taps } from "../line";
import { multiplyAdd } from "../simd";
import { fillTables, tableBlock } from "./table-product";
import * as window_ from "../window";

const TILE: i32 = PRODUCT_FILTERS;
/** Scratch: what the products use; the tile, int16 [64, 64]; its parameters, float32 [5, 64]. */
const RESULTS: usize = 1024;
const PARAMETERS: usize = RESULTS + <usize>(TILE * TILE << 1);
const LINE: usize = <usize>TILE << 2;

/** A chunk is up to 64 filters of `chunkRows` rows, as for the products. shortcut and activation may be 0. */
export function binaryUnit(
  begin: i32, end: i32, scratch: usize, columns: usize, weights: usize, rows: i32, inputs: i32, filters: i32, chunkRows: i32, norm: usize,
  window: usize, shortcut: usize, activation: usize, out: usize,
): void {
  const blocks = (filters + TILE - 1) / TILE;
  for (let chunk = begin; chunk < end; chunk++) {
    const part = chunk / blocks, n = (chunk % blocks) * TILE, some = min(TILE, filters - n);
    const last = min(rows, (part + 1) * chunkRows);
    gatherParameters(scratch + PARAMETERS, norm, filters, n, some, activation, filters / taps(window));
    for (let m = part * chunkRows; m < last; m += TILE) {
      const stop = min(last, m + TILE);
      popcountBlock(scratch, columns, weights, scratch + RESULTS, <usize>TILE << 1, m, stop, inputs, filters, n, some);
      layOut(scratch, m, stop, filters, n, some, window, shortcut, out);
    }
  }
}

export function binaryUnitTable(
  begin: i32, end: i32, scratch: usize, columns: usize, weights: usize, rows: i32, inputs: i32, filters: i32, chunkRows: i32, norm: usize,
  window: usize, shortcut: usize, activation: usize, out: usize,
): void {
  fillTables(scratch);
  const blocks = (filters + TILE - 1) / TILE, bytes = (inputs + 7) >> 3;
  for (let chunk = begin; chunk < end; chunk++) {
    const part = chunk / blocks, n = (chunk % blocks) * TILE, some = min(TILE, filters - n);
    const last = min(rows, (part + 1) * chunkRows);
    gatherParameters(scratch + PARAMETERS, norm, filters, n, some, activation, filters / taps(window));
    for (let m = part * chunkRows; m < last; m += TILE) {
      const stop = min(last, m + TILE);
      tableBlock(scratch, columns, weights + <usize>(n * bytes << 1), scratch + RESULTS, <usize>TILE << 1, m, stop, inputs, some);
      layOut(scratch, m, stop, filters, n, some, window, shortcut, out);
    }
  }
}

/**
 * By filter of the tile: scale, bias less the activation's shift, left slope, right slope, shift out; those of the identity where there is
 * no activation.
 */
function gatherParameters(to: usize, norm: usize, filters: i32, n: i32, some: i32, activation: usize, channels: i32): void {
  const side = <usize>channels << 2;
  for (let i = 0; i < some; i++) {
    const at = to + (<usize>i << 2), from = norm + (<usize>(n + i) << 2);
    let bias = load<f32>(from + (<usize>filters << 2));
    let left: f32 = 1, right: f32 = 1, shift: f32 = 0;
    if (activation) {
      const channel = activation + (<usize>((n + i) % channels) << 2);
      bias -= load<f32>(channel);
      left = load<f32>(channel + side);
      right = load<f32>(channel + 2 * side);
      shift = load<f32>(channel + 3 * side);
    }
    store<f32>(at, load<f32>(from));
    store<f32>(at + LINE, bias);
    store<f32>(at + 2 * LINE, left);
    store<f32>(at + 3 * LINE, right);
    store<f32>(at + 4 * LINE, shift);
  }
}

/** The tile of rows [first, last) and filters [n, n + some) to the map, tap by tap. */
function layOut(scratch: usize, first: i32, last: i32, filters: i32, n: i32, some: i32, window: usize, shortcut: usize, out: usize): void {
  const channels = filters / taps(window);
  for (let from = 0; from < some; ) {
    const tap = (n + from) / channels, channel = (n + from) % channels;
    const count = min(some - from, channels - channel);
    const parameters = scratch + PARAMETERS + (<usize>from << 2);
    let y = scratch + RESULTS + (<usize>from << 1);
    for (let m = first; m < last; ) {
      // The windows of one grid row lie on one row of pixels.
      const start = window ? m % window_.gridColumns(window) : 0;
      const run = window ? min(last - m, window_.gridColumns(window) - start) : last - m;
      const row = window ? rowUnder(window, m, tap) : m;
      if (row >= 0) layRow(parameters, y, count, window, window ? (tap % window_.kernel(window)) * window_.step(window) : 0, row, start,
          run, <usize>channels << 2, shortcut ? shortcut + (<usize>channel << 2) : 0, out + (<usize>channel << 2));
      m += run;
      y += <usize>(run * TILE) << 1;
    }
    from += count;
  }
}

/** Index of the first pixel of the row of pixels under a tap of window m, -1 outside the map. */
function rowUnder(window: usize, m: i32, tap: i32): i32 {
  const line = m / window_.gridColumns(window), gridRows = window_.gridRows(window);
  return window_.pixelIndex(window, line / gridRows,
      window_.rowOrigin(window, line % gridRows) + (tap / window_.kernel(window)) * window_.step(window), 0);
}

/** Results of `run` windows from grid column `start` on, to their pixels in a row; without windows, to pixels one after the other. */
function layRow(
  parameters: usize, y: usize, count: i32, window: usize, offset: i32, row: i32, start: i32, run: i32, pixelBytes: usize, shortcut: usize,
  out: usize,
): void {
  const width = window ? window_.width(window) : 0;
  for (let j = 0; j < run; j++, y += <usize>TILE << 1) {
    const column = window ? window_.columnOrigin(window, start + j) + offset : j;
    if (window && <u32>column >= <u32>width) continue;
    const place = <usize>(row + column) * pixelBytes;
    activate(parameters, y, count, shortcut ? shortcut + place : 0, out + place);
  }
}

/** `count` neighbouring channels of one pixel. */
@inline
function activate(parameters: usize, y: usize, count: i32, shortcut: usize, out: usize): void {
  const zero = f32x4.splat(0);
  let c = 0;
  for (; c + 4 <= count; c += 4) {
    const at = <usize>c << 2, p = parameters + at;
    let u = multiplyAdd(v128.load(p), f32x4.convert_i32x4_s(v128.load16x4_s(y + (<usize>c << 1))), v128.load(p + LINE));
    if (shortcut) u = f32x4.add(u, v128.load(shortcut + at));
    const slope = v128.bitselect(v128.load(p + 3 * LINE), v128.load(p + 2 * LINE), f32x4.gt(u, zero));
    v128.store(out + at, multiplyAdd(slope, u, v128.load(p + 4 * LINE)));
  }
  for (; c < count; c++) {
    const at = <usize>c << 2, p = parameters + at;
    let u = load<f32>(p) * <f32>load<i16>(y + (<usize>c << 1)) + load<f32>(p + LINE);
    if (shortcut) u += load<f32>(shortcut + at);
    store<f32>(out + at, (u > 0 ? load<f32>(p + 3 * LINE) : load<f32>(p + 2 * LINE)) * u + load<f32>(p + 4 * LINE));
  }
}
