// The XNOR-popcount product by tables: a byte holds four signs of a filter, and for each four signs of a row a register holds the sixteen
// counts of differences that such a byte can have with them. A swizzle looks up sixteen filters at once. Where an engine has no instruction
// that counts the bits of bytes (x86 without AVX-512), it is twice as fast as counting.
import { PRODUCT_FILTERS } from "../constants";
import { addStatistics, clearStatistics } from "./product";
import { lookUp } from "../simd";

/** A byte of a row is two look-ups of at most four: 31 of them stay below 256. */
const BYTES: i32 = 31;
const TABLE: usize = 256;

/** 16 tables of 16 bytes: entry w of table a is the number of bits in which a and w differ. */
export function fillTables(tables: usize): void {
  const numbers = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  for (let a = 0; a < 16; a++) v128.store(tables + (<usize>a << 4), i8x16.popcnt(v128.xor(numbers, i8x16.splat(<i8>a))));
}

/**
 * As binaryProduct, with other weights: by blocks of 64 filters (the last may be 16, 32 or 48 wide), uint8 [2 * bytes of a row, width],
 * four signs each. A block is read from front to back for every two rows, and stays in the first-level cache. scratch: the tables, and 32
 * bytes.
 */
export function binaryProductTable(
  begin: i32, end: i32, scratch: usize, columns: usize, weights: usize, y: usize, rows: i32, inputs: i32, filters: i32, chunkRows: i32,
  partials: usize,
): void {
  fillTables(scratch);
  const blocks = (filters + PRODUCT_FILTERS - 1) / PRODUCT_FILTERS, bytes = (inputs + 7) >> 3;
  for (let chunk = begin; chunk < end; chunk++) {
    const part = chunk / blocks, n = (chunk % blocks) * PRODUCT_FILTERS, some = min(PRODUCT_FILTERS, filters - n);
    const last = min(rows, (part + 1) * chunkRows);
    const sums = partials + <usize>part * (<usize>filters << 4);
    if (partials) clearStatistics(sums, filters, n, some);
    const block = weights + <usize>(n * bytes << 1);
    for (let m = part * chunkRows; m < last; m += 64) {
      const stop = min(last, m + 64);
      tableBlock(scratch, columns, block, y + (<usize>(m * filters + n) << 1), <usize>filters << 1, m, stop, inputs, some);
      if (partials) addStatistics(y + (<usize>(m * filters) << 1), stop - m, inputs, filters, n, some, sums);
    }
  }
}

/**
 * Results of rows [first, last) and the `some` filters of a block, written from `y` on, `outBytes` from row to row. scratch as fillTables
 * left it.
 */
export function tableBlock(
  scratch: usize, columns: usize, block: usize, y: usize, outBytes: usize, first: i32, last: i32, inputs: i32, some: i32,
): void {
  const rowBytes = <usize>((inputs + 31) >> 5) << 2;
  for (let m = first; m < last; m += 2, y += outBytes << 1)
    twoRows(scratch, columns + <usize>m * rowBytes, m + 1 < last, rowBytes, block, y, outBytes, inputs, some);
}

/** The row at c0 and, where `two`, the next. */
function twoRows(
  scratch: usize, c0: usize, two: bool, rowBytes: usize, block: usize, out: usize, outBytes: usize, inputs: i32, some: i32,
): void {
  const bytes = (inputs + 7) >> 3;
  const c1 = two ? c0 + rowBytes : c0;
  const step: usize = two ? outBytes : 0;
  if (some == 64) {
    sixtyFour(scratch, c0, c1, block, bytes, inputs, out, step);
    return;
  }
  const width = <usize>((some + 15) & ~15);
  for (let n = 0; n < some; n += 16)
    sixteen(scratch, c0, c1, block + <usize>n, width, bytes, inputs, out + (<usize>n << 1), step, min(16, some - n));
}

/** dot = K - 2 * count of differences, for eight filters. */
@inline
function dots(inputs: i32, counts: v128): v128 {
  return i16x8.sub(i16x8.splat(<i16>inputs), i16x8.shl(counts, 1));
}

@inline
function low(bytes: v128): v128 { return i16x8.extend_low_i8x16_u(bytes); }
@inline
function high(bytes: v128): v128 { return i16x8.extend_high_i8x16_u(bytes); }

