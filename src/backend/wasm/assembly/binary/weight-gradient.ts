// The gradient of a binary convolution's weights, by tables of signed sums (tables.ts).
import { TRANSPOSED_ROWS } from "../constants";
import { addFromTables, ENTRY, fillTable, GROUPS, LANES, TABLE } from "./tables";

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
