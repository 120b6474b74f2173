/** Compares what two backends computed, where one of them rounds every step to float32. */

export type Values = Readonly<Record<string, ArrayLike<number>>>;

/** Of a tensor's largest element. Errors of float32 add up along a layer; a wrong index or a missing term is out by far more. */
const TOLERANCE = 2e-5;

/** Terms of about 1 whose sum is truly 0 leave their own rounding behind. */
const CANCELLED = 0.01;

/** Throws with the tensor, the element and both values where `found` first strays from `expected`. */
export function expectAlike(found: Values, expected: Values, tolerance = TOLERANCE): void {
  for (const [name, values] of Object.entries(expected)) {
    const actual = found[name];
    if (actual?.length !== values.length) throw new Error(`${name}: ${actual?.length} elements instead of ${values.length}`);
    let largest = CANCELLED;
    for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]));
    for (let i = 0; i < values.length; i++) {
      if (!(Math.abs(actual[i] - values[i]) <= tolerance * largest))
        throw new Error(`${name}[${i}] of ${values.length}: ${actual[i]} instead of ${values[i]} (largest ${largest})`);
    }
  }
}
