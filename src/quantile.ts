/** Quantiles of measured values. */

/** The smallest value that at least `share` of them do not exceed. Throws on none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = ascending(values);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
}

/** Of an odd number the middle one, of an even number the mean of the two in the middle. Throws on none. */
export function median(values: readonly number[]): number {
  const sorted = ascending(values);
  const [low, high] = [sorted[(sorted.length - 1) >> 1] as number, sorted[sorted.length >> 1] as number];
  return (low + high) / 2;
}

function ascending(values: readonly number[]): readonly number[] {
  if (values.length === 0) throw new Error("a quantile of no values was asked");
  return [...values].sort((one, other) => one - other);
}