/** Two rows and 64 filters; `step`: bytes from one row of y to the next, 0 for a single row. */
function sixtyFour(tables: usize, c0: usize, c1: usize, weights: usize, bytes: i32, inputs: i32, out: usize, step: usize): void {
  const zero = i16x8.splat(0);
  let s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero;
  let t0 = zero, t1 = zero, t2 = zero, t3 = zero, t4 = zero, t5 = zero, t6 = zero, t7 = zero;
  let w = weights;
  for (let block = 0; block < bytes; block += BYTES) {
    let a0 = zero, a1 = zero, a2 = zero, a3 = zero, b0 = zero, b1 = zero, b2 = zero, b3 = zero;
    const stop = min(bytes, block + BYTES);
    for (let k = block; k < stop; k++) {
      const x0 = <usize>load<u8>(c0 + <usize>k), x1 = <usize>load<u8>(c1 + <usize>k);
      let table0 = v128.load(tables + ((x0 & 15) << 4)), table1 = v128.load(tables + ((x1 & 15) << 4));
      let v = v128.load(w);
      a0 = i8x16.add(a0, lookUp(table0, v));
      b0 = i8x16.add(b0, lookUp(table1, v));
      v = v128.load(w, 16);
      a1 = i8x16.add(a1, lookUp(table0, v));
      b1 = i8x16.add(b1, lookUp(table1, v));
      v = v128.load(w, 32);
      a2 = i8x16.add(a2, lookUp(table0, v));
      b2 = i8x16.add(b2, lookUp(table1, v));
      v = v128.load(w, 48);
      a3 = i8x16.add(a3, lookUp(table0, v));
      b3 = i8x16.add(b3, lookUp(table1, v));
      table0 = v128.load(tables + (x0 & 240));
      table1 = v128.load(tables + (x1 & 240));
      v = v128.load(w, 64);
      a0 = i8x16.add(a0, lookUp(table0, v));
      b0 = i8x16.add(b0, lookUp(table1, v));
      v = v128.load(w, 80);
      a1 = i8x16.add(a1, lookUp(table0, v));
      b1 = i8x16.add(b1, lookUp(table1, v));
      v = v128.load(w, 96);
      a2 = i8x16.add(a2, lookUp(table0, v));
      b2 = i8x16.add(b2, lookUp(table1, v));
      v = v128.load(w, 112);
      a3 = i8x16.add(a3, lookUp(table0, v));
      b3 = i8x16.add(b3, lookUp(table1, v));
      w += 128;
    }
    s0 = i16x8.add(s0, low(a0));
    s1 = i16x8.add(s1, high(a0));
    s2 = i16x8.add(s2, low(a1));
    s3 = i16x8.add(s3, high(a1));
    s4 = i16x8.add(s4, low(a2));
    s5 = i16x8.add(s5, high(a2));
    s6 = i16x8.add(s6, low(a3));
    s7 = i16x8.add(s7, high(a3));
    t0 = i16x8.add(t0, low(b0));
    t1 = i16x8.add(t1, high(b0));
    t2 = i16x8.add(t2, low(b1));
    t3 = i16x8.add(t3, high(b1));
    t4 = i16x8.add(t4, low(b2));
    t5 = i16x8.add(t5, high(b2));
    t6 = i16x8.add(t6, low(b3));
    t7 = i16x8.add(t7, high(b3));
  }
  v128.store(out, dots(inputs, s0));
  v128.store(out, dots(inputs, s1), 16);
  v128.store(out, dots(inputs, s2), 32);
  v128.store(out, dots(inputs, s3), 48);
  v128.store(out, dots(inputs, s4), 64);
  v128.store(out, dots(inputs, s5), 80);
  v128.store(out, dots(inputs, s6), 96);
  v128.store(out, dots(inputs, s7), 112);
  if (!step) return;
  out += step;
  v128.store(out, dots(inputs, t0));
  v128.store(out, dots(inputs, t1), 16);
  v128.store(out, dots(inputs, t2), 32);
  v128.store(out, dots(inputs, t3), 48);
  v128.store(out, dots(inputs, t4), 64);
  v128.store(out, dots(inputs, t5), 80);
  v128.store(out, dots(inputs, t6), 96);
  v128.store(out, dots(inputs, t7), 112);
}

/** Two rows and up to sixteen filters. */
function sixteen(
  tables: usize, c0: usize, c1: usize, weights: usize, padded: usize, bytes: i32, inputs: i32, out: usize, step: usize, some: i32,
): void {
  const zero = i16x8.splat(0);
  let s0 = zero, s1 = zero, t0 = zero, t1 = zero;
  let w = weights;
  for (let block = 0; block < bytes; block += BYTES) {
    let a = zero, b = zero;
    const stop = min(bytes, block + BYTES);
    for (let k = block; k < stop; k++) {
      const x0 = <usize>load<u8>(c0 + <usize>k), x1 = <usize>load<u8>(c1 + <usize>k);
      let v = v128.load(w);
      a = i8x16.add(a, lookUp(v128.load(tables + ((x0 & 15) << 4)), v));
      b = i8x16.add(b, lookUp(v128.load(tables + ((x1 & 15) << 4)), v));
      v = v128.load(w + padded);
      a = i8x16.add(a, lookUp(v128.load(tables + (x0 & 240)), v));
      b = i8x16.add(b, lookUp(v128.load(tables + (x1 & 240)), v));
      w += padded << 1;
    }
    s0 = i16x8.add(s0, low(a));
    s1 = i16x8.add(s1, high(a));
    t0 = i16x8.add(t0, low(b));
    t1 = i16x8.add(t1, high(b));
  }
  storeSome(tables + TABLE, out, dots(inputs, s0), dots(inputs, s1), some);
  if (step) storeSome(tables + TABLE, out + step, dots(inputs, t0), dots(inputs, t1), some);
}

function storeSome(buffer: usize, out: usize, first: v128, second: v128, some: i32): void {
  if (some >= 16) {
    v128.store(out, first);
    v128.store(out, second, 16);
    return;
  }
  v128.store(buffer, first);
  v128.store(buffer, second, 16);
  memory.copy(out, buffer, <usize>some << 1);
}
