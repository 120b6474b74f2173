// The gradient of a binary convolution's input, by tables of signed sums (tables.ts).
import { storeTransposed, touch } from "../simd";
import { estimate } from "./estimator";
import { addFromTables, ENTRY, fillTable, GROUPS, LANES, TABLE } from "./tables";
import * as window_ from "../window";

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
