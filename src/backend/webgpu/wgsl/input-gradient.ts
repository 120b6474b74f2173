/**
 * The gradient of inputs: dy times the weights transposed, laid back on the map, either from windows that share no pixel, or gathered at
 * the pixels from all windows above them.
 */
import type { KernelSource } from "../kernel-source.js";
import { gradientExtensions, gradientForm } from "./float16.js";
import {
  type Contiguous,
  eachColumn,
  eachRow,
  PARTS,
  signsOf,
  TILE_THREADS,
  type TileProduct,
  TOGETHER,
  tileLoop,
  tileMemory,
  tileSums,
} from "./tile.js";
import { WINDOW, WINDOW_NUMBERS, WINDOWS_ABOVE } from "./window.js";

/** A choice, in bits beside TOGETHER and FLOAT16: rows are pixels, and not windows. */
export const GATHERED = 2;

/** From windows that share no pixel: rows are windows, columns inputs. A window past the last repeats it; its results are not kept. */
const SCATTERING = (type: string, read: (four: string) => string): string => `
fn left_rows(m: u32) -> vec4u { return min(vec4u(m) + vec4u(0u, 1u, 2u, 3u), vec4u(u.rows - 1u)) * u.filters; }
fn left_values(rows: vec4u, n: u32) -> vec4<${type}> {
  let at = rows + n;
  return ${read("vec4f(dy(at.x), dy(at.y), dy(at.z), dy(at.w))")};
}
`;
/** Rows are pixels, columns channels: the window with a tap on the pixel, the p-th of its row and the q-th of its column. */
const GATHERING = (type: string, read: (four: string) => string): string => `${WINDOWS_ABOVE}
fn window_above(pixel: u32, tap: u32, p: u32, q: u32) -> i32 {
  if (pixel >= u.rows) { return -1; }
  let line = pixel / u.w_width;
  let image = line / u.w_height;
  let shift = tap_shift(tap);
  let rows = rows_from(i32(line - image * u.w_height) - shift.x);
  let columns = columns_from(i32(pixel - line * u.w_width) - shift.y);
  if (rows.x + p >= rows.y || columns.x + q >= columns.y) { return -1; }
  return i32(window_number(image, rows.x + p, columns.x + q));
}
fn left_rows(pixel: u32, tap: u32, p: u32, q: u32) -> vec4i {
  return vec4i(
    window_above(pixel, tap, p, q),
    window_above(pixel + 1u, tap, p, q),
    window_above(pixel + 2u, tap, p, q),
    window_above(pixel + 3u, tap, p, q),
  );
}
fn left_values(windows: vec4i, n: u32) -> vec4<${type}> {
  let at = vec4u(max(windows, vec4i())) * u.filters + n;
  return ${read("select(vec4f(), vec4f(dy(at.x), dy(at.y), dy(at.z), dy(at.w)), windows >= vec4i())")};
}
`;

