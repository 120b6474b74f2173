// A line is what the normalization kernels work on at a time: the windows of one grid row of one image, or 64 rows of a matrix that
// is laid out row by row (window 0). Working on a line channel by channel keeps the parameters in registers and the line in the first-level
// cache.
import { LINE_ROWS } from "./constants";
import { touch } from "./simd";
import * as window_ from "./window";

@inline
export function taps(window: usize): i32 {
  if (!window) return 1;
  const kernel = window_.kernel(window);
  return kernel * kernel;
}

/** First row m of a line. */
@inline
export function firstRow(window: usize, line: i32): i32 {
  return line * (window ? window_.gridColumns(window) : LINE_ROWS);
}

@inline
export function rowCount(window: usize, line: i32, rows: i32): i32 {
  return window ? window_.gridColumns(window) : min(LINE_ROWS, rows - line * LINE_ROWS);
}

/** Pixel index of each window of the line at one tap, int32, -1 outside the map, written to `pixels`. */
export function findPixels(window: usize, line: i32, tap: i32, count: i32, pixels: usize): void {
  if (!window) {
    for (let j = 0; j < count; j++) store<i32>(pixels + (<usize>j << 2), line * LINE_ROWS + j);
    return;
  }
  const gridRows = window_.gridRows(window), kernel = window_.kernel(window), step = window_.step(window);
  const image = line / gridRows, row = window_.rowOrigin(window, line % gridRows) + (tap / kernel) * step;
  for (let j = 0; j < count; j++) {
    store<i32>(pixels + (<usize>j << 2), window_.pixelIndex(window, image, row, window_.columnOrigin(window, j) + (tap % kernel) * step));
  }
}

/**
 * Bring the line's part of a map into the cache: all of the map row that its windows lie on at one row of taps. `sink` is scratch memory.
 */
export function touchMap(map: usize, window: usize, line: i32, tap: i32, count: i32, channels: i32, sink: usize): void {
  if (!window) {
    touch(map + (<usize>(line * LINE_ROWS * channels) << 2), <usize>(count * channels) << 2, sink);
    return;
  }
  const gridRows = window_.gridRows(window), kernel = window_.kernel(window);
  if (tap % kernel != 0) return;
  const row = window_.pixelIndex(window, line / gridRows,
      window_.rowOrigin(window, line % gridRows) + (tap / kernel) * window_.step(window), 0);
  if (row >= 0) touch(map + (<usize>(row * channels) << 2), <usize>(window_.width(window) * channels) << 2, sink);
}
