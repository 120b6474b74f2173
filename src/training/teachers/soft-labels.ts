/** Scores of a classifier as probabilities. */

/** How far the sum of a row may be from 1 for its values to be taken as probabilities already. */
const TOLERANCE = 1e-3;

/**
 * Replaces each row of [count, classes] by softmax(row / temperature). Where a classifier ends in a softmax, and so answers with values
 * between 0 and 1 that sum to 1, their logarithms are its scores.
 */
export function toProbabilities(scores: Float32Array, classes: number, temperature: number): void {
  for (let start = 0; start < scores.length; start += classes) {
    const row = scores.subarray(start, start + classes);
    if (areProbabilities(row)) for (let i = 0; i < classes; i++) row[i] = Math.log(row[i] as number);
    const highest = Math.max(...row);
    let total = 0;
    for (let i = 0; i < classes; i++) {
      const value = Math.exp(((row[i] as number) - highest) / temperature);
      row[i] = value;
      total += value;
    }
    for (let i = 0; i < classes; i++) row[i] = (row[i] as number) / total;
  }
}

function areProbabilities(row: Float32Array): boolean {
  return row.every((value) => value >= 0) && Math.abs(row.reduce((sum, value) => sum + value, 0) - 1) < TOLERANCE;
}
