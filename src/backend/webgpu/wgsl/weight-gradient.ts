/** The gradient of weights: columns transposed times dy, the windows of the batch in parts, whose results are added up in their order. */
import type { KernelSource } from "../kernel-source.js";
import { gradientExtensions, gradientForm } from "./float16.js";
import { eachColumn, eachRow, signsOf, TILE_THREADS, type TileProduct, tileLoop, tileMemory, tileSums } from "./tile.js";
import { MAP_VALUES, WINDOW, WINDOW_NUMBERS, WINDOW_WALK } from "./window.js";

/** `left` has functions for inputs (rows of the result) and windows (its inner side). */
function weightGradientCode(choice: number, left: string): string {
  const { type, gain, functions, first, read, result } = gradientForm(choice);
  const product: TileProduct = { type, gain, left: "outer", right: "outer" };
  return `${functions}${left}
fn right_columns(n: u32) -> vec4u { return min(vec4u(n) + vec4u(0u, 1u, 2u, 3u), vec4u(u.filters - 1u)); }
fn right_values(at: Inner, n: vec4u) -> vec4<${type}> {
  let place = n + at.m * u.filters;
  return ${read("vec4f(dy(place.x), dy(place.y), dy(place.z), dy(place.w))")};
}
${tileMemory(product, choice)}
fn store(at: u32, n: u32, results: vec4f) {
  ${eachColumn("results", (j, value) => `if (n + ${j}u < u.filters) { set_parts(at * u.filters + n + ${j}u, ${value}); }`)}
}
fn run(group: u32, thread: u32, tx: u32, ty: u32) {
  ${first}
  let blocks = (u.filters + 63u) / 64u;
  let tiles = blocks * ((u.inputs + 63u) / 64u);
  let part = group / tiles;
  let first = group % tiles / blocks * 64u;
  let n = group % blocks * 64u;
  let end = min(u.rows, (part + 1u) * u.chunk);
  ${tileSums(product)}
  let inside = first + 4u * ty < u.inputs && n + 4u * tx < u.filters;
  ${tileLoop(product, choice, { row: "first", column: "n", begin: "part * u.chunk", end: "end" })}
  if (part * u.chunk >= u.rows) { return; }
  ${eachRow(
    product,
    `let k = first + 4u * ty + i;
    if (k < u.inputs) { store(part * u.inputs + k, n + 4u * tx, ${result("sums")}); }`,
  )}
}
`;
}

const WEIGHTS_NUMBERS = { rows: "u32", inputs: "u32", filters: "u32", chunk: "u32" } as const;

/** Of packed signs. */
export const SIGN_WEIGHT_GRADIENT = {
  name: "binaryWeightGradient",
  tensors: { dy: "read float32", columns: "read uint32", largest: "read uint32?", parts: "write float32" },
  numbers: WEIGHTS_NUMBERS,
  threads: TILE_THREADS,
  extensions: gradientExtensions,
  code: (choice: number) =>
    weightGradientCode(
      choice,
      `${signsOf(gradientForm(choice).type)}
struct Inner { m: u32, row: u32 }
fn inner_at(m: u32) -> Inner { return Inner(m, m * ((u.inputs + 31u) / 32u)); }
fn inner_next(at: Inner) -> Inner { return Inner(at.m + 1u, at.row + (u.inputs + 31u) / 32u); }
// Four inputs are in one word.
struct Bits { word: u32, bits: vec4u }
fn left_rows(k: u32) -> Bits {
  let first = min(k, u.inputs - 1u);
  return Bits(first / 32u, vec4u(1u, 2u, 4u, 8u) << vec4u(first % 32u));
}
fn left_values(inputs: Bits, at: Inner) -> vec4<${gradientForm(choice).type}> {
  return signs(vec4u(columns(at.row + inputs.word)), inputs.bits);
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
      `${WINDOW}${WINDOW_WALK}${MAP_VALUES}
alias Inner = Walk;
fn inner_at(m: u32) -> Inner { return walk_from(m); }
fn inner_next(at: Inner) -> Inner { return walk_on(at); }
struct Taps { rows: vec4i, columns: vec4i, channels: vec4u }
fn left_rows(input: u32) -> Taps {
  let inputs = min(vec4u(input) + vec4u(0u, 1u, 2u, 3u), vec4u(u.inputs - 1u));
  let taps = inputs / u.w_channels;
  let rows = taps / u.w_kernel;
  return Taps(vec4i(rows * u.w_step), vec4i((taps - rows * u.w_kernel) * u.w_step), inputs - taps * u.w_channels);
}
fn left_values(taps: Taps, at: Inner) -> vec4f {
  return map_values(vec4i(at.origin.x), taps.rows + at.origin.y, taps.columns + at.origin.z, taps.channels);
}
`,
    ),
} as const satisfies KernelSource;
