// The two gradient products of a binary convolution. One operand is +-1, so nothing is multiplied: for every four rows of the float operand
// the sixteen signed sums are computed once, into a table, and each output then adds the entry that its four sign bits select. That is one
// addition where a product takes four multiply-adds (the "four Russians" method, carried over to floats).
//
// A group is four reduced values; a table is 16 entries of 16 lanes (1 KB); sixteen tables (16 KB) stay in the first-level cache.
import { TRANSPOSED_ROWS } from "../constants";
import { storeTransposed, touch } from "../simd";
import * as window_ from "../window";

const LANES: i32 = 16;
const GROUPS: i32 = 16;
const ENTRY: i32 = 64; // bytes: 16 lanes of float32
const TABLE: i32 = 1024;

/** One column of four lanes of a table: entry e = sum over i of (bit i of e ? +r_i : -r_i). */
@inline
function fillTable(table: usize, r0: v128, r1: v128, r2: v128, r3: v128): void {
  const sum01 = f32x4.add(r0, r1), difference01 = f32x4.sub(r0, r1);
  const sum23 = f32x4.add(r2, r3), difference23 = f32x4.sub(r2, r3);
  const e15 = f32x4.add(sum23, sum01), e12 = f32x4.sub(sum23, sum01), e13 = f32x4.add(sum23, difference01),
      e14 = f32x4.sub(sum23, difference01);
  const e11 = f32x4.sub(sum01, difference23), e8 = f32x4.neg(f32x4.add(sum01, difference23)), e9 = f32x4.sub(difference01, difference23),
      e10 = f32x4.neg(f32x4.add(difference01, difference23));
  v128.store(table, f32x4.neg(e15), 0);
  v128.store(table, f32x4.neg(e14), 64);
  v128.store(table, f32x4.neg(e13), 128);
  v128.store(table, f32x4.neg(e12), 192);
  v128.store(table, f32x4.neg(e11), 256);
  v128.store(table, f32x4.neg(e10), 320);
  v128.store(table, f32x4.neg(e9), 384);
  v128.store(table, f32x4.neg(e8), 448);
  v128.store(table, e8, 512);
  v128.store(table, e9, 576);
  v128.store(table, e10, 640);
  v128.store(table, e11, 704);
  v128.store(table, e12, 768);
  v128.store(table, e13, 832);
  v128.store(table, e14, 896);
  v128.store(table, e15, 960);
}

/**
 * out[k] += sum over g of table[g][index[k][g]], sixteen lanes each, for `count` outputs k and `groups` groups.
 * index: uint16, 64 * (sign bits), `indexBytes` from one k to the next.
 */
function addFromTables(out: usize, tables: usize, index: usize, indexBytes: usize, count: i32, groups: i32): void {
  const tableEnd = tables + <usize>(groups & ~1) * TABLE;
  for (let k = 0; k < count; k++) {
    let a0 = v128.load(out), a1 = v128.load(out, 16), a2 = v128.load(out, 32), a3 = v128.load(out, 48);
    let at = index;
    let table = tables;
    for (; table < tableEnd; table += 2 * TABLE, at += 4) {
      let p = table + <usize>load<u16>(at);
      a0 = f32x4.add(a0, v128.load(p));
      a1 = f32x4.add(a1, v128.load(p, 16));
      a2 = f32x4.add(a2, v128.load(p, 32));
      a3 = f32x4.add(a3, v128.load(p, 48));
      p = table + <usize>load<u16>(at, 2);
      a0 = f32x4.add(a0, v128.load(p, 1024));
      a1 = f32x4.add(a1, v128.load(p, 1040));
      a2 = f32x4.add(a2, v128.load(p, 1056));
      a3 = f32x4.add(a3, v128.load(p, 1072));
    }
    if (groups & 1) {
      const p = table + <usize>load<u16>(at);
      a0 = f32x4.add(a0, v128.load(p));
      a1 = f32x4.add(a1, v128.load(p, 16));
      a2 = f32x4.add(a2, v128.load(p, 32));
      a3 = f32x4.add(a3, v128.load(p, 48));
    }
    v128.store(out, a0);
    v128.store(out, a1, 16);
    v128.store(out, a2, 32);
    v128.store(out, a3, 48);
    out += ENTRY;
    index += indexBytes;
  }
}

