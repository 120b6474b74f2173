// Real matrix products for the few full-precision layers: the stem, the shortcuts, the classifier.
import { BIASED_ROWS, REAL_COLUMNS, REAL_ROWS, TRANSPOSED_COLUMNS } from "../constants";
import { multiplyAdd } from "../simd";

/** Twelve registers of sums: as many as hide the time that a multiply-add takes. */
const TILE_ROWS: i32 = 6;
const PANEL: i32 = 8;
/**
 * Rows of b that are copied side by side before the tiles read them: 16 KB, so that they stay in the first-level cache whatever b's row
 * length.
 */
const INNER: i32 = 512;

/**
 * c[i, j] (+)= sum over p of a(i, p) * b[p, j], with a(i, p) = a[i * rowStep + p * innerStep] (elements). Sums run over p in order.
 * b: [inner, columns]; c: [rows, columns]; all float32. scratch: a panel, and a tile.
 */
export function product(
  begin: i32, end: i32, scratch: usize, a: usize, rowStep: i32, innerStep: i32, b: usize, c: usize, rows: i32, inner: i32, columns: i32,
  accumulate: i32,
): void {
  const columnChunks = (columns + REAL_COLUMNS - 1) / REAL_COLUMNS;
  const lineBytes = <usize>columns << 2;
  for (let chunk = begin; chunk < end; chunk++) {
    const i = (chunk / columnChunks) * REAL_ROWS, j = (chunk % columnChunks) * REAL_COLUMNS;
    const lastRow = min(rows, i + REAL_ROWS), lastColumn = min(columns, j + REAL_COLUMNS);
    if (lastRow - i == 1 && lastColumn - j == REAL_COLUMNS) {
      oneRow(a + (<usize>(i * rowStep) << 2), <usize>innerStep << 2, b + (<usize>j << 2), c + <usize>i * lineBytes + (<usize>j << 2), inner,
          lineBytes, accumulate);
      continue;
    }
    let n = j;
    for (; n + PANEL <= lastColumn; n += PANEL)
      panel(scratch, a, rowStep, innerStep, b + (<usize>n << 2), c + (<usize>n << 2), i, lastRow, inner, lineBytes, accumulate);
    for (; n < lastColumn; n++) oneColumn(a, rowStep, innerStep, b + (<usize>n << 2), c + (<usize>n << 2), i, lastRow, inner, lineBytes,
        accumulate);
  }
}

/** Rows [first, last) of eight columns. */
function panel(
  scratch: usize, a: usize, rowStep: i32, innerStep: i32, b: usize, c: usize, first: i32, last: i32, inner: i32, lineBytes: usize,
  accumulate: i32,
): void {
  const aside = scratch + <usize>(INNER * PANEL << 2);
  for (let p = 0; p < inner; p += INNER) {
    const depth = min(INNER, inner - p), more = accumulate != 0 || p > 0;
    // A single tile reads b only once.
    const packed = last - first > TILE_ROWS;
    let from = b + <usize>p * lineBytes;
    if (packed) {
      for (let q = 0, to = scratch; q < depth; q++, from += lineBytes, to += 32) {
        v128.store(to, v128.load(from));
        v128.store(to, v128.load(from, 16), 16);
      }
      from = scratch;
    }
    const step: usize = packed ? 32 : lineBytes;
    for (let i = first; i < last; i += TILE_ROWS) {
      const count = min(TILE_ROWS, last - i);
      const out = c + <usize>i * lineBytes;
      const whole = count == TILE_ROWS;
      // A tile of fewer rows is computed aside.
      if (!whole && more) copyTile(aside, 32, out, lineBytes, count);
      const source = a + (<usize>(i * rowStep + p * innerStep) << 2);
      tile(source, <usize>rowStep << 2, <usize>innerStep << 2, count, from, step, whole ? out : aside, whole ? lineBytes : 32, depth, more);
      if (!whole) copyTile(out, lineBytes, aside, 32, count);
    }
  }
}

function copyTile(to: usize, toStep: usize, from: usize, fromStep: usize, count: i32): void {
  for (let r = 0; r < count; r++, to += toStep, from += fromStep) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
  }
}

