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
  return vec3i(i32(line / u.w_rows), window(line % u.w_rows), window(u.w_rows + m % u.w_columns));
}

// The pixel of the batch under a tap of the window at an origin; -1 on padding.
fn pixel_under(origin: vec3i, tap: u32) -> i32 {
  let row = origin.y + i32(tap / u.w_kernel * u.w_step);
  let column = origin.z + i32(tap % u.w_kernel * u.w_step);
  let inside = row >= 0 && row < i32(u.w_height) && column >= 0 && column < i32(u.w_width);
  return select(-1, (origin.x * i32(u.w_height) + row) * i32(u.w_width) + column, inside);
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

/** Where element (m, n) of a result [M, N] lies on the output map; -1 outside. Without a window, row by row. */
export const PLACE = `${WINDOW}
fn place(m: u32, n: u32, filters: u32) -> i32 {
  if (!has_window) { return i32(m * filters + n); }
  let channels = output_channels(filters);
  let pixel = pixel_under(window_origin(m), n / channels);
  return select(pixel * i32(channels) + i32(n % channels), -1, pixel < 0);
}
// Of the output map; filter n belongs to channel n modulo their number.
fn output_channels(filters: u32) -> u32 {
  if (!has_window) { return filters; }
  return filters / (u.w_kernel * u.w_kernel);
}
`;
