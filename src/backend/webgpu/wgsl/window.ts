/** Where windows lie: for kernels with an operand `window` and the numbers WINDOW_NUMBERS, both of which windows.ts fills. */

/** What is known of a geometry besides its origins; all 0 without one. */
export const WINDOW_NUMBERS = {
  w_height: "u32",
  w_width: "u32",
  w_channels: "u32",
  w_kernel: "u32",
  w_step: "u32",
  w_rows: "u32",
  w_columns: "u32",
} as const;

export const WINDOW = `
// Image, top and left of window m.
fn window_origin(m: u32) -> vec3i {
  let line = m / u.w_columns;
  let image = line / u.w_rows;
  return vec3i(i32(image), window(line - image * u.w_rows), window(u.w_rows + m - line * u.w_columns));
}

// Rows and columns from a window's origin to a tap.
fn tap_shift(tap: u32) -> vec2i {
  let row = tap / u.w_kernel;
  return vec2i(i32(row * u.w_step), i32((tap - row * u.w_kernel) * u.w_step));
}

// The pixel of the batch at a shift from an origin; -1 on padding.
fn pixel_at(origin: vec3i, shift: vec2i) -> i32 {
  let row = origin.y + shift.x;
  let column = origin.z + shift.y;
  let inside = row >= 0 && row < i32(u.w_height) && column >= 0 && column < i32(u.w_width);
  return select(-1, (origin.x * i32(u.w_height) + row) * i32(u.w_width) + column, inside);
}
fn pixel_under(origin: vec3i, tap: u32) -> i32 { return pixel_at(origin, tap_shift(tap)); }
`;

/** Four values of a map `x` at once, 0 on padding. */
export const MAP_VALUES = `
fn map_values(images: vec4i, rows: vec4i, columns: vec4i, channels: vec4u) -> vec4f {
  let size = vec2i(i32(u.w_height), i32(u.w_width));
  let inside = (rows >= vec4i()) & (rows < vec4i(size.x)) & (columns >= vec4i()) & (columns < vec4i(size.y));
  let pixels = select(vec4i(), (images * size.x + rows) * size.y + columns, inside);
  let at = vec4u(pixels) * u.w_channels + channels;
  return select(vec4f(), vec4f(x(at.x), x(at.y), x(at.z), x(at.w)), inside);
}
`;

/** Which windows lie above a pixel: the table has them behind the origins, by the row and the column that they start at. */
export const WINDOWS_ABOVE = `
fn reach() -> i32 { return i32((u.w_kernel - 1u) * u.w_step); }
// Windows along a side that start at an origin: from .x to before .y in the list of the side.
fn rows_from(origin: i32) -> vec2u {
  let at = u.w_rows + u.w_columns + 2u + u32(origin + reach());
  return vec2u(u32(window(at)), u32(window(at + 1u)));
}
fn columns_from(origin: i32) -> vec2u {
  let at = u.w_rows + u.w_columns + 2u + u.w_height + u32(reach()) + 1u + u32(origin + reach());
  return vec2u(u32(window(at)), u32(window(at + 1u)));
}
fn window_number(image: u32, row_place: u32, column_place: u32) -> u32 {
  return (image * u.w_rows + u32(window(row_place))) * u.w_columns + u32(window(column_place));
}
// At most so many windows along a side start at one origin.
fn most_rows() -> u32 { return u32(window(u.w_rows + u.w_columns)); }
fn most_columns() -> u32 { return u32(window(u.w_rows + u.w_columns + 1u)); }
`;

/** One window after another: where it starts, without dividing for each. */
export const WINDOW_WALK = `
struct Walk { m: u32, row: u32, column: u32, origin: vec3i }
fn walk_at(m: u32, image: i32, row: u32, column: u32) -> Walk {
  return Walk(m, row, column, vec3i(image, window(row), window(u.w_rows + column)));
}
fn walk_from(m: u32) -> Walk {
  let line = m / u.w_columns;
  let image = line / u.w_rows;
  return walk_at(m, i32(image), line - image * u.w_rows, m - line * u.w_columns);
}
fn walk_on(at: Walk) -> Walk {
  if (at.column + 1u < u.w_columns) { return walk_at(at.m + 1u, at.origin.x, at.row, at.column + 1u); }
  if (at.row + 1u < u.w_rows) { return walk_at(at.m + 1u, at.origin.x, at.row + 1u, 0u); }
  return walk_at(at.m + 1u, at.origin.x + 1, 0u, 0u);
}
`;

/** Where the results of a product [M, N] lie on the output map, -1 outside: row after row, of one column. Without a window, row by row. */
export const PLACE = `${WINDOW}${WINDOW_WALK}
// Of the output map; filter n belongs to channel n modulo their number.
fn output_channels(filters: u32) -> u32 {
  if (!has_window) { return filters; }
  return filters / (u.w_kernel * u.w_kernel);
}
// What is known of a column: the channels of the map, its own, and the shift of its tap.
struct Target { channels: u32, channel: u32, shift: vec2i }
fn target_of(n: u32, filters: u32) -> Target {
  if (!has_window) { return Target(filters, n, vec2i()); }
  let channels = output_channels(filters);
  let tap = n / channels;
  return Target(channels, n - tap * channels, tap_shift(tap));
}
fn first_row(m: u32) -> Walk {
  if (!has_window) { return Walk(m, 0u, 0u, vec3i()); }
  return walk_from(m);
}
fn next_row(at: Walk) -> Walk {
  if (!has_window) { return Walk(at.m + 1u, 0u, 0u, vec3i()); }
  return walk_on(at);
}
fn place(at: Walk, to: Target) -> i32 {
  if (!has_window) { return i32(at.m * to.channels + to.channel); }
  let pixel = pixel_at(at.origin, to.shift);
  return select(pixel * i32(to.channels) + i32(to.channel), -1, pixel < 0);
}
`;
