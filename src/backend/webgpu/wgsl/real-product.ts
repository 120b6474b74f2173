/** Products with real weights: of a map's values under windows, which are read from the map as they are needed, or of packed signs. */
import type { KernelSource } from "../kernel-source.js";
import { eachColumn, eachRow, REAL_GAIN, TILE_THREADS, type TileProduct, tileLoop, tileMemory, tileSums } from "./tile.js";
import { WINDOW, WINDOW_NUMBERS } from "./window.js";

const PRODUCT: TileProduct = { ...REAL_GAIN, left: "inner", right: "outer" };

/** A row or filter past the last repeats it; its results are not kept. */
function productCode(choice: number, left: string): string {
  return `${left}
fn right_column(n: u32) -> u32 { return min(n, u.filters - 1u); }
fn right_value(k: Inner, n: u32) -> f32 { return weights(k.k * u.filters + n); }
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
  ${tileLoop(PRODUCT, choice, ["first", "n"], ["0u", "u.inputs"])}
  ${eachRow((i, sums) => `store(first + 4u * ty + ${i}u, n + 4u * tx, ${sums});`)}
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
      `${WINDOW}
struct Inner { k: u32, tap: u32, channel: u32 }
fn inner_at(k: u32) -> Inner { return Inner(k, k / u.w_channels, k % u.w_channels); }
fn left_row(m: u32) -> vec3i { return window_origin(min(m, u.rows - 1u)); }
fn left_value(origin: vec3i, at: Inner) -> f32 {
  let pixel = pixel_under(origin, at.tap);
  if (pixel < 0) { return 0.0; }
  return x(u32(pixel) * u.w_channels + at.channel);
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
      `
struct Inner { k: u32 }
fn inner_at(k: u32) -> Inner { return Inner(k); }
fn left_row(m: u32) -> u32 { return min(m, u.rows - 1u) * ((u.inputs + 31u) / 32u); }
fn left_value(row: u32, at: Inner) -> f32 {
  return select(-1.0, 1.0, ((columns(row + at.k / 32u) >> (at.k % 32u)) & 1u) != 0u);
}
`,
    ),
} as const satisfies KernelSource;
