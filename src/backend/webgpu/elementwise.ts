/** Kernels that have a thread an element: how many groups there are, and the frame of their code. */
import type { KernelSource } from "./kernel-source.js";

const THREADS = 256;

export const FLAT_THREADS = [THREADS, 1] as const;

/** Groups for so many elements. */
export function flatGroups(count: number): number {
  return Math.ceil(count / THREADS);
}

/** `body` for element i, of `u.count`. */
export function forEach(body: string): string {
  return `
fn run(group: u32, thread: u32, tx: u32, ty: u32) {
  let i = group * ${THREADS}u + thread;
  if (i >= u.count) { return; }
  ${body}
}
`;
}

/** A kernel whose threads have an element each, of `count`. */
export function elementwise<
  const T extends KernelSource["tensors"],
  const N extends KernelSource["numbers"] = Record<never, never>,
>(name: string, tensors: T, body: string, numbers: N = {} as N, functions = "") {
  return {
    name,
    tensors,
    numbers: { count: "u32", ...numbers } as { readonly count: "u32" } & N,
    threads: FLAT_THREADS,
    code: () => functions + forEach(body),
  } satisfies KernelSource;
}

/** Rows that a thread has of its column where all columns are alike: what is known of the column is found once. */
export const ROWS_TOGETHER = 4;

/** `body` for each element of a matrix, at row `at` (window.ts) and column n, after `column` of it; of `u.rows` by `u.filters`. */
export function eachInColumns(column: string, body: string): string {
  return `let n = i % u.filters;
  let first = i / u.filters * ${ROWS_TOGETHER}u;
  ${column}
  var at = first_row(first);
  for (var m = first; m < min(u.rows, first + ${ROWS_TOGETHER}u); m++) {
    ${body}
    at = next_row(at);
  }`;
}
