// The XNOR-popcount product. Lanes are eight filters of sixteen bits each, so the sums of a register end as eight int16 results
// without any shuffling; four rows share each load of weights. Bytes of counts stay below 256 for 31 steps of at most eight.
import { PRODUCT_FILTERS } from "../constants";

const STEPS: i32 = 31;

/** Filters [n, n + some) of sums and of squares, float64 [2, filters], to 0. */
export function clearStatistics(sums: usize, filters: i32, n: i32, some: i32): void {
  memory.fill(sums + (<usize>n << 3), 0, <usize>some << 3);
  memory.fill(sums + (<usize>(filters + n) << 3), 0, <usize>some << 3);
}

/**
 * sums[n] += y, sums[filters + n] += y * y, for `rows` rows and filters [from, from + some) of y, |y| <= inputs. Exact: integers below
 * 2^53, and below 2^31 before: 64 squares of 5,792, or sixteen of 11,584.
 */
export function addStatistics(y: usize, rows: i32, inputs: i32, filters: i32, from: i32, some: i32, sums: usize): void {
  const step = inputs <= 5792 ? 64 : 16;
  for (let m = 0; m < rows; m += step) addFewStatistics(y + (<usize>(m * filters) << 1), min(step, rows - m), filters, from, some, sums);
}

function addFewStatistics(y: usize, rows: i32, filters: i32, from: i32, some: i32, sums: usize): void {
  const squares = sums + (<usize>filters << 3), last = from + some;
  let n = from;
  for (; n + 8 <= last; n += 8) {
    let sum0 = i32x4.splat(0), sum1 = sum0, square0 = sum0, square1 = sum0;
    let at = y + (<usize>n << 1);
    for (let m = 0; m < rows; m++, at += <usize>filters << 1) {
      const v = v128.load(at);
      sum0 = i32x4.add(sum0, i32x4.extend_low_i16x8_s(v));
      sum1 = i32x4.add(sum1, i32x4.extend_high_i16x8_s(v));
      square0 = i32x4.add(square0, i32x4.extmul_low_i16x8_s(v, v));
      square1 = i32x4.add(square1, i32x4.extmul_high_i16x8_s(v, v));
    }
    addIntegers(sums + (<usize>n << 3), sum0);
    addIntegers(sums + (<usize>(n + 4) << 3), sum1);
    addIntegers(squares + (<usize>n << 3), square0);
    addIntegers(squares + (<usize>(n + 4) << 3), square1);
  }
  for (; n < last; n++) {
    let sum: i64 = 0, square: i64 = 0;
    for (let m = 0; m < rows; m++) {
      const v = <i64>load<i16>(y + (<usize>(m * filters + n) << 1));
      sum += v;
      square += v * v;
    }
    const at = <usize>n << 3;
    store<f64>(sums + at, load<f64>(sums + at) + <f64>sum);
    store<f64>(squares + at, load<f64>(squares + at) + <f64>square);
  }
}

@inline
function addIntegers(target: usize, v: v128): void {
  const high = i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
  v128.store(target, f64x2.add(v128.load(target), f64x2.convert_low_i32x4_s(v)));
  v128.store(target, f64x2.add(v128.load(target, 16), f64x2.convert_low_i32x4_s(high)), 16);
}

/**
 * columns: uint32 [rows, words(inputs)]; weights: uint16 [inputs / 16, filters rounded up to 8]; y: int16 [rows, filters].
 * A chunk is up to 64 filters of `chunkRows` rows; its sums go to partials[chunk of rows] (float64 [2, filters]), unless `partials` is 0.
 */
