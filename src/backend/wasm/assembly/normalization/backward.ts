// The two backward passes of normalization and activation: first the gradient of the normalized sum and every reduction, then, when the
// sums over the batch are known, the gradient of the product's result.
import { addToDoubles, multiplyAdd, touch } from "../simd";
import { findPixels, firstRow, rowCount, taps, touchMap } from "../line";
import { loadFour, loadOne } from "./forward";

// A chunk is `chunkLines` lines; its sums go to partials[chunk], float64 [5, filters]. scratch: four bytes a window of a line, and four.
function activateBackward<T>(
  begin: i32, end: i32, scratch: usize, gradient: usize, y: usize, rows: i32, filters: i32, norm: usize, window: usize, lines: i32,
  chunkLines: i32, shortcut: usize, activation: usize, partials: usize,
): void {
  const tapCount = taps(window), channels = filters / tapCount;
  const side = <usize>channels << 2, row = <usize>filters << 2, zero = f32x4.splat(0);
  for (let chunk = begin; chunk < end; chunk++) {
    const sums = partials + <usize>chunk * 10 * row;
    memory.fill(sums, 0, 10 * row);
    const last = min(lines, (chunk + 1) * chunkLines);
    for (let line = chunk * chunkLines; line < last; line++) {
      const first = firstRow(window, line), count = rowCount(window, line, rows);
      const sink = scratch + (<usize>count << 2);
      touch(y + <usize>(first * filters) * sizeof<T>(), <usize>(count * filters) * sizeof<T>(), sink);
      for (let tap = 0; tap < tapCount; tap++) {
        findPixels(window, line, tap, count, scratch);
        if (shortcut) touchMap(shortcut, window, line, tap, count, channels, sink);
        touchMap(gradient, window, line, tap, count, channels, sink);
        const base = norm + (<usize>(tap * channels) << 2);
        const target = sums + (<usize>(tap * channels) << 3);
        let c = 0;
        for (; c + 4 <= channels; c += 4) {
          const at = <usize>c << 2;
          const scale = v128.load(base + at), mean = v128.load(base + 2 * row + at), inverse = v128.load(base + 3 * row + at);
          let bias = v128.load(base + row + at);
          let left = f32x4.splat(1), right = left;
          if (activation) {
            bias = f32x4.sub(bias, v128.load(activation + at));
            left = v128.load(activation + side + at);
            right = v128.load(activation + 2 * side + at);
          }
          let sumDu = zero, sumHat = zero, sumLeft = zero, sumRight = zero, sumOut = zero;
          let element = <usize>(first * filters + tap * channels + c);
          for (let j = 0; j < count; j++, element += filters) {
            const pixel = load<i32>(scratch + (<usize>j << 2));
            if (pixel < 0) continue;
            const place = (<usize>(pixel * channels + c)) << 2;
            const v = loadFour<T>(y, element);
            let u = multiplyAdd(scale, v, bias);
            if (shortcut) u = f32x4.add(u, v128.load(shortcut + place));
            const g = v128.load(gradient + place);
            const onRight = f32x4.gt(u, zero);
            const du = f32x4.mul(g, v128.bitselect(right, left, onRight));
            v128.store(gradient + place, du);
            sumDu = f32x4.add(sumDu, du);
            sumHat = multiplyAdd(du, f32x4.mul(f32x4.sub(v, mean), inverse), sumHat);
            const gu = f32x4.mul(g, u);
            sumRight = f32x4.add(sumRight, v128.and(gu, onRight));
            sumLeft = f32x4.add(sumLeft, v128.andnot(gu, onRight));
            sumOut = f32x4.add(sumOut, g);
          }
          const t = target + (<usize>c << 3);
          addToDoubles(t, sumDu);
          addToDoubles(t + 2 * row, sumHat);
          addToDoubles(t + 4 * row, sumLeft);
          addToDoubles(t + 6 * row, sumRight);
          addToDoubles(t + 8 * row, sumOut);
        }
        for (; c < channels; c++) {
          const at = <usize>c << 2;
          const scale = load<f32>(base + at), mean = load<f32>(base + 2 * row + at), inverse = load<f32>(base + 3 * row + at);
          let bias = load<f32>(base + row + at), left: f32 = 1, right: f32 = 1;
          if (activation) {
            bias -= load<f32>(activation + at);
            left = load<f32>(activation + side + at);
            right = load<f32>(activation + 2 * side + at);
          }
          let sumDu: f64 = 0, sumHat: f64 = 0, sumLeft: f64 = 0, sumRight: f64 = 0, sumOut: f64 = 0;
          let element = <usize>(first * filters + tap * channels + c);
          for (let j = 0; j < count; j++, element += filters) {
            const pixel = load<i32>(scratch + (<usize>j << 2));
            if (pixel < 0) continue;
            const place = (<usize>(pixel * channels + c)) << 2;
            const v = loadOne<T>(y, element);
            let u = scale * v + bias;
            if (shortcut) u += load<f32>(shortcut + place);
            const g = load<f32>(gradient + place);
            const du = g * (u > 0 ? right : left);
            store<f32>(gradient + place, du);
            sumDu += du;
            sumHat += du * ((v - mean) * inverse);
            if (u > 0) sumRight += g * u;
            else sumLeft += g * u;
            sumOut += g;
          }
          const t = target + (<usize>c << 3);
          store<f64>(t, load<f64>(t) + sumDu);
          store<f64>(t + 2 * row, load<f64>(t + 2 * row) + sumHat);
          store<f64>(t + 4 * row, load<f64>(t + 4 * row) + sumLeft);
          store<f64>(t + 6 * row, load<f64>(t + 6 * row) + sumRight);
          store<f64>(t + 8 * row, load<f64>(t + 8 * row) + sumOut);
        }
      }
    }
  }
}

