/** Float16 (IEEE 754 binary16) to and from numbers: half the bytes for what a model file holds beside its bits. */

/** The largest finite float16. */
export const LARGEST_HALF = 65_504;

const SMALLEST_NORMAL_EXPONENT = -14;
const FRACTION_BITS = 10;

/** The nearest float16, ties to even, as its sixteen bits. Values beyond the largest become infinite. */
export function toHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (size === 0) return sign;
  if (size === Number.POSITIVE_INFINITY) return sign | 0x7c00;
  const exponent = Math.max(SMALLEST_NORMAL_EXPONENT, Math.floor(Math.log2(size)));
  // Multiples of the last place at this exponent; rounding up to the next power of two carries into the exponent by itself.
  const fraction = roundHalfEven(size / 2 ** (exponent - FRACTION_BITS));
  const bits = fraction + (exponent - SMALLEST_NORMAL_EXPONENT) * 2 ** FRACTION_BITS;
  return sign | Math.min(bits, 0x7c00);
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> FRACTION_BITS) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** (SMALLEST_NORMAL_EXPONENT - FRACTION_BITS);
  return sign * (1024 + fraction) * 2 ** (exponent - 15 - FRACTION_BITS);
}

/**
 * A loop, because `Float32Array.from` with a function goes through an iterator, which took 6 of the 25 ms that a small model was read in.
 */
export function fromHalves(halves: ArrayLike<number>): Float32Array {
  const values = new Float32Array(halves.length);
  for (let i = 0; i < values.length; i++) values[i] = fromHalf(halves[i] as number);
  return values;
}
