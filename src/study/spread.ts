/** The mean of a figure over seeds, and how far single runs lie from it. */
import { formatShare } from "../quantities.js";

export interface Spread {
  readonly mean: number;
  /** Sample deviation (n - 1 below the sum of squares); absent for a single value, which says nothing of it. */
  readonly deviation?: number;
  readonly n: number;
}

/** Undefined where there is no value. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const n = values.length;
  if (n === 0) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { mean, n };
  return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1)), n };
}

/** { mean: 0.8123, deviation: 0.0041, n: 3 } -> "81.2 ± 0.4 %" */
export function formatSpread({ mean, deviation }: Spread): string {
  if (deviation === undefined) return formatShare(mean);
  return `${(100 * mean).toFixed(1)} ± ${formatShare(deviation)}`;
}
