/**
 * Sums over the parts of a batch, in the order of the parts. Which process has which parts does not change a bit: each sum is taken by one
 * process, part by part, in float64, and rounded once.
 */

/** Which of `count` parts a process has: those from `first` to `end` - 1. */
export interface PartShare {
  readonly count: number;
  readonly first: number;
  readonly end: number;
}

/** The parts of a process: those of all lie in the order of the ranks, and no process has more than one more than another. */
export function shareOf(count: number, rank: number, size: number): PartShare {
  return { count, first: Math.floor((count * rank) / size), end: Math.floor((count * (rank + 1)) / size) };
}

/** Which elements a sum has, and what they travel as. */
export interface SumForm {
  readonly elements: number;
  /** From there on they are averaged, not summed, and always travel as float32. */
  readonly meansFrom: number;
  /**
   * bfloat16: parts are rounded to it before they are summed, and the sums once more, whether they travel or not: the same bits on any
   * number of processes.
   */
  readonly precision: SumPrecision;
}

export const SUM_PRECISIONS = ["float32", "bfloat16"] as const;
export type SumPrecision = (typeof SUM_PRECISIONS)[number];

export interface OrderedSum {
  /** Of each part of this process: its elements. */
  readonly own: readonly Float32Array[];
  /** Of all parts, where `finish` has returned. */
  readonly total: Float32Array;
  /** The elements from `from` to `end` - 1 of all own parts are there: they may travel while others are computed. */
  add(from: number, end: number): void;
  /** Waits for the totals of all that was added. */
  finish(): Promise<void>;
}

/**
 * total[i] = sum over parts of values[part * stride + i - from], for i from `from` to `end` - 1; from `meansFrom` on their mean.
 *
 * A mean of equal numbers is that number: the sum is exact in float64, and so is its rounding to float32.
 */
export function addInOrder(
  values: Float32Array,
  { parts, stride }: { readonly parts: number; readonly stride: number },
  total: Float32Array,
  { from, end, meansFrom }: { readonly from: number; readonly end: number; readonly meansFrom: number },
): void {
  const scale = 1 / parts;
  for (let i = from; i < end; i++) {
    let sum = values[i - from];
    for (let at = i - from + stride, last = parts * stride; at < last; at += stride) sum += values[at];
    total[i] = i < meansFrom ? sum : sum * scale;
  }
}
