// The table that describes a window geometry in memory, int32 each:
// images, height, width, channels, kernel, step, grid rows, grid columns, then the origin row of each grid row and the origin column of
// each grid column.

@inline
export function height(window: usize): i32 { return load<i32>(window, 4); }
@inline
export function width(window: usize): i32 { return load<i32>(window, 8); }
@inline
export function channels(window: usize): i32 { return load<i32>(window, 12); }
@inline
export function kernel(window: usize): i32 { return load<i32>(window, 16); }
@inline
export function step(window: usize): i32 { return load<i32>(window, 20); }
@inline
export function gridRows(window: usize): i32 { return load<i32>(window, 24); }
@inline
export function gridColumns(window: usize): i32 { return load<i32>(window, 28); }
@inline
export function rowOrigin(window: usize, i: i32): i32 { return load<i32>(window + (<usize>i << 2), 32); }
@inline
export function columnOrigin(window: usize, j: i32): i32 { return load<i32>(window + (<usize>(gridRows(window) + j) << 2), 32); }

/** Index of pixel (row, column) of an image among all pixels of the batch, or -1 outside the map. */
@inline
export function pixelIndex(window: usize, image: i32, row: i32, column: i32): i32 {
  const h = height(window), w = width(window);
  if (<u32>row >= <u32>h || <u32>column >= <u32>w) return -1;
  return (image * h + row) * w + column;
}