export function binaryProduct(
  begin: i32, end: i32, scratch: usize, columns: usize, weights: usize, y: usize, rows: i32, inputs: i32, filters: i32, chunkRows: i32,
  partials: usize,
): void {
  const blocks = (filters + PRODUCT_FILTERS - 1) / PRODUCT_FILTERS;
  for (let chunk = begin; chunk < end; chunk++) {
    const part = chunk / blocks, n = (chunk % blocks) * PRODUCT_FILTERS, some = min(PRODUCT_FILTERS, filters - n);
    const last = min(rows, (part + 1) * chunkRows);
    const sums = partials + <usize>part * (<usize>filters << 4);
    if (partials) clearStatistics(sums, filters, n, some);
    for (let m = part * chunkRows; m < last; m += 64) {
      const stop = min(last, m + 64);
      popcountBlock(scratch, columns, weights, y + (<usize>(m * filters + n) << 1), <usize>filters << 1, m, stop, inputs, filters, n, some);
      if (partials) addStatistics(y + (<usize>(m * filters) << 1), stop - m, inputs, filters, n, some, sums);
    }
  }
}

/** Results of rows [first, last) and filters [from, from + some), written from `y` on, `outBytes` from row to row. scratch: 16 bytes. */
export function popcountBlock(
  scratch: usize, columns: usize, weights: usize, y: usize, outBytes: usize, first: i32, last: i32, inputs: i32, filters: i32, from: i32,
  some: i32,
): void {
  const steps = (inputs + 15) >> 4, padded = (filters + 7) & ~7;
  const rowBytes = <usize>((inputs + 31) >> 5) << 2, weightBytes = <usize>padded << 1;
  const all = i16x8.splat(<i16>inputs);
  for (let m = first; m < last; m += 4) {
    // The last rows of a job may be fewer than four: the missing ones repeat the last, and are written where it goes.
    const c0 = columns + <usize>m * rowBytes;
    const c1 = columns + <usize>min(m + 1, last - 1) * rowBytes;
    const c2 = columns + <usize>min(m + 2, last - 1) * rowBytes;
    const c3 = columns + <usize>min(m + 3, last - 1) * rowBytes;
    for (let n = 0; n < some; n += 8) {
      let s0 = i16x8.splat(0), s1 = s0, s2 = s0, s3 = s0;
      let w = weights + (<usize>(from + n) << 1);
      for (let block = 0; block < steps; block += STEPS) {
        let a0 = i8x16.splat(0), a1 = a0, a2 = a0, a3 = a0;
        const stop = <usize>min(steps, block + STEPS) << 1;
        for (let k = <usize>block << 1; k < stop; k += 2) {
          const v = v128.load(w);
          w += weightBytes;
          a0 = i8x16.add(a0, i8x16.popcnt(v128.xor(v, v128.load16_splat(c0 + k))));
          a1 = i8x16.add(a1, i8x16.popcnt(v128.xor(v, v128.load16_splat(c1 + k))));
          a2 = i8x16.add(a2, i8x16.popcnt(v128.xor(v, v128.load16_splat(c2 + k))));
          a3 = i8x16.add(a3, i8x16.popcnt(v128.xor(v, v128.load16_splat(c3 + k))));
        }
        s0 = i16x8.add(s0, i16x8.extadd_pairwise_i8x16_u(a0));
        s1 = i16x8.add(s1, i16x8.extadd_pairwise_i8x16_u(a1));
        s2 = i16x8.add(s2, i16x8.extadd_pairwise_i8x16_u(a2));
        s3 = i16x8.add(s3, i16x8.extadd_pairwise_i8x16_u(a3));
      }
      // dot = K - 2 * popcount(a XOR w)
      s0 = i16x8.sub(all, i16x8.shl(s0, 1));
      s1 = i16x8.sub(all, i16x8.shl(s1, 1));
      s2 = i16x8.sub(all, i16x8.shl(s2, 1));
      s3 = i16x8.sub(all, i16x8.shl(s3, 1));
      const out = y + <usize>(m - first) * outBytes + (<usize>n << 1);
      const left = some - n;
      storeResults(scratch, out, s0, left);
      if (m + 1 < last) storeResults(scratch, out + outBytes, s1, left);
      if (m + 2 < last) storeResults(scratch, out + 2 * outBytes, s2, left);
      if (m + 3 < last) storeResults(scratch, out + 3 * outBytes, s3, left);
    }
  }
}

@inline
function storeResults(scratch: usize, out: usize, v: v128, some: i32): void {
  if (some >= 8) {
    v128.store(out, v);
  } else {
    v128.store(scratch, v);
    memory.copy(out, scratch, <usize>some << 1);
  }
}