/**
 * Signs by group of four rows: a chunk is a tile of 64 rows of `columns`; index: uint16 [tiles, inputs rounded up to 16, 16], 64 * (the
 * sign bits of four consecutive rows at one input). Rows beyond the last count as -1; their gradients are taken as 0.
 */
export function transposeSigns(begin: i32, end: i32, scratch: usize, columns: usize, rows: i32, inputs: i32, index: usize): void {
  const rowBytes = <usize>((inputs + 31) >> 5) << 2;
  const padded = (inputs + 15) & ~15;
  const select = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
  for (let tile = begin; tile < end; tile++) {
    const out = index + <usize>tile * (<usize>padded << 5);
    for (let g = 0; g < GROUPS; g++) {
      const m = tile * TRANSPOSED_ROWS + (g << 2);
      const source = columns + <usize>m * rowBytes;
      for (let k = 0; k < padded; k += 16) {
        let bits = i8x16.splat(0);
        for (let r = 0; r < 4; r++) {
          if (m + r >= rows) break;
          const halves = load<u16>(source + <usize>r * rowBytes + <usize>(k >> 3));
          const bytes = v128.bitselect(i8x16.splat(<i8>(halves & 255)), i8x16.splat(<i8>(halves >> 8)), i64x2(-1, 0));
          bits = v128.or(bits, v128.and(i8x16.eq(v128.and(bytes, select), select), i8x16.splat(<i8>1 << <i8>r)));
        }
        v128.store(scratch, bits);
        for (let j = 0; j < 16; j++) store<u16>(out + (<usize>(k + j) << 5) + (<usize>g << 1), <u16>load<u8>(scratch + <usize>j) << 6);
      }
    }
  }
}

/**
 * A chunk is `chunkFilters` filters (a multiple of 16) times `chunkInputs` inputs: chunk = filterBlock * inputBlocks + inputBlock. scratch:
 * 16 KB of tables and 64 bytes an input. dy: float32 [rows, filters]; index: of transposeSigns; latent, gradient: float32 [inputs,
 * filters].
 */
export function binaryWeightGradient(
  begin: i32, end: i32, scratch: usize, dy: usize, index: usize, rows: i32, inputs: i32, filters: i32, chunkInputs: i32, chunkFilters: i32,
  latent: usize, gradient: usize,
): void {
  const padded = (inputs + 15) & ~15, inputBlocks = (inputs + chunkInputs - 1) / chunkInputs;
  const tables = scratch, sums = scratch + GROUPS * TABLE;
  const rowBytes = <usize>filters << 2;
  const zero = f32x4.splat(0);
  for (let chunk = begin; chunk < end; chunk++) {
    const firstFilter = (chunk / inputBlocks) * chunkFilters, firstInput = (chunk % inputBlocks) * chunkInputs;
    const count = min(chunkInputs, inputs - firstInput), lastFilter = min(filters, firstFilter + chunkFilters);
    for (let n = firstFilter; n < lastFilter; n += LANES) {
      memory.fill(sums, 0, <usize>count * ENTRY);
      for (let m = 0; m < rows; m += 64) {
        const groups = min(GROUPS, (rows - m + 3) >> 2);
        touchRows(dy + <usize>m * rowBytes + (<usize>n << 2), min(64, rows - m), rowBytes, sums + <usize>count * ENTRY);
        for (let g = 0; g < groups; g++) {
          const table = tables + <usize>g * TABLE;
          const left = rows - m - (g << 2);
          // Lanes beyond the last filter read the next row (or the slack behind the matrix): they are computed and never stored.
          const p = dy + <usize>(m + (g << 2)) * rowBytes + (<usize>n << 2);
          for (let lane = <usize>0; lane < 64; lane += 16) {
            const at = p + lane;
            fillTable(
              table + lane,
              v128.load(at),
              left > 1 ? v128.load(at + rowBytes) : zero,
              left > 2 ? v128.load(at + 2 * rowBytes) : zero,
              left > 3 ? v128.load(at + 3 * rowBytes) : zero,
            );
          }
        }
        addFromTables(sums, tables, index + <usize>(m >> 6) * (<usize>padded << 5) + (<usize>firstInput << 5), 32, count, groups);
      }
      const lanes = min(LANES, filters - n);
      for (let k = 0; k < count; k++) {
        const at = <usize>((firstInput + k) * filters + n) << 2;
        let lane = 0;
        for (; lane + 4 <= lanes; lane += 4) {
          const o = at + (<usize>lane << 2);
          const within = f32x4.le(f32x4.abs(v128.load(latent + o)), f32x4.splat(1));
          const sum = v128.and(within, v128.load(sums + <usize>k * ENTRY + (<usize>lane << 2)));
          v128.store(gradient + o, f32x4.add(v128.load(gradient + o), sum));
        }
        for (; lane < lanes; lane++) {
          const o = at + (<usize>lane << 2);
          if (abs(load<f32>(latent + o)) <= 1)
            store<f32>(gradient + o, load<f32>(gradient + o) + load<f32>(sums + <usize>k * ENTRY + (<usize>lane << 2)));
        }
      }
    }
  }
}

