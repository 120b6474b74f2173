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
fn left_row(m: u32) -> u32 { return min(m, u.rows - 1u) * words(); }
fn right_column(n: u32) -> u32 { return min(n, u.filters - 1u) * words(); }
fn inner_at(k: u32) -> u32 { return k; }
fn left_value(row: u32, k: u32) -> u32 { return columns(row + k); }
fn right_value(k: u32, filter_: u32) -> u32 { return weights(filter_ + k); }
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
  ${tileLoop(PRODUCT, choice, ["first", "n"], ["0u", "words()"])}
  ${eachRow((i, sums) => `store(first + 4u * ty + ${i}u, n + 4u * tx, ${sums});`)}
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
fn lay(m: u32, n: u32, result: i32) {
  if (n >= u.filters) { return; }
  let at = place(m, n, u.filters);
  let channels = output_channels(u.filters);
  if (at >= 0) { set_out(u32(at), activated(f32(result), n, n % channels, channels, u32(at))); }
}
`,
      (results) => eachColumn(results, (j, result) => `lay(m, n + ${j}u, ${result});`),
    ),
} as const satisfies KernelSource;
