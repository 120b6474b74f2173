// Real matrix products for the few full-precision layers: the stem, the shortcuts, the classifier.
import { multiplyAdd } from "./simd";

/**
 * c[i, j] (+)= sum over p of a(i, p) * b[p, j], with a(i, p) = a[i * rowStep + p * innerStep] (elements). A chunk is four rows i.
 * b: [inner, columns]; c: [rows, columns]; all float32.
 */
export function product(begin: i32, end: i32, scratch: usize, a: usize, rowStep: i32, innerStep: i32, b: usize, c: usize, rows: i32, inner: i32, columns: i32, accumulate: i32): void {
  const rowBytes = <usize>rowStep << 2, innerBytes = <usize>innerStep << 2, lineBytes = <usize>columns << 2;
  for (let chunk = begin; chunk < end; chunk++) {
    const i = chunk << 2, count = min(4, rows - i);
    // Missing rows repeat the last one, and are not stored.
    const a0 = a + <usize>i * rowBytes;
    const d1 = <usize>min(1, count - 1) * rowBytes, d2 = <usize>min(2, count - 1) * rowBytes, d3 = <usize>min(3, count - 1) * rowBytes;
    let j = 0;
    for (; j + 8 <= columns; j += 8) {
      let s00 = f32x4.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
      let pa = a0, pb = b + (<usize>j << 2);
      for (let p = 0; p < inner; p++, pa += innerBytes, pb += lineBytes) {
        const b0 = v128.load(pb), b1 = v128.load(pb, 16);
        let v = v128.load32_splat(pa);
        s00 = multiplyAdd(v, b0, s00);
        s01 = multiplyAdd(v, b1, s01);
        v = v128.load32_splat(pa + d1);
        s10 = multiplyAdd(v, b0, s10);
        s11 = multiplyAdd(v, b1, s11);
        v = v128.load32_splat(pa + d2);
        s20 = multiplyAdd(v, b0, s20);
        s21 = multiplyAdd(v, b1, s21);
        v = v128.load32_splat(pa + d3);
        s30 = multiplyAdd(v, b0, s30);
        s31 = multiplyAdd(v, b1, s31);
      }
      const out = c + <usize>i * lineBytes + (<usize>j << 2);
      put(out, s00, s01, accumulate);
      if (count > 1) put(out + lineBytes, s10, s11, accumulate);
      if (count > 2) put(out + 2 * lineBytes, s20, s21, accumulate);
      if (count > 3) put(out + 3 * lineBytes, s30, s31, accumulate);
    }
    for (; j < columns; j++) {
      for (let r = 0; r < count; r++) {
        let sum: f32 = 0;
        let pa = a0 + <usize>r * rowBytes, pb = b + (<usize>j << 2);
        for (let p = 0; p < inner; p++, pa += innerBytes, pb += lineBytes) sum += load<f32>(pa) * load<f32>(pb);
        const out = c + <usize>(i + r) * lineBytes + (<usize>j << 2);
        store<f32>(out, accumulate ? load<f32>(out) + sum : sum);
      }
    }
  }
}

@inline
function put(out: usize, low: v128, high: v128, accumulate: i32): void {
  if (accumulate) {
    low = f32x4.add(low, v128.load(out));
    high = f32x4.add(high, v128.load(out, 16));
  }
  v128.store(out, low);
  v128.store(out, high, 16);
}

/** A chunk is sixteen rows of `out`, float32 [columns, rows]. */
export function transpose(begin: i32, end: i32, scratch: usize, matrix: usize, rows: i32, columns: i32, out: usize): void {
  const last = min(columns, end << 4);
  for (let j = begin << 4; j < last; j++) {
    for (let i = 0; i < rows; i++) store<f32>(out + (<usize>(j * rows + i) << 2), load<f32>(matrix + (<usize>(i * columns + j) << 2)));
  }
}

/** A chunk is sixteen rows. */
export function addBias(begin: i32, end: i32, scratch: usize, matrix: usize, rows: i32, columns: i32, bias: usize): void {
  const last = min(rows, end << 4);
  for (let i = begin << 4; i < last; i++) {
    for (let j = 0; j < columns; j++) {
      const at = matrix + (<usize>(i * columns + j) << 2);
      store<f32>(at, load<f32>(at) + load<f32>(bias + (<usize>j << 2)));
    }
  }
}
