// Packing signs: of a map into the rows of a binary matrix, and of latent weights into the arrangements that the products read.
import { COUNTED_WORDS, EXPANDED_ROWS, WEIGHT_INPUTS } from "../constants";
import * as window_ from "../window";

/** Four masks of four values each as one of sixteen bytes. */
@inline
function maskBytes(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

/** Sixteen comparisons x >= threshold as sixteen bits. */
@inline
function signs16(x: usize, threshold: usize): i32 {
  const a = f32x4.ge(v128.load(x), v128.load(threshold));
  const b = f32x4.ge(v128.load(x, 16), v128.load(threshold, 16));
  const c = f32x4.ge(v128.load(x, 32), v128.load(threshold, 32));
  const d = f32x4.ge(v128.load(x, 48), v128.load(threshold, 48));
  return i8x16.bitmask(maskBytes(a, b, c, d));
}

/** A chunk is one grid row of one image. */
export function binarizeColumns(begin: i32, end: i32, scratch: usize, x: usize, threshold: usize, window: usize, columns: usize): void {
  const channels = window_.channels(window), kernel = window_.kernel(window), step = window_.step(window);
  const gridRows = window_.gridRows(window), gridColumns = window_.gridColumns(window);
  const rowBytes = ((kernel * kernel * channels + 31) >> 5) << 2;
  for (let chunk = begin; chunk < end; chunk++) {
    const image = chunk / gridRows, i = chunk % gridRows;
    for (let j = 0; j < gridColumns; j++) {
      const out = columns + <usize>(chunk * gridColumns + j) * rowBytes;
      memory.fill(out, 0, rowBytes);
      let bit = 0;
      for (let a = 0; a < kernel; a++) {
        for (let b = 0; b < kernel; b++, bit += channels) {
          const pixel = window_.pixelIndex(window, image, window_.rowOrigin(window, i) + a * step,
              window_.columnOrigin(window, j) + b * step);
          if (pixel < 0) continue;
          const source = x + (<usize>(pixel * channels) << 2);
          if ((channels & 15) == 0) {
            for (let c = 0; c < channels; c += 16)
              store<u16>(out + <usize>((bit + c) >> 3), signs16(source + (c << 2), threshold + (c << 2)));
          } else {
            for (let c = 0; c < channels; c++) {
              const at = out + <usize>((bit + c) >> 3);
              store<u8>(at, load<u8>(at) | (<u8>(load<f32>(source + (c << 2)) >= load<f32>(threshold + (c << 2))) << <u8>((bit + c) & 7)));
            }
          }
        }
      }
    }
  }
}

/**
 * A chunk is sixteen inputs k of the latent matrix [inputs, filters]. `forward`: uint16 [inputs / 16, filters rounded up to 8], bit j of a
 * value is input 16 * row + j. `gradient` (0 for none): uint16 [inputs, filters / 4 rounded up], 64 times the four sign bits of four
 * filters: an offset into a table.
 */
export function binarizeWeights(
  begin: i32, end: i32, scratch: usize, latent: usize, inputs: i32, filters: i32, forward: usize, gradient: usize,
): void {
  const padded = (filters + 7) & ~7, groups = (filters + 3) >> 2;
  const zero = f32x4.splat(0);
  for (let chunk = begin; chunk < end; chunk++) {
    const first = chunk * WEIGHT_INPUTS, count = min(WEIGHT_INPUTS, inputs - first);
    for (let n = 0; n < filters; n += 8) {
      let bits = i16x8.splat(0);
      for (let j = 0; j < count; j++) {
        const source = latent + (<usize>((first + j) * filters + n) << 2);
        const left = min(8, filters - n);
        let mask: v128;
        if (left == 8) {
          mask = i16x8.narrow_i32x4_s(f32x4.ge(v128.load(source), zero), f32x4.ge(v128.load(source, 16), zero));
        } else {
          mask = i16x8.splat(0);
          memory.fill(scratch, 0, 16);
          for (let lane = 0; lane < left; lane++) store<i16>(scratch + (lane << 1), load<f32>(source + (lane << 2)) >= 0 ? -1 : 0);
          mask = v128.load(scratch);
        }
        bits = v128.or(bits, v128.and(mask, i16x8.splat(<i16>1 << <i16>j)));
        if (gradient) {
          const four = i16x8.bitmask(mask);
          const at = gradient + (<usize>((first + j) * groups + (n >> 2)) << 1);
          store<u16>(at, <u16>((four & 15) << 6));
          if (left > 4) store<u16>(at, <u16>((four >> 4) << 6), 2);
        }
      }
      v128.store(forward + (<usize>(chunk * padded + n) << 1), bits);
    }
  }
}

/**
 * As binarizeWeights, with `forward` as binaryProductTable reads it: by blocks of 64 filters, uint8 [2 * bytes of a row, width of the
 * block], bit j of a byte is input 4 * row + j.
 */
export function binarizeWeightsTable(
  begin: i32, end: i32, scratch: usize, latent: usize, inputs: i32, filters: i32, forward: usize, gradient: usize,
): void {
  const groups = (filters + 3) >> 2, bytes = (inputs + 7) >> 3;
  for (let chunk = begin; chunk < end; chunk++) {
    const first = chunk * WEIGHT_INPUTS, count = min(WEIGHT_INPUTS, inputs - first);
    // A chunk of sixteen inputs is four rows of a block, or the two that are left.
    const firstRow = chunk << 2, rows = min(4, 2 * bytes - firstRow);
    for (let n = 0; n < filters; n += 64) {
      const width = blockWidth(filters - n);
      memory.fill(forward + <usize>(n * bytes << 1) + <usize>(firstRow * width), 0, <usize>(rows * width));
    }
    // An input's weights lie in a row: they are met from front to back.
    for (let k = first; k < first + count; k++) {
      const bit = i8x16.splat(<i8>1 << <i8>(k & 3));
      for (let n = 0; n < filters; n += 64) {
        const some = min(64, filters - n);
        const source = latent + (<usize>(k * filters + n) << 2);
        const target = forward + <usize>(n * bytes << 1) + <usize>((k >> 2) * blockWidth(filters - n));
        const index = gradient + (<usize>(k * groups + (n >> 2)) << 1);
        let f = 0;
        for (; f + 16 <= some; f += 16) {
          const mask = signs16Bytes(source + (<usize>f << 2));
          const at = target + <usize>f;
          v128.store(at, v128.or(v128.load(at), v128.and(mask, bit)));
          if (gradient) store<u64>(index + <usize>(f >> 1), spreadOffsets(<u64>i8x16.bitmask(mask)));
        }
        for (; f < some; f += 4) {
          const four = signs4(source + (<usize>f << 2), some - f);
          // Bits of four filters to the lowest bits of four bytes, and from there to the input's.
          const spread = ((four & 1) | ((four & 2) << 7) | ((four & 4) << 14) | ((four & 8) << 21)) << (k & 3);
          const at = target + <usize>f;
          store<u32>(at, load<u32>(at) | spread);
          if (gradient) store<u16>(index + <usize>(f >> 1), <u16>(four << 6));
        }
      }
    }
  }
}

/** Bytes of a row of a block, of which `left` filters and those of later blocks are left. */
@inline
function blockWidth(left: i32): i32 {
  return (min(64, left) + 15) & ~15;
}

/** The signs (>= 0) of sixteen values, a byte of ones or zeros each. */
@inline
function signs16Bytes(source: usize): v128 {
  const zero = f32x4.splat(0);
  const a = f32x4.ge(v128.load(source), zero), b = f32x4.ge(v128.load(source, 16), zero);
  const c = f32x4.ge(v128.load(source, 32), zero), d = f32x4.ge(v128.load(source, 48), zero);
  return maskBytes(a, b, c, d);
}

/** Sixteen bits, four to each of four uint16: 64 times the four. */
@inline
function spreadOffsets(bits: u64): u64 {
  return ((bits & 0xf) | ((bits & 0xf0) << 12) | ((bits & 0xf00) << 24) | ((bits & 0xf000) << 36)) << 6;
}

/** The signs (>= 0) of up to four values as bits. */
@inline
function signs4(source: usize, some: i32): i32 {
  if (some >= 4) return i32x4.bitmask(f32x4.ge(v128.load(source), f32x4.splat(0)));
  let bits = 0;
  for (let lane = 0; lane < some; lane++) if (load<f32>(source + (<usize>lane << 2)) >= 0) bits |= 1 << lane;
  return bits;
}

/** A chunk is sixteen rows of `columns`; signs: float32 [rows, inputs]. */
export function expandSigns(begin: i32, end: i32, scratch: usize, columns: usize, rows: i32, inputs: i32, signs: usize): void {
  const rowBytes = <usize>((inputs + 31) >> 5) << 2;
  const last = min(rows, end * EXPANDED_ROWS);
  const select = i32x4(1, 2, 4, 8), plus = f32x4.splat(1), minus = f32x4.splat(-1);
  for (let m = begin * EXPANDED_ROWS; m < last; m++) {
    const bits = columns + <usize>m * rowBytes, out = signs + (<usize>m * <usize>inputs << 2);
    let k = 0;
    for (; k + 4 <= inputs; k += 4) {
      const four = i32x4.splat(<i32>load<u8>(bits + <usize>(k >> 3)) >> (k & 4));
      v128.store(out + (<usize>k << 2), v128.bitselect(plus, minus, i32x4.eq(v128.and(four, select), select)));
    }
    for (; k < inputs; k++) store<f32>(out + (<usize>k << 2), (<i32>load<u8>(bits + <usize>(k >> 3)) >> (k & 7)) & 1 ? 1 : -1);
  }
}

/** A chunk is 1,024 words; counts its set bits into partials[chunk] (float64). */
export function countPositive(begin: i32, end: i32, scratch: usize, columns: usize, words: i32, partials: usize): void {
  for (let chunk = begin; chunk < end; chunk++) {
    let count = 0;
    const last = min(words, (chunk + 1) * COUNTED_WORDS);
    for (let word = chunk * COUNTED_WORDS; word < last; word++) count += popcnt<i32>(load<i32>(columns + (<usize>word << 2)));
    store<f64>(partials + (<usize>chunk << 3), <f64>count);
  }
}
