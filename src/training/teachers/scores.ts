/** What a classifier answers, as scores: its softmax, taken later, is what it says. */

/** How far the sum of a row may be from 1 for its values to be taken as probabilities. */
const TOLERANCE = 1e-3;

/**
 * Where a classifier ends in a softmax, and so answers with values between 0 and 1 that sum to 1, their logarithms are its scores:
 * -Infinity of a class that it
 * excludes. Replaces such rows of [count, classes] and returns the whole.
 */
export function asScores(answers: Float32Array, classes: number): Float32Array {
  for (let start = 0; start < answers.length; start += classes) {
    const row = answers.subarray(start, start + classes);
    if (areProbabilities(row)) row.set(row.map(Math.log));
  }
  return answers;
}

function areProbabilities(row: Float32Array): boolean {
  return row.every((value) => value >= 0) && Math.abs(row.reduce((sum, value) => sum + value, 0) - 1) < TOLERANCE;
}
