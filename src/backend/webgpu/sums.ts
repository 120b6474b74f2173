/**
 * Sums of very many values: each thread sums some rows of one column in their order, what they leave is added up in the same way, and so
 * on until one row is left. No thread waits for another, and the bits are always the same.
 */
import type { ElementType, Tensor } from "../../tensor.js";
import { GpuTensor } from "./buffers.js";
import { elementwise, flatGroups } from "./elementwise.js";
import type { Runner } from "./recorder.js";
import { SUMS } from "./wgsl/sums.js";

/** Rows that a thread adds up. */
export const SUMMED_ROWS = 64;

const SUM_ROWS = `
  let column = i % u.columns;
  let first = i / u.columns * ${SUMMED_ROWS}u;
  var sum = vec2f();
  for (var row = first; row < min(u.rows, first + ${SUMMED_ROWS}u); row++) { sum = add_sums(sum, pieces(row * u.columns + column)); }`;

const ADD_PIECES = elementwise(
  "addPieces",
  { pieces: "read accumulator", sums: "write accumulator" },
  `${SUM_ROWS}
  set_sums(i, sum);`,
  { rows: "u32", columns: "u32" },
  SUMS,
);

const ADD_UP = elementwise(
  "addUp",
  {
    pieces: "read accumulator",
    replaced: "write accumulator?",
    total: "change accumulator?",
    gained: "change float32?",
  },
  `${SUM_ROWS}
  if (has_replaced) { set_replaced(i, sum); }
  if (has_total) { set_total(i, add_sums(total(i), sum)); }
  if (has_gained) { set_gained(i, real_of(add_value(sum, gained(i)))); }`,
  { rows: "u32", columns: "u32" },
  SUMS,
);

/** Where sums go: in place of what is there, or added to it. */
export interface SumTarget {
  readonly replaced?: Tensor<"accumulator">;
  readonly total?: Tensor<"accumulator">;
  readonly gained?: Tensor;
}

/** Rows that are left of so many when each thread has added up its own. */
export function fewerRows(rows: number): number {
  return Math.ceil(rows / SUMMED_ROWS);
}

/** Room for pieces of sums, accumulator [count], and for what adding them up leaves on its way; until the next work space is taken. */
export function sumPieces(runner: Runner, count: number): GpuTensor<"accumulator"> {
  const { block } = runner.work("accumulator", [count + Math.ceil(count / (SUMMED_ROWS - 1)) + 4096]);
  return new GpuTensor("accumulator", [count], block, 0);
}

/** Adds up pieces that are [rows, columns]. */
export function addUp(
  { run }: Runner,
  pieces: GpuTensor<"accumulator">,
  [rows, columns]: readonly [number, number],
  { replaced, total, gained }: SumTarget,
): void {
  let [from, left] = [pieces as Tensor<ElementType>, rows];
  let end = rows * columns;
  while (left > SUMMED_ROWS) {
    const fewer = fewerRows(left);
    const sums = new GpuTensor("accumulator", [fewer * columns], pieces.block, 8 * end);
    const count = fewer * columns;
    run(ADD_PIECES, flatGroups(count), { pieces: from, sums }, { count, rows: left, columns });
    end += count;
    [from, left] = [sums, fewer];
  }
  run(ADD_UP, flatGroups(columns), { pieces: from, replaced, total, gained }, { count: columns, rows: left, columns });
}
