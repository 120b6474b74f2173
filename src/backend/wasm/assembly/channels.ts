// Channels that are weighed by image or repeated.
import { CHUNK_ELEMENTS, REPEATED_ROWS } from "./constants";
import { loadFour, loadOne } from "./normalization/forward";

// A chunk is one image of `rows` pixels. x: [images * rows, channels]; factors: float32 [images, channels].
function multiplyChannels<T>(begin: i32, end: i32, x: usize, factors: usize, rows: i32, channels: i32, out: usize): void {
  for (let image = begin; image < end; image++) {
    const factor = factors + (<usize>(image * channels) << 2);
    let element = <usize>(image * rows * channels);
    for (let m = 0; m < rows; m++, element += <usize>channels) {
      const to = out + (element << 2);
      let c = 0;
      for (; c + 4 <= channels; c += 4) {
        const at = <usize>c << 2;
        v128.store(to + at, f32x4.mul(loadFour<T>(x, element + <usize>c), v128.load(factor + at)));
      }
      for (; c < channels; c++) {
        const at = <usize>c << 2;
        store<f32>(to + at, loadOne<T>(x, element + <usize>c) * load<f32>(factor + at));
      }
    }
  }
}

export function multiplyChannelsInteger(
  begin: i32, end: i32, scratch: usize, x: usize, factors: usize, rows: i32, channels: i32, out: usize,
): void {
  multiplyChannels<i16>(begin, end, x, factors, rows, channels, out);
}

export function multiplyChannelsReal(
  begin: i32, end: i32, scratch: usize, x: usize, factors: usize, rows: i32, channels: i32, out: usize,
): void {
  multiplyChannels<f32>(begin, end, x, factors, rows, channels, out);
}

// A chunk is one image. dx may be dOut.
function multiplyChannelsGradient<T>(
  begin: i32, end: i32, dOut: usize, x: usize, factors: usize, rows: i32, channels: i32, dx: usize, dFactors: usize,
): void {
  for (let image = begin; image < end; image++) {
    const first = <usize>(image * rows * channels);
    const factor = factors + (<usize>(image * channels) << 2), dFactor = dFactors + (<usize>(image * channels) << 2);
    let c = 0;
    for (; c + 4 <= channels; c += 4) {
      const at = <usize>c << 2, f = v128.load(factor + at);
      let low = f64x2.splat(0), high = low;
      let element = first + <usize>c;
      for (let m = 0; m < rows; m++, element += <usize>channels) {
        const g = v128.load(dOut + (element << 2)), product = f32x4.mul(g, loadFour<T>(x, element));
        low = f64x2.add(low, f64x2.promote_low_f32x4(product));
        high = f64x2.add(high, f64x2.promote_low_f32x4(i8x16.shuffle(product, product, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13,
            14, 15)));
        v128.store(dx + (element << 2), f32x4.mul(g, f));
      }
      store<f32>(dFactor + at, <f32>f64x2.extract_lane(low, 0));
      store<f32>(dFactor + at, <f32>f64x2.extract_lane(low, 1), 4);
      store<f32>(dFactor + at, <f32>f64x2.extract_lane(high, 0), 8);
      store<f32>(dFactor + at, <f32>f64x2.extract_lane(high, 1), 12);
    }
    for (; c < channels; c++) {
      const at = <usize>c << 2, f = load<f32>(factor + at);
      let sum: f64 = 0;
      let element = first + <usize>c;
      for (let m = 0; m < rows; m++, element += <usize>channels) {
        const g = load<f32>(dOut + (element << 2));
        sum += <f64>(g * loadOne<T>(x, element));
        store<f32>(dx + (element << 2), g * f);
      }
      store<f32>(dFactor + at, <f32>sum);
    }
  }
}

export function multiplyChannelsGradientInteger(
  begin: i32, end: i32, scratch: usize, dOut: usize, x: usize, factors: usize, rows: i32, channels: i32, dx: usize, dFactors: usize,
): void {
  multiplyChannelsGradient<i16>(begin, end, dOut, x, factors, rows, channels, dx, dFactors);
}

export function multiplyChannelsGradientReal(
  begin: i32, end: i32, scratch: usize, dOut: usize, x: usize, factors: usize, rows: i32, channels: i32, dx: usize, dFactors: usize,
): void {
  multiplyChannelsGradient<f32>(begin, end, dOut, x, factors, rows, channels, dx, dFactors);
}

/** A chunk is 64 rows. x: float32 [rows, channels]; out: [rows, times * channels]. */
export function repeatChannels(begin: i32, end: i32, scratch: usize, x: usize, rows: i32, channels: i32, times: i32, out: usize): void {
  const bytes = <usize>channels << 2;
  const last = min(rows, end * REPEATED_ROWS);
  let to = out + <usize>(begin * REPEATED_ROWS * times) * bytes;
  for (let m = begin * REPEATED_ROWS; m < last; m++) {
    for (let t = 0; t < times; t++, to += bytes) memory.copy(to, x + <usize>m * bytes, bytes);
  }
}

export function repeatChannelsGradient(
  begin: i32, end: i32, scratch: usize, dOut: usize, rows: i32, channels: i32, times: i32, dx: usize,
): void {
  const bytes = <usize>channels << 2, vectors = bytes & ~15;
  const last = min(rows, end * REPEATED_ROWS);
  for (let m = begin * REPEATED_ROWS; m < last; m++) {
    const from = dOut + <usize>(m * times) * bytes, to = dx + <usize>m * bytes;
    memory.copy(to, from, bytes);
    for (let t = 1; t < times; t++) {
      const more = from + <usize>t * bytes;
      let at: usize = 0;
      for (; at < vectors; at += 16) v128.store(to + at, f32x4.add(v128.load(to + at), v128.load(more + at)));
      for (; at < bytes; at += 4) store<f32>(to + at, load<f32>(to + at) + load<f32>(more + at));
    }
  }
}

const LOG2_E: f64 = 1.4426950408889634;
const LN_2: f64 = 0.6931471805599453;
/** Added to a number, it leaves the nearest integer in the low bits; a conversion would stop at NaN. */
const ROUND: f64 = 6755399441055744;

/**
 * exp(x) for |x| <= 700 within 1e-9 of itself. The standard one brings a table of 2 KB, and every page that shows a network would load it.
 */
function exponential(x: f64): f64 {
  const rounded = x * LOG2_E + ROUND, rest = x - (rounded - ROUND) * LN_2;
  let sum: f64 = 1;
  for (let i = 9; i > 0; i--) sum = 1 + (sum * rest) / <f64>i;
  return sum * reinterpret<f64>((reinterpret<i64>(rounded) + 1023) << 52);
}

/** A chunk is 4,096 elements. */
export function sigmoid(begin: i32, end: i32, scratch: usize, x: usize, count: i32, out: usize): void {
  const last = min(count, end * CHUNK_ELEMENTS);
  for (let i = begin * CHUNK_ELEMENTS; i < last; i++) {
    const at = <usize>i << 2;
    const exponent = min<f64>(700, max<f64>(-700, -<f64>load<f32>(x + at)));
    store<f32>(out + at, <f32>(1 / (1 + exponential(exponent))));
  }
}

export function sigmoidGradient(begin: i32, end: i32, scratch: usize, dOut: usize, out: usize, count: i32, dx: usize): void {
  const last = min(count, end * CHUNK_ELEMENTS);
  for (let i = begin * CHUNK_ELEMENTS; i < last; i++) {
    const at = <usize>i << 2, y = load<f32>(out + at);
    store<f32>(dx + at, load<f32>(dOut + at) * y * (1 - y));
  }
}
