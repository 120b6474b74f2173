/**
 * The products of a backward pass. Of weights: columns transposed times dy, the windows of the batch in parts, whose results are added up
 * in their order. Of inputs: dy times the weights transposed, laid back on the map, either from windows that share no pixel, or gathered
 * at the pixels from all windows above them.
 */
import type { KernelSource } from "../kernel-source.js";
import {
  eachColumn,
  eachRow,
  REAL_GAIN,
  TILE_THREADS,
  type TileProduct,
  TOGETHER,
  tileLoop,
  tileMemory,
  tileSums,
} from "./tile.js";
import { WINDOW, WINDOW_NUMBERS, WINDOWS_ABOVE } from "./window.js";

const WEIGHTS_PRODUCT: TileProduct = { ...REAL_GAIN, left: "outer", right: "outer" };

/** `left` has functions for inputs (rows of the result) and windows (its inner side). */
function weightGradientCode(choice: number, left: string): string {
  return `${left}
fn right_column(n: u32) -> u32 { return min(n, u.filters - 1u); }
fn right_value(at: Inner, n: u32) -> f32 { return dy(at.m * u.filters + n); }
${tileMemory(WEIGHTS_PRODUCT, choice)}
fn store(at: u32, n: u32, results: vec4f) {
  ${eachColumn("results", (j, result) => `if (n + ${j}u < u.filters) { set_parts(at * u.filters + n + ${j}u, ${result}); }`)}
}
fn run(group: u32, thread: u32, tx: u32, ty: u32) {
  let blocks = (u.filters + 63u) / 64u;
  let tiles = blocks * ((u.inputs + 63u) / 64u);
  let part = group / tiles;
  let first = group % tiles / blocks * 64u;
  let n = group % blocks * 64u;
  let end = min(u.rows, (part + 1u) * u.chunk);
  ${tileSums(WEIGHTS_PRODUCT)}
  ${tileLoop(WEIGHTS_PRODUCT, choice, ["first", "n"], ["part * u.chunk", "end"])}
  if (part * u.chunk >= u.rows) { return; }
  ${eachRow((i, sums) => {
    const k = `first + 4u * ty + ${i}u`;
    return `if (${k} < u.inputs) { store(part * u.inputs + ${k}, n + 4u * tx, ${sums}); }`;
  })}
}
`;
}

const WEIGHTS_NUMBERS = { rows: "u32", inputs: "u32", filters: "u32", chunk: "u32" } as const;

/** Of packed signs. */
export const SIGN_WEIGHT_GRADIENT = {
  name: "binaryWeightGradient",
  tensors: { dy: "read float32", columns: "read uint32", parts: "write float32" },
  numbers: WEIGHTS_NUMBERS,
  threads: TILE_THREADS,
  code: (choice: number) =>
    weightGradientCode(
      choice,
      `
struct Inner { m: u32, row: u32 }
fn inner_at(m: u32) -> Inner { return Inner(m, m * ((u.inputs + 31u) / 32u)); }
fn left_row(k: u32) -> u32 { return min(k, u.inputs - 1u); }
fn left_value(k: u32, at: Inner) -> f32 {
  return select(-1.0, 1.0, ((columns(at.row + k / 32u) >> (k % 32u)) & 1u) != 0u);
}
`,
    ),
} as const satisfies KernelSource;

/** Of a map's values. */
export const MAP_WEIGHT_GRADIENT = {
  name: "convolutionWeightGradient",
  tensors: { dy: "read float32", x: "read float32", window: "read int32", parts: "write float32" },
  numbers: { ...WEIGHTS_NUMBERS, ...WINDOW_NUMBERS },
  threads: TILE_THREADS,
  code: (choice: number) =>
    weightGradientCode(
      choice,
      `${WINDOW}
struct Inner { m: u32, origin: vec3i }
fn inner_at(m: u32) -> Inner { return Inner(m, window_origin(m)); }
// Tap and channel.
fn left_row(input: u32) -> vec2u {
  let k = min(input, u.inputs - 1u);
  return vec2u(k / u.w_channels, k % u.w_channels);
}
fn left_value(input: vec2u, at: Inner) -> f32 {
  let pixel = pixel_under(at.origin, input.x);
  if (pixel < 0) { return 0.0; }
  return x(u32(pixel) * u.w_channels + input.y);
}
`,
    ),
} as const satisfies KernelSource;

/** A choice, with or without TOGETHER: rows are pixels, and not windows. */
export const GATHERED = 2;

/** From windows that share no pixel: rows are windows, columns inputs. */
const SCATTERING = `
fn left_row(m: u32) -> i32 { return select(-1, i32(m), m < u.rows); }
`;
/** Rows are pixels, columns channels: the window with a tap on the pixel, the p-th of its row and the q-th of its column. */
const GATHERING = `${WINDOWS_ABOVE}
fn left_row(pixel: u32, tap: u32, p: u32, q: u32) -> i32 {
  if (pixel >= u.rows) { return -1; }
  let line = pixel / u.w_width;
  let rows = rows_from(i32(line % u.w_height) - i32(tap / u.w_kernel * u.w_step));
  let columns = columns_from(i32(pixel % u.w_width) - i32(tap % u.w_kernel * u.w_step));
  if (rows.x + p >= rows.y || columns.x + q >= columns.y) { return -1; }
  return i32(window_number(line / u.w_height, rows.x + p, columns.x + q));
}
`;

