// Normalization, shortcut, activation and depth to space in one pass over memory.
import { multiplyAdd, touch } from "../simd";
import { findPixels, firstRow, rowCount, taps, touchMap } from "../line";

/** Four values of y from n on, as floats. */
@inline
export function loadFour<T>(y: usize, element: usize): v128 {
  if (sizeof<T>() == 2) return f32x4.convert_i32x4_s(v128.load16x4_s(y + (element << 1)));
  return v128.load(y + (element << 2));
}

@inline
export function loadOne<T>(y: usize, element: usize): f32 {
  if (sizeof<T>() == 2) return <f32>load<i16>(y + (element << 1));
  return load<f32>(y + (element << 2));
}

// A chunk is `chunkLines` lines. scratch: four bytes a window of a line, and four. shortcut and activation may be 0.
function normalizeActivate<T>(
  begin: i32, end: i32, scratch: usize, y: usize, rows: i32, filters: i32, norm: usize, window: usize, lines: i32, chunkLines: i32,
  shortcut: usize, activation: usize, out: usize,
): void {
  const tapCount = taps(window), channels = filters / tapCount;
  const side = <usize>channels << 2;
  const last = min(lines, end * chunkLines);
  for (let line = begin * chunkLines; line < last; line++) {
    const first = firstRow(window, line), count = rowCount(window, line, rows);
    const sink = scratch + (<usize>count << 2);
    touch(y + <usize>(first * filters) * sizeof<T>(), <usize>(count * filters) * sizeof<T>(), sink);
    for (let tap = 0; tap < tapCount; tap++) {
      findPixels(window, line, tap, count, scratch);
      if (shortcut) touchMap(shortcut, window, line, tap, count, channels, sink);
      touchMap(out, window, line, tap, count, channels, sink);
      const base = norm + (<usize>(tap * channels) << 2);
      let c = 0;
      for (; c + 4 <= channels; c += 4) {
        const at = <usize>c << 2;
        const scale = v128.load(base + at);
        let bias = v128.load(base + (<usize>filters << 2) + at);
        let left = f32x4.splat(1), right = left, to = f32x4.splat(0);
        if (activation) {
          bias = f32x4.sub(bias, v128.load(activation + at));
          left = v128.load(activation + side + at);
          right = v128.load(activation + 2 * side + at);
          to = v128.load(activation + 3 * side + at);
        }
        let element = <usize>(first * filters + tap * channels + c);
        for (let j = 0; j < count; j++, element += filters) {
          const pixel = load<i32>(scratch + (<usize>j << 2));
          if (pixel < 0) continue;
          const place = (<usize>(pixel * channels + c)) << 2;
          let u = multiplyAdd(scale, loadFour<T>(y, element), bias);
          if (shortcut) u = f32x4.add(u, v128.load(shortcut + place));
          const slope = v128.bitselect(right, left, f32x4.gt(u, f32x4.splat(0)));
          v128.store(out + place, multiplyAdd(slope, u, to));
        }
      }
      for (; c < channels; c++) {
        const at = <usize>c << 2;
        const scale = load<f32>(base + at);
        let bias = load<f32>(base + (<usize>filters << 2) + at);
        let left: f32 = 1, right: f32 = 1, to: f32 = 0;
        if (activation) {
          bias -= load<f32>(activation + at);
          left = load<f32>(activation + side + at);
          right = load<f32>(activation + 2 * side + at);
          to = load<f32>(activation + 3 * side + at);
        }
        let element = <usize>(first * filters + tap * channels + c);
        for (let j = 0; j < count; j++, element += filters) {
          const pixel = load<i32>(scratch + (<usize>j << 2));
          if (pixel < 0) continue;
          const place = (<usize>(pixel * channels + c)) << 2;
          let u = scale * loadOne<T>(y, element) + bias;
          if (shortcut) u += load<f32>(shortcut + place);
          store<f32>(out + place, (u > 0 ? right : left) * u + to);
        }
      }
    }
  }
}

export function normalizeActivateInteger(
  begin: i32, end: i32, scratch: usize, y: usize, rows: i32, filters: i32, norm: usize, window: usize, lines: i32, chunkLines: i32,
  shortcut: usize, activation: usize, out: usize,
): void {
  normalizeActivate<i16>(begin, end, scratch, y, rows, filters, norm, window, lines, chunkLines, shortcut, activation, out);
}

export function normalizeActivateReal(
  begin: i32, end: i32, scratch: usize, y: usize, rows: i32, filters: i32, norm: usize, window: usize, lines: i32, chunkLines: i32,
  shortcut: usize, activation: usize, out: usize,
): void {
  normalizeActivate<f32>(begin, end, scratch, y, rows, filters, norm, window, lines, chunkLines, shortcut, activation, out);
}
