/** Sums that the chunks of a kernel leave in pieces, and how they are added up: in their order, in float64. */
import type { Tensor } from "../../tensor.js";
import { SUMMED_COLUMNS } from "../kernel-table/constants.js";
import { type Address, PARTIALS, type Runner, rowsPerChunk } from "./runner.js";

/** Where the sums go: in place of what is there, or added to it. */
export interface SumTarget {
  readonly replaced?: Tensor<"accumulator">;
  readonly total?: Tensor<"accumulator">;
  readonly target?: Tensor;
}

/** Adds up partial sums, accumulator [count, columns]. */
export function addUp(
  runner: Runner,
  partials: Address,
  count: number,
  columns: number,
  { replaced, total, target }: SumTarget,
): void {
  runner.run("reducePartials", Math.ceil(columns / SUMMED_COLUMNS), { partials, count, columns, replaced, total, target });
}

/** What `sumRows` needs for its partial sums. */
export function sumBytes(columns: number): number {
  return PARTIALS * columns * 8;
}

/** target[n] += the sum over m of matrix[m, n], float32 [rows, columns]. */
export function sumRows(
  runner: Runner,
  matrix: Tensor | Address,
  [rows, columns]: readonly [number, number],
  partials: Address,
  target: Tensor,
): void {
  const chunkRows = rowsPerChunk(rows, 1);
  const chunks = Math.ceil(rows / chunkRows);
  runner.run("sumColumns", chunks, { matrix, rows, columns, chunkRows, partials });
  addUp(runner, partials, chunks, columns, { target });
}
