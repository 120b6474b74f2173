/**
 * How the decoder (sharp, which is libvips) scales a side of an image of bytes: which pixels make one of the result, and by which weights,
 * in whole numbers. What is made smaller is filtered by Lanczos with three lobes as wide as the reduction; what is enlarged, by the cubic
 * of Catmull and Rom. Places are known to a 64th of a pixel. Whoever sums up so, rounding once a pass, has the decoder's bytes.
 */

/** Weights are whole numbers, 2 ** WEIGHT_BITS for 1. */
export const WEIGHT_BITS = 12;
const ONE = 2 ** WEIGHT_BITS;
const PHASES = 64;
const LOBES = 3;

/** What the pixels of a result along a side are made of. */
export interface Taps {
  /** Pixels that make one. */
  readonly count: number;
  /** The first of them; those beyond the border are the border's. */
  readonly first: Int32Array;
  /** Which row of weights they have. */
  readonly row: Uint16Array;
  /** [rows, count]. */
  readonly weights: Int32Array;
}

/** A side as it is: pixels `from` to before `end`. */
export function copyTaps(from: number, end: number): Taps {
  const first = Int32Array.from({ length: end - from }, (_, i) => from + i);
  return { count: 1, first, row: new Uint16Array(first.length), weights: Int32Array.of(ONE) };
}

/** A side of `length` made smaller to `target`: pixels `from` to before `end` of it. */
export function lanczosTaps(length: number, target: number, from: number, end: number): Taps {
  // Its inverse is what the decoder hands on, and inverts again.
  const shrink = 1 / (1 / (length / target));
  const count = 2 * Math.round(LOBES * shrink) + 1;
  const lead = (count - 1) / 2;
  const centre = (1 + target * shrink - length) / 2;
  const taps = emptyTaps(count, end - from);
  const filled = new Uint8Array(PHASES + 1);
  for (let i = 0; i < taps.first.length; i++) {
    const place = (from + i + 0.5) * shrink + 0.5 - centre;
    const phase = setPlace(taps, i, place, lead);
    if (filled[phase] === 1) continue;
    filled[phase] = 1;
    fillLanczos(taps.weights.subarray(phase * count, (phase + 1) * count), phase / PHASES + lead - 0.5, shrink);
  }
  return taps;
}

/**
 * A side of `length` enlarged to `target`, or left as it is: pixels `from` to before `end` of it. The decoder puts the first pixel of the
 * result half a pixel before the first of the source, also along a side that stays as it is while the other is enlarged.
 */
export function cubicTaps(length: number, target: number, from: number, end: number): Taps {
  const taps = emptyTaps(4, end - from);
  taps.weights.set(CUBIC);
  for (let i = 0; i < taps.first.length; i++) setPlace(taps, i, ((from + i) * length) / target - 0.5, 1);
  return taps;
}

function emptyTaps(count: number, pixels: number): Taps {
  return {
    count,
    first: new Int32Array(pixels),
    row: new Uint16Array(pixels),
    weights: new Int32Array((PHASES + 1) * count),
  };
}

/** Where a pixel of the result lies, with so many taps before that place; returns its phase. */
function setPlace({ first, row }: Taps, pixel: number, place: number, lead: number): number {
  const whole = Math.floor(place);
  first[pixel] = whole - lead;
  // Cut to a half of a phase, then rounded: a phase of 64 is the next pixel's 0.
  row[pixel] = (Math.floor((place - whole) * 2 * PHASES) + 1) >> 1;
  return row[pixel];
}

/** The filter around `centre`, in taps. */
function fillLanczos(weights: Int32Array, centre: number, shrink: number): void {
  const values = new Float64Array(weights.length);
  let total = 0;
  for (let tap = 0; tap < values.length; tap++) {
    values[tap] = lanczos((tap - centre) / shrink);
    total += values[tap];
  }
  for (let tap = 0; tap < values.length; tap++) weights[tap] = Math.trunc((values[tap] / total) * ONE);
}

function lanczos(x: number): number {
  if (x === 0) return 1;
  if (Math.abs(x) > LOBES) return 0;
  const angle = Math.PI * x;
  return (LOBES * Math.sin(angle) * Math.sin(angle / LOBES)) / (angle * angle);
}

/** [PHASES + 1, 4]: the weights of the cubic whose slope at a pixel is half the distance of its neighbours. */
const CUBIC = Int32Array.from({ length: (PHASES + 1) * 4 }, (_, i) => {
  const x = Math.floor(i / 4) / PHASES;
  const outer = (t: number): number => (-t * (1 - t) ** 2) / 2;
  const inner = (t: number): number => 1 + (t * t * (3 * t - 5)) / 2;
  const weight = [outer(x), inner(x), inner(1 - x), outer(1 - x)][i % 4];
  return Math.trunc(weight * ONE);
});