/** Touches one cache line of each of `count` rows. */
function touchRows(from: usize, count: i32, rowBytes: usize, sink: usize): void {
  let all: i32 = 0;
  for (let r = 0; r < count; r++, from += rowBytes) all |= load<i32>(from);
  store<i32>(sink, all);
}

/** Derivative of the straight-through estimator: clip (kind 0) or polynomial (kind 1). */
@inline
export function estimate(kind: i32, x: v128): v128 {
  const size = f32x4.abs(x);
  if (kind == 0) return v128.and(f32x4.splat(1), f32x4.le(size, f32x4.splat(1)));
  return f32x4.max(f32x4.splat(0), f32x4.sub(f32x4.splat(2), f32x4.add(size, size)));
}

/**
 * A chunk is one image. scratch: dy transposed (64 bytes a filter, rounded up to 64 filters), 16 KB of tables, the gradient of the columns
 * (64 bytes an input), and 80 bytes. dy: float32 [rows, filters]; index: the gradient form of the weights; x, dx: maps; thresholds'
 * gradients by image: float32 partials [images, channels].
 */
export function binaryInputGradient(
  begin: i32, end: i32, scratch: usize, dy: usize, index: usize, window: usize, inputs: i32, filters: i32, x: usize, threshold: usize,
  kind: i32, dx: usize, partials: usize,
): void {
  const channels = window_.channels(window), kernel = window_.kernel(window), step = window_.step(window);
  const gridColumns = window_.gridColumns(window), perImage = window_.gridRows(window) * gridColumns;
  const groups = (filters + 3) >> 2, paddedFilters = (filters + 63) & ~63;
  const transposed = scratch, tables = transposed + <usize>paddedFilters * ENTRY, sums = tables + GROUPS * TABLE;
  for (let image = begin; image < end; image++) {
    const dThreshold = partials + (<usize>(image * channels) << 2);
    memory.fill(dThreshold, 0, <usize>channels << 2);
    for (let first = 0; first < perImage; first += LANES) {
      const count = min(LANES, perImage - first);
      touch(dy + (<usize>(image * perImage + first) * filters << 2), <usize>(count * filters) << 2, tables);
      transposeRows(dy + (<usize>(image * perImage + first) * filters << 2), count, filters, paddedFilters, transposed);
      memory.fill(sums, 0, <usize>inputs * ENTRY);
      for (let g = 0; g < groups; g += GROUPS) {
        const some = min(GROUPS, groups - g);
        for (let t = 0; t < some; t++) {
          const p = transposed + (<usize>(g + t) << 8), table = tables + <usize>t * TABLE;
          for (let lane = <usize>0; lane < 64; lane += 16) {
            fillTable(table + lane, v128.load(p + lane), v128.load(p + lane, 64), v128.load(p + lane, 128), v128.load(p + lane, 192));
          }
        }
        addFromTables(sums, tables, index + (<usize>g << 1), <usize>groups << 1, inputs, some);
      }
      let tap = 0;
      for (let a = 0; a < kernel; a++) {
        touchMapRows(window, image, first, count, a * step, gridColumns, x, dx, sums + <usize>inputs * ENTRY);
        for (let b = 0; b < kernel; b++, tap++) {
          scatterTile(window, image, first, count, a * step, b * step, sums + <usize>(tap * channels) * ENTRY, channels, gridColumns, x,
              threshold, kind, dx, dThreshold, sums + <usize>inputs * ENTRY);
        }
      }
    }
  }
}

