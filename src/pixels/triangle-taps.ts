/** The scaling of pixels in memory (resize.ts) in whole numbers, for crops that are scaled elsewhere. */
import { type Taps, WEIGHT_BITS } from "./resampling.js";
import { fillTaps } from "./resize.js";

/** The most taps that a pixel has where a side is scaled to `size`. */
export function mostTriangleTaps(side: number, size: number): number {
  return Math.ceil(2 * Math.max(1, side / size)) + 1;
}

/** What RegionResizer does along a side, in whole numbers: weights of a pixel that add up to 1 to the last of their bits. */
export function triangleTaps(side: number, start: number, length: number, size: number): Taps {
  const none = { first: new Int32Array(0), weights: new Float32Array(0), longest: 0 };
  const { first, weights, longest: count } = fillTaps(none, side, start, length, size);
  const whole = new Int32Array(size * count);
  for (let pixel = 0; pixel < size; pixel++) {
    let [sum, before] = [0, 0];
    for (let tap = pixel * count; tap < (pixel + 1) * count; tap++) {
      sum += weights[tap] * 2 ** WEIGHT_BITS;
      const rounded = Math.round(sum);
      whole[tap] = rounded - before;
      before = rounded;
    }
  }
  return { count, first, row: Uint16Array.from({ length: size }, (_, pixel) => pixel), weights: whole };
}