/** `right` has functions for inputs (columns of the result), whose values are the weights by filter. */
function inputGradientCode(choice: number, product: TileProduct, right: string): string {
  const gathered = choice >= GATHERED;
  const together = choice % GATHERED;
  const filters = ["0u", "u.filters"] as const;
  const products = gathered
    ? `for (var tap = 0u; tap < u.w_kernel * u.w_kernel; tap++) {
    for (var p = 0u; p < most_rows(); p++) {
      for (var q = 0u; q < most_columns(); q++) {
        let shifted = column + tap * u.w_channels;
        ${tileLoop(product, together, ["first", "shifted"], filters, ", tap, p, q")}
      }
    }
  }`
    : tileLoop(product, together, ["first", "column"], filters);
  // Of one row: its four results on the map, and what they give the thresholds.
  const row = (i: number, sums: string) => `{
    let row = first + 4u * ty + ${i}u;
    if (row < u.rows) {
      ${gathered ? "" : "let origin = window_origin(row);"}
      ${eachColumn(sums, (j, value) => {
        const k = `column + 4u * tx + ${j}u`;
        const pixel = gathered ? "i32(row)" : `pixel_under(origin, (${k}) / u.w_channels)`;
        return `if (${k} < u.columns) { thresholds += lay(${pixel}, (${k}) % u.w_channels, ${value}) * unit(${j}u); }`;
      })}
    }
  }`;
  const lanes = `
  lane_sums[thread] = thresholds;
  workgroupBarrier();
  if (ty > 0u) { return; }
  for (var lane = 1u; lane < 16u; lane++) { thresholds += lane_sums[lane * 16u + tx]; }
  let piece = group / blocks;`;
  return `${WINDOW}${gathered ? GATHERING : SCATTERING}${right}
fn inner_at(n: u32) -> u32 { return n; }
fn left_value(m: i32, n: u32) -> f32 {
  if (m < 0) { return 0.0; }
  return dy(u32(m) * u.filters + n);
}
${tileMemory(product, together)}
${together === TOGETHER ? "var<workgroup> lane_sums: array<vec4f, 256>;" : ""}
fn slope(distance: f32) -> f32 {
  if (u.polynomial != 0u) { return max(0.0, 2.0 - 2.0 * abs(distance)); }
  return select(0.0, 1.0, abs(distance) <= 1.0);
}
fn unit(j: u32) -> vec4f { return select(vec4f(0.0), vec4f(1.0), vec4u(0u, 1u, 2u, 3u) == vec4u(j)); }
// Lays a value on the map; what it gives the threshold of its channel.
fn lay(pixel: i32, c: u32, value: f32) -> f32 {
  if (pixel < 0) { return 0.0; }
  let at = u32(pixel) * u.w_channels + c;
  if (!has_x) {
    set_dx(at, value);
    return 0.0;
  }
  let gradient = slope(x(at) - threshold(c)) * value;
  set_dx(at, dx(at) + gradient);
  return -gradient;
}
fn run(group: u32, thread: u32, tx: u32, ty: u32) {
  let blocks = (u.columns + 63u) / 64u;
  let first = group / blocks * 64u;
  if (first >= u.rows) { return; }
  let column = group % blocks * 64u;
  ${tileSums(product)}
  ${products}
  var thresholds = vec4f();
  ${eachRow(row)}
  if (!has_x) { return; }
  ${together === TOGETHER ? lanes : "let piece = group / blocks * 16u + ty;"}
  ${eachColumn("thresholds", (j, value) => {
    const k = `column + 4u * tx + ${j}u`;
    return `if (${k} < u.columns) { set_sums(piece * u.columns + ${k}, vec2f(${value}, 0.0)); }`;
  })}
}
`;
}

const MAP_OPERANDS = {
  window: "read int32",
  x: "read float32?",
  threshold: "read float32?",
  dx: "change float32",
  sums: "write accumulator?",
} as const;
/** Rows are windows, or pixels; columns inputs of a window, or channels. */
const MAP_NUMBERS = {
  rows: "u32",
  columns: "u32",
  inputs: "u32",
  filters: "u32",
  polynomial: "u32",
  ...WINDOW_NUMBERS,
} as const;

/** Through weights that are signs, [filters, words]. */
export const SIGN_INPUT_GRADIENT = {
  name: "binaryInputGradient",
  tensors: { dy: "read float32", weights: "read uint32", ...MAP_OPERANDS },
  numbers: MAP_NUMBERS,
  threads: TILE_THREADS,
  code: (choice: number) =>
    inputGradientCode(
      choice,
      { ...REAL_GAIN, left: "inner", right: "outer" },
      `
fn right_column(k: u32) -> u32 { return min(k, u.inputs - 1u); }
fn right_value(n: u32, k: u32) -> f32 {
  return select(-1.0, 1.0, ((weights(n * ((u.inputs + 31u) / 32u) + k / 32u) >> (k % 32u)) & 1u) != 0u);
}
`,
    ),
} as const satisfies KernelSource;

/** Through real weights, [inputs, filters]. */
export const REAL_INPUT_GRADIENT = {
  name: "realInputGradient",
  tensors: { dy: "read float32", weights: "read float32", ...MAP_OPERANDS },
  numbers: MAP_NUMBERS,
  threads: TILE_THREADS,
  code: (choice: number) =>
    inputGradientCode(
      choice,
      { ...REAL_GAIN, left: "inner", right: "inner" },
      `
fn right_column(k: u32) -> u32 { return min(k, u.inputs - 1u) * u.filters; }
fn right_value(n: u32, k: u32) -> f32 { return weights(k + n); }
`,
    ),
} as const satisfies KernelSource;