/** out[n][lane] = dy[lane][n], 16 lanes; 0 for lanes from `count` and filters from `filters` on. */
function transposeRows(dy: usize, count: i32, filters: i32, padded: i32, out: usize): void {
  if (count < LANES || (filters & 3) != 0) {
    memory.fill(out, 0, <usize>padded * ENTRY);
    for (let m = 0; m < count; m++) {
      for (let n = 0; n < filters; n++)
        store<f32>(out + <usize>n * ENTRY + (<usize>m << 2), load<f32>(dy + (<usize>(m * filters + n) << 2)));
    }
    return;
  }
  const rowBytes = <usize>filters << 2;
  for (let m = <usize>0; m < 16; m += 4) {
    for (let n = 0; n < filters; n += 4) {
      const p = dy + m * rowBytes + (<usize>n << 2), o = out + <usize>n * ENTRY + (m << 2);
      storeTransposed(v128.load(p), v128.load(p + rowBytes), v128.load(p + 2 * rowBytes), v128.load(p + 3 * rowBytes), o, o + 64, o + 128,
          o + 192);
    }
  }
}

/** Touches the map rows that a tile of windows lies on, at one row of taps. */
function touchMapRows(
  window: usize, image: i32, first: i32, count: i32, rowOffset: i32, gridColumns: i32, x: usize, dx: usize, sink: usize,
): void {
  const rowBytes = <usize>(window_.width(window) * window_.channels(window)) << 2;
  for (let i = first / gridColumns; i <= (first + count - 1) / gridColumns; i++) {
    const row = window_.pixelIndex(window, image, window_.rowOrigin(window, i) + rowOffset, 0);
    if (row < 0) continue;
    const at = <usize>(row * window_.channels(window)) << 2;
    touch(x + at, rowBytes, sink);
    touch(dx + at, rowBytes, sink);
  }
}

/**
 * Lays one tap of a tile of sixteen windows back on the map. sums: [channels][16 lanes]; buffer: 80 bytes, four pixel offsets and four
 * transposed vectors.
 */
function scatterTile(
  window: usize, image: i32, first: i32, count: i32, rowOffset: i32, columnOffset: i32, sums: usize, channels: i32, gridColumns: i32,
  x: usize, threshold: usize, kind: i32, dx: usize, dThreshold: usize, buffer: usize,
): void {
  let i = first / gridColumns, j = first % gridColumns;
  for (let m = 0; m < count; m += 4) {
    const some = min(4, count - m);
    // Where the four windows' pixels are, as byte offsets of their first channels.
    for (let r = 0; r < some; r++) {
      const pixel = window_.pixelIndex(window, image, window_.rowOrigin(window, i) + rowOffset,
          window_.columnOrigin(window, j) + columnOffset);
      store<i32>(buffer + (<usize>r << 2), pixel < 0 ? -1 : pixel * channels);
      if (++j == gridColumns) {
        j = 0;
        i++;
      }
    }
    let c = 0;
    for (; c + 4 <= channels; c += 4) {
      const p = sums + <usize>c * ENTRY + (<usize>m << 2);
      storeTransposed(v128.load(p), v128.load(p, 64), v128.load(p, 128), v128.load(p, 192), buffer + 16, buffer + 32, buffer + 48,
          buffer + 64);
      const limit = v128.load(threshold + (<usize>c << 2));
      let total = f32x4.splat(0);
      for (let r = 0; r < some; r++) {
        const pixel = load<i32>(buffer + (<usize>r << 2));
        if (pixel < 0) continue;
        const at = <usize>(pixel + c) << 2;
        const g = f32x4.mul(estimate(kind, f32x4.sub(v128.load(x + at), limit)), v128.load(buffer + 16 + (<usize>r << 4)));
        total = f32x4.add(total, g);
        v128.store(dx + at, f32x4.add(v128.load(dx + at), g));
      }
      const t = dThreshold + (<usize>c << 2);
      v128.store(t, f32x4.sub(v128.load(t), total));
    }
    for (; c < channels; c++) {
      const limit = load<f32>(threshold + (<usize>c << 2));
      for (let r = 0; r < some; r++) {
        const pixel = load<i32>(buffer + (<usize>r << 2));
        if (pixel < 0) continue;
        const at = <usize>(pixel + c) << 2;
        const g = f32x4.extract_lane(estimate(kind, f32x4.splat(load<f32>(x + at) - limit)), 0)
            * load<f32>(sums + <usize>c * ENTRY + (<usize>(m + r) << 2));
        store<f32>(dx + at, load<f32>(dx + at) + g);
        const t = dThreshold + (<usize>c << 2);
        store<f32>(t, load<f32>(t) - g);
      }
    }
  }
}