/** Six rows of a begin `rowBytes` apart, and go on in steps of `innerBytes`; those beyond `count` repeat the last. */
function tile(
  a: usize, rowBytes: usize, innerBytes: usize, count: i32, b: usize, step: usize, out: usize, lineBytes: usize, depth: i32, more: bool,
): void {
  const last = <usize>(count - 1);
  let a0 = a, a1 = a + min(<usize>1, last) * rowBytes, a2 = a + min(<usize>2, last) * rowBytes, a3 = a + min(<usize>3, last) * rowBytes,
      a4 = a + min(<usize>4, last) * rowBytes, a5 = a + min(<usize>5, last) * rowBytes;
  let s00 = f32x4.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00, s40 = s00, s41 = s00, s50 = s00,
      s51 = s00;
  if (more) {
    let at = out;
    s00 = v128.load(at);
    s01 = v128.load(at, 16);
    at += lineBytes;
    s10 = v128.load(at);
    s11 = v128.load(at, 16);
    at += lineBytes;
    s20 = v128.load(at);
    s21 = v128.load(at, 16);
    at += lineBytes;
    s30 = v128.load(at);
    s31 = v128.load(at, 16);
    at += lineBytes;
    s40 = v128.load(at);
    s41 = v128.load(at, 16);
    at += lineBytes;
    s50 = v128.load(at);
    s51 = v128.load(at, 16);
  }
  for (let p = 0; p < depth; p++, b += step) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let v = v128.load32_splat(a0);
    s00 = multiplyAdd(v, b0, s00);
    s01 = multiplyAdd(v, b1, s01);
    a0 += innerBytes;
    v = v128.load32_splat(a1);
    s10 = multiplyAdd(v, b0, s10);
    s11 = multiplyAdd(v, b1, s11);
    a1 += innerBytes;
    v = v128.load32_splat(a2);
    s20 = multiplyAdd(v, b0, s20);
    s21 = multiplyAdd(v, b1, s21);
    a2 += innerBytes;
    v = v128.load32_splat(a3);
    s30 = multiplyAdd(v, b0, s30);
    s31 = multiplyAdd(v, b1, s31);
    a3 += innerBytes;
    v = v128.load32_splat(a4);
    s40 = multiplyAdd(v, b0, s40);
    s41 = multiplyAdd(v, b1, s41);
    a4 += innerBytes;
    v = v128.load32_splat(a5);
    s50 = multiplyAdd(v, b0, s50);
    s51 = multiplyAdd(v, b1, s51);
    a5 += innerBytes;
  }
  v128.store(out, s00);
  v128.store(out, s01, 16);
  out += lineBytes;
  v128.store(out, s10);
  v128.store(out, s11, 16);
  out += lineBytes;
  v128.store(out, s20);
  v128.store(out, s21, 16);
  out += lineBytes;
  v128.store(out, s30);
  v128.store(out, s31, 16);
  out += lineBytes;
  v128.store(out, s40);
  v128.store(out, s41, 16);
  out += lineBytes;
  v128.store(out, s50);
  v128.store(out, s51, 16);
}

/** One row and 32 columns: b is read once, from front to back. */
function oneRow(a: usize, innerBytes: usize, b: usize, out: usize, inner: i32, lineBytes: usize, accumulate: i32): void {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  if (accumulate) {
    s0 = v128.load(out);
    s1 = v128.load(out, 16);
    s2 = v128.load(out, 32);
    s3 = v128.load(out, 48);
    s4 = v128.load(out, 64);
    s5 = v128.load(out, 80);
    s6 = v128.load(out, 96);
    s7 = v128.load(out, 112);
  }
  for (let p = 0; p < inner; p++, a += innerBytes, b += lineBytes) {
    const v = v128.load32_splat(a);
    s0 = multiplyAdd(v, v128.load(b), s0);
    s1 = multiplyAdd(v, v128.load(b, 16), s1);
    s2 = multiplyAdd(v, v128.load(b, 32), s2);
    s3 = multiplyAdd(v, v128.load(b, 48), s3);
    s4 = multiplyAdd(v, v128.load(b, 64), s4);
    s5 = multiplyAdd(v, v128.load(b, 80), s5);
    s6 = multiplyAdd(v, v128.load(b, 96), s6);
    s7 = multiplyAdd(v, v128.load(b, 112), s7);
  }
  v128.store(out, s0);
  v128.store(out, s1, 16);
  v128.store(out, s2, 32);
  v128.store(out, s3, 48);
  v128.store(out, s4, 64);
  v128.store(out, s5, 80);
  v128.store(out, s6, 96);
  v128.store(out, s7, 112);
}

function oneColumn(
  a: usize, rowStep: i32, innerStep: i32, b: usize, c: usize, first: i32, last: i32, inner: i32, lineBytes: usize, accumulate: i32,
): void {
  for (let i = first; i < last; i++) {
    const out = c + <usize>i * lineBytes;
    let sum: f32 = accumulate ? load<f32>(out) : 0;
    let pa = a + (<usize>(i * rowStep) << 2), pb = b;
    for (let p = 0; p < inner; p++, pa += <usize>innerStep << 2, pb += lineBytes) sum += load<f32>(pa) * load<f32>(pb);
    store<f32>(out, sum);
  }
}

/** A chunk is sixteen rows of `out`, float32 [columns, rows]. */
export function transpose(begin: i32, end: i32, scratch: usize, matrix: usize, rows: i32, columns: i32, out: usize): void {
  const last = min(columns, end * TRANSPOSED_COLUMNS);
  for (let j = begin * TRANSPOSED_COLUMNS; j < last; j++) {
    for (let i = 0; i < rows; i++) store<f32>(out + (<usize>(j * rows + i) << 2), load<f32>(matrix + (<usize>(i * columns + j) << 2)));
  }
}

/** A chunk is sixteen rows. */
export function addBias(begin: i32, end: i32, scratch: usize, matrix: usize, rows: i32, columns: i32, bias: usize): void {
  const last = min(rows, end * BIASED_ROWS);
  for (let i = begin * BIASED_ROWS; i < last; i++) {
    for (let j = 0; j < columns; j++) {
      const at = matrix + (<usize>(i * columns + j) << 2);
      store<f32>(at, load<f32>(at) + load<f32>(bias + (<usize>j << 2)));
    }
  }
}
