/** Products with real weights: of a map's values under windows, which are read from the map as they are needed, or of packed signs. */
import type { KernelSource } from "../kernel-source.js";
import {
  eachColumn,
  eachRow,
  REAL_GAIN,
  signsOf,
  TILE_THREADS,
  type TileProduct,
  tileLoop,
  tileMemory,
  tileSums,
} from "./tile.js";
import { MAP_VALUES, WINDOW, WINDOW_NUMBERS } from "./window.js";

const PRODUCT: TileProduct = { ...REAL_GAIN, left: "inner", right: "outer" };

/** A row or filter past the last repeats it; its results are not kept. */
function productCode(choice: number, left: string): string {
  return `${left}
fn right_columns(n: u32) -> vec4u { return min(vec4u(n) + vec4u(0u, 1u, 2u, 3u), vec4u(u.filters - 1u)); }
fn right_values(k: Inner, n: vec4u) -> vec4f {
  let at = n + k.k * u.filters;
  return vec4f(weights(at.x), weights(at.y), weights(at.z), weights(at.w));
}
${tileMemory(PRODUCT, choice)}
fn store(m: u32, n: u32, results: vec4f) {
  if (m >= u.rows) { return; }
  ${eachColumn("results", (j, result) => `if (n + ${j}u < u.filters) { set_y(m * u.filters + n + ${j}u, ${result}); }`)}
}
fn run(group: u32, thread: u32, tx: u32, ty: u32) {
  let blocks = (u.filters + 63u) / 64u;
  let first = group / blocks * 64u;
  let n = group % blocks * 64u;
  if (first >= u.rows) { return; }
  ${tileSums(PRODUCT)}
  let inside = first + 4u * ty < u.rows && n + 4u * tx < u.filters;
  ${tileLoop(PRODUCT, choice, { row: "first", column: "n", begin: "0u", end: "u.inputs" })}
  ${eachRow(PRODUCT, "store(first + 4u * ty + i, n + 4u * tx, sums);")}
}
`;
}

const NUMBERS = { rows: "u32", inputs: "u32", filters: "u32" } as const;

export const MAP_PRODUCT = {
  name: "convolution",
  tensors: { x: "read float32", window: "read int32", weights: "read float32", y: "write float32" },
  numbers: { ...NUMBERS, ...WINDOW_NUMBERS },
  threads: TILE_THREADS,
  code: (choice: number) =>
    productCode(
      choice,
      `${WINDOW}${MAP_VALUES}
// Inputs are the taps' channels, tap by tap.
struct Inner { k: u32, channel: u32, shift: vec2i }
fn inner_at(k: u32) -> Inner {
  let tap = k / u.w_channels;
  return Inner(k, k - tap * u.w_channels, tap_shift(tap));
}
fn inner_next(at: Inner) -> Inner {
  var next = Inner(at.k + 1u, at.channel + 1u, at.shift);
  if (next.channel == u.w_channels) {
    next.channel = 0u;
    next.shift.y += i32(u.w_step);
    if (next.shift.y == i32(u.w_kernel * u.w_step)) { next.shift = vec2i(next.shift.x + i32(u.w_step), 0); }
  }
  return next;
}
struct Origins { images: vec4i, rows: vec4i, columns: vec4i }
fn left_rows(m: u32) -> Origins {
  let a = window_origin(min(m, u.rows - 1u));
  let b = window_origin(min(m + 1u, u.rows - 1u));
  let c = window_origin(min(m + 2u, u.rows - 1u));
  let d = window_origin(min(m + 3u, u.rows - 1u));
  return Origins(vec4i(a.x, b.x, c.x, d.x), vec4i(a.y, b.y, c.y, d.y), vec4i(a.z, b.z, c.z, d.z));
}
fn left_values(origins: Origins, at: Inner) -> vec4f {
  return map_values(origins.images, origins.rows + at.shift.x, origins.columns + at.shift.y, vec4u(at.channel));
}
`,
    ),
} as const satisfies KernelSource;

export const SIGN_PRODUCT = {
  name: "latentProduct",
  tensors: { columns: "read uint32", weights: "read float32", y: "write float32" },
  numbers: NUMBERS,
  threads: TILE_THREADS,
  code: (choice: number) =>
    productCode(
      choice,
      `${signsOf("f32")}
struct Inner { k: u32, word: u32, bit: u32 }
fn inner_at(k: u32) -> Inner { return Inner(k, k / 32u, 1u << (k % 32u)); }
fn inner_next(at: Inner) -> Inner { return inner_at(at.k + 1u); }
fn left_rows(m: u32) -> vec4u {
  return min(vec4u(m) + vec4u(0u, 1u, 2u, 3u), vec4u(u.rows - 1u)) * ((u.inputs + 31u) / 32u);
}
fn left_values(rows: vec4u, at: Inner) -> vec4f {
  let words = rows + at.word;
  return signs(vec4u(columns(words.x), columns(words.y), columns(words.z), columns(words.w)), vec4u(at.bit));
}
`,
    ),
} as const satisfies KernelSource;