export function activateBackwardInteger(
  begin: i32, end: i32, scratch: usize, gradient: usize, y: usize, rows: i32, filters: i32, norm: usize, window: usize, lines: i32,
  chunkLines: i32, shortcut: usize, activation: usize, partials: usize,
): void {
  activateBackward<i16>(begin, end, scratch, gradient, y, rows, filters, norm, window, lines, chunkLines, shortcut, activation, partials);
}

export function activateBackwardReal(
  begin: i32, end: i32, scratch: usize, gradient: usize, y: usize, rows: i32, filters: i32, norm: usize, window: usize, lines: i32,
  chunkLines: i32, shortcut: usize, activation: usize, partials: usize,
): void {
  activateBackward<f32>(begin, end, scratch, gradient, y, rows, filters, norm, window, lines, chunkLines, shortcut, activation, partials);
}

// A chunk is `chunkLines` lines; scratch as above. coefficients: float32 [3, filters]; dy: float32 [rows, filters].
function normalizationGradient<T>(
  begin: i32, end: i32, scratch: usize, du: usize, y: usize, rows: i32, filters: i32, coefficients: usize, window: usize, lines: i32,
  chunkLines: i32, dy: usize,
): void {
  const tapCount = taps(window), channels = filters / tapCount;
  const row = <usize>filters << 2;
  const last = min(lines, end * chunkLines);
  for (let line = begin * chunkLines; line < last; line++) {
    const first = firstRow(window, line), count = rowCount(window, line, rows);
    const sink = scratch + (<usize>count << 2);
    touch(y + <usize>(first * filters) * sizeof<T>(), <usize>(count * filters) * sizeof<T>(), sink);
    for (let tap = 0; tap < tapCount; tap++) {
      findPixels(window, line, tap, count, scratch);
      touchMap(du, window, line, tap, count, channels, sink);
      touch(dy + (<usize>(first * filters) << 2), tap == 0 ? <usize>(count * filters) << 2 : 0, sink);
      const base = coefficients + (<usize>(tap * channels) << 2);
      let c = 0;
      for (; c + 4 <= channels; c += 4) {
        const at = base + (<usize>c << 2);
        const a = v128.load(at), b = v128.load(at + row), constant = v128.load(at + 2 * row);
        let element = <usize>(first * filters + tap * channels + c);
        for (let j = 0; j < count; j++, element += filters) {
          const pixel = load<i32>(scratch + (<usize>j << 2));
          const g = pixel < 0 ? f32x4.splat(0) : v128.load(du + ((<usize>(pixel * channels + c)) << 2));
          v128.store(dy + (element << 2), multiplyAdd(a, g, multiplyAdd(b, loadFour<T>(y, element), constant)));
        }
      }
      for (; c < channels; c++) {
        const at = base + (<usize>c << 2);
        const a = load<f32>(at), b = load<f32>(at + row), constant = load<f32>(at + 2 * row);
        let element = <usize>(first * filters + tap * channels + c);
        for (let j = 0; j < count; j++, element += filters) {
          const pixel = load<i32>(scratch + (<usize>j << 2));
          const g: f32 = pixel < 0 ? 0 : load<f32>(du + ((<usize>(pixel * channels + c)) << 2));
          store<f32>(dy + (element << 2), a * g + (b * loadOne<T>(y, element) + constant));
        }
      }
    }
  }
}

export function normalizationGradientInteger(
  begin: i32, end: i32, scratch: usize, du: usize, y: usize, rows: i32, filters: i32, coefficients: usize, window: usize, lines: i32,
  chunkLines: i32, dy: usize,
): void {
  normalizationGradient<i16>(begin, end, scratch, du, y, rows, filters, coefficients, window, lines, chunkLines, dy);
}

export function normalizationGradientReal(
  begin: i32, end: i32, scratch: usize, du: usize, y: usize, rows: i32, filters: i32, coefficients: usize, window: usize, lines: i32,
  chunkLines: i32, dy: usize,
): void {
  normalizationGradient<f32>(begin, end, scratch, du, y, rows, filters, coefficients, window, lines, chunkLines, dy);
}
