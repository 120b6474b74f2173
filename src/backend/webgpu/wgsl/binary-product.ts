/** The product of packed signs: XOR counts where they differ, word by word on a tile; and what is done with a thread's sixteen results. */
import type { KernelSource } from "../kernel-source.js";
import { ACTIVATION } from "./activation.js";
import { eachColumn, eachRow, SIGN_GAIN, TILE_THREADS, type TileProduct, tileLoop, tileMemory, tileSums } from "./tile.js";
import { PLACE, WINDOW_NUMBERS } from "./window.js";

const OPERANDS = { columns: "read uint32", weights: "read uint32" } as const;
const NUMBERS = { rows: "u32", inputs: "u32", filters: "u32" } as const;
const PRODUCT: TileProduct = { ...SIGN_GAIN, left: "inner", right: "inner" };

/** A row or filter past the last repeats it; its results are not kept. */
const VALUES = `
fn words() -> u32 { return (u.inputs + 31u) / 32u; }
fn left_rows(m: u32) -> vec4u { return min(vec4u(m) + vec4u(0u, 1u, 2u, 3u), vec4u(u.rows - 1u)) * words(); }
fn right_columns(n: u32) -> vec4u { return min(vec4u(n) + vec4u(0u, 1u, 2u, 3u), vec4u(u.filters - 1u)) * words(); }
fn inner_at(k: u32) -> u32 { return k; }
fn inner_next(k: u32) -> u32 { return k + 1u; }
fn left_values(rows: vec4u, k: u32) -> vec4u {
  return vec4u(columns(rows.x + k), columns(rows.y + k), columns(rows.z + k), columns(rows.w + k));
}
fn right_values(k: u32, filters: vec4u) -> vec4u {
  return vec4u(weights(filters.x + k), weights(filters.y + k), weights(filters.z + k), weights(filters.w + k));
}
`;

/** `store` gets the name of four results in a row, of m and n. */
function productCode(choice: number, functions: string, store: (results: string) => string): string {
  return `${VALUES}${functions}${tileMemory(PRODUCT, choice)}
fn store(m: u32, n: u32, differences: vec4u) {
  if (m >= u.rows || n >= u.filters) { return; }
  let results = vec4i(i32(u.inputs)) - 2 * vec4i(differences);
  ${store("results")}
}
fn run(group: u32, thread: u32, tx: u32, ty: u32) {
  let blocks = (u.filters + 63u) / 64u;
  let first = group / blocks * 64u;
  let n = group % blocks * 64u;
  if (first >= u.rows) { return; }
  ${tileSums(PRODUCT)}
  let inside = first + 4u * ty < u.rows && n + 4u * tx < u.filters;
  ${tileLoop(PRODUCT, choice, { row: "first", column: "n", begin: "0u", end: "words()" })}
  ${eachRow(PRODUCT, "store(first + 4u * ty + i, n + 4u * tx, sums);")}
}
`;
}

/** Of an even number of filters: two results are a word. */
export const BINARY_PRODUCT = {
  name: "binaryProduct",
  tensors: { ...OPERANDS, y: "write pairs" },
  numbers: NUMBERS,
  threads: TILE_THREADS,
  code: (choice: number) =>
    productCode(
      choice,
      "",
      (results) => `
  set_y(m * u.filters + n, ${results}.x, ${results}.y);
  if (n + 2u < u.filters) { set_y(m * u.filters + n + 2u, ${results}.z, ${results}.w); }`,
    ),
} as const satisfies KernelSource;

/** Of any number, where the last result of a row and the first of the next may share a word, into words of 0. */
export const BINARY_PRODUCT_ODD = {
  ...BINARY_PRODUCT,
  name: "binaryProductOdd",
  tensors: { ...OPERANDS, y: "write joined" },
  code: (choice: number) =>
    productCode(choice, "", (results) =>
      eachColumn(results, (j, result) => `if (n + ${j}u < u.filters) { set_y(m * u.filters + n + ${j}u, ${result}); }`),
    ),
} as const satisfies KernelSource;

export const BINARY_UNIT = {
  name: "binaryUnit",
  tensors: {
    ...OPERANDS,
    norm: "read float32",
    shortcut: "read float32?",
    activation: "read float32?",
    window: "read int32?",
    out: "write float32",
  },
  numbers: { ...NUMBERS, ...WINDOW_NUMBERS },
  threads: TILE_THREADS,
  code: (choice: number) =>
    productCode(
      choice,
      `${PLACE}${ACTIVATION}
fn lay(row: Walk, n: u32, result: i32) {
  if (n >= u.filters) { return; }
  let to = target_of(n, u.filters);
  let at = place(row, to);
  if (at >= 0) { set_out(u32(at), activated(f32(result), n, to.channel, to.channels, u32(at))); }
}
`,
      (results) => `let row = first_row(m);
  ${eachColumn(results, (j, result) => `lay(row, n + ${j}u, ${result});`)}`,
    ),
} as const satisfies KernelSource;