/** `right` has functions for inputs (columns of the result), whose values are the weights by filter. */
function inputGradientCode(choice: number, weights: Contiguous, right: string): string {
  const { type, gain, functions, first, read, result } = gradientForm(choice);
  const product: TileProduct = { type, gain, left: "inner", right: weights };
  const gathered = (choice & GATHERED) !== 0;
  const together = choice & TOGETHER;
  const inner = { row: "first", begin: "0u", end: "u.filters" };
  const products = gathered
    ? `for (var tap = 0u; tap < u.w_kernel * u.w_kernel; tap++) {
    for (var p = 0u; p < most_rows(); p++) {
      for (var q = 0u; q < most_columns(); q++) {
        let shifted = column + tap * u.w_channels;
        ${tileLoop(product, together, { ...inner, column: "shifted", more: ", tap, p, q" })}
      }
    }
  }`
    : tileLoop(product, together, { ...inner, column: "column" });
  // Of one column: whether it is kept, its channel, and its tap.
  const column = (j: number) => `let k${j} = column + 4u * tx + ${j}u;
  let tap${j} = k${j} / u.w_channels;
  let c${j} = k${j} - tap${j} * u.w_channels;
  ${gathered ? "" : `let shift${j} = tap_shift(tap${j});`}`;
  // Of row i: its four results on the map, and what they give the thresholds.
  const row = `let row = first + 4u * ty + i;
    if (row < u.rows) {
      ${gathered ? "" : "let origin = window_origin(row);"}
      ${eachColumn("sums", (j, value) => {
        const pixel = gathered ? "i32(row)" : `pixel_at(origin, shift${j})`;
        return `if (k${j} < u.columns) { thresholds.${PARTS[j]} += lay(${pixel}, c${j}, ${result(value)}); }`;
      })}
    }`;
  const lanes = `
  lane_sums[thread] = thresholds;
  workgroupBarrier();
  if (ty > 0u) { return; }
  for (var lane = 1u; lane < 16u; lane++) { thresholds += lane_sums[lane * 16u + tx]; }
  let piece = group / blocks;`;
  return `${functions}${WINDOW}${(gathered ? GATHERING : SCATTERING)(type, read)}${right}
fn inner_at(n: u32) -> u32 { return n; }
fn inner_next(n: u32) -> u32 { return n + 1u; }
${tileMemory(product, together)}
${together === TOGETHER ? "var<workgroup> lane_sums: array<vec4f, 256>;" : ""}
fn slope(distance: f32) -> f32 {
  if (u.polynomial != 0u) { return max(0.0, 2.0 - 2.0 * abs(distance)); }
  return select(0.0, 1.0, abs(distance) <= 1.0);
}
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
  ${first}
  let blocks = (u.columns + 63u) / 64u;
  let first = group / blocks * 64u;
  if (first >= u.rows) { return; }
  let column = group % blocks * 64u;
  ${tileSums(product)}
  let inside = first + 4u * ty < u.rows && column + 4u * tx < u.columns;
  ${products}
  var thresholds = vec4f();
  ${eachColumn("", column)}
  ${eachRow(product, row)}
  if (!has_x) { return; }
  ${together === TOGETHER ? lanes : "let piece = group / blocks * 16u + ty;"}
  ${eachColumn("thresholds", (j, value) => `if (k${j} < u.columns) { set_sums(piece * u.columns + k${j}, vec2f(${value}, 0.0)); }`)}
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

/** Four inputs of a window's begin at a multiple of four; channels of a tap anywhere, so that they may lie in two words. */
const ONE_WORD = "return signs(first, inputs.first);";
const TWO_WORDS = "return signs((first & inputs.first) | (vec4u(weights(row + inputs.words.y)) & inputs.second), vec4u(~0u));";

/** Through weights that are signs, [filters, words]. */
export const SIGN_INPUT_GRADIENT = {
  name: "binaryInputGradient",
  tensors: { dy: "read float32", weights: "read uint32", largest: "read uint32?", ...MAP_OPERANDS },
  numbers: MAP_NUMBERS,
  threads: TILE_THREADS,
  extensions: gradientExtensions,
  code: (choice: number) =>
    inputGradientCode(
      choice,
      "outer",
      `${signsOf(gradientForm(choice).type)}
struct Bits { words: vec2u, first: vec4u, second: vec4u }
fn right_columns(k: u32) -> Bits {
  let inputs = min(vec4u(k) + vec4u(0u, 1u, 2u, 3u), vec4u(u.inputs - 1u));
  let bits = vec4u(1u) << (inputs % vec4u(32u));
  let words = inputs / vec4u(32u);
  let is_first = words == vec4u(words.x);
  return Bits(words.xw, select(vec4u(), bits, is_first), select(bits, vec4u(), is_first));
}
fn right_values(n: u32, inputs: Bits) -> vec4<${gradientForm(choice).type}> {
  let row = n * ((u.inputs + 31u) / 32u);
  let first = vec4u(weights(row + inputs.words.x));
  ${(choice & GATHERED) === 0 ? ONE_WORD : TWO_WORDS}
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
      "inner",
      `
fn right_columns(k: u32) -> vec4u { return min(vec4u(k) + vec4u(0u, 1u, 2u, 3u), vec4u(u.inputs - 1u)) * u.filters; }
fn right_values(n: u32, inputs: vec4u) -> vec4f {
  let at = inputs + n;
  return vec4f(weights(at.x), weights(at.y), weights(at.z), weights(at.w));
}
`,
    ),
} as const satisfies KernelSource;
