// Averages of tiles and the largest value under a window.
import * as window_ from "./window";

/** A chunk is one image. x: [images, height, width, channels]; out: [images, height / size, width / size, channels]. */
export function averagePool(
  begin: i32, end: i32, scratch: usize, x: usize, height: i32, width: i32, channels: i32, size: i32, out: usize,
): void {
  const rows = height / size, columns = width / size;
  const share: f32 = 1 / <f32>(size * size);
  for (let image = begin; image < end; image++) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const from = x + (<usize>(((image * height + i * size) * width + j * size) * channels) << 2);
        const to = out + (<usize>(((image * rows + i) * columns + j) * channels) << 2);
        let c = 0;
        for (; c + 4 <= channels; c += 4) {
          let sum = f32x4.splat(0);
          for (let a = 0; a < size; a++) {
            for (let b = 0; b < size; b++) sum = f32x4.add(sum, v128.load(from + (<usize>((a * width + b) * channels + c) << 2)));
          }
          v128.store(to + (<usize>c << 2), f32x4.mul(sum, f32x4.splat(share)));
        }
        for (; c < channels; c++) {
          let sum: f32 = 0;
          for (let a = 0; a < size; a++) {
            for (let b = 0; b < size; b++) sum += load<f32>(from + (<usize>((a * width + b) * channels + c) << 2));
          }
          store<f32>(to + (<usize>c << 2), sum * share);
        }
      }
    }
  }
}

/** A chunk is one image. */
export function averagePoolGradient(
  begin: i32, end: i32, scratch: usize, dOut: usize, height: i32, width: i32, channels: i32, size: i32, dx: usize, accumulate: i32,
): void {
  const rows = height / size, columns = width / size;
  const share: f32 = 1 / <f32>(size * size);
  const bytes = <usize>(height * width * channels) << 2;
  for (let image = begin; image < end; image++) {
    if (!accumulate) memory.fill(dx + <usize>image * bytes, 0, bytes);
    for (let i = 0; i < rows * size; i++) {
      for (let j = 0; j < columns * size; j++) {
        const to = dx + (<usize>(((image * height + i) * width + j) * channels) << 2);
        const from = dOut + (<usize>(((image * rows + i / size) * columns + j / size) * channels) << 2);
        let c = 0;
        for (; c + 4 <= channels; c += 4) {
          const at = <usize>c << 2;
          v128.store(to + at, f32x4.add(v128.load(to + at), f32x4.mul(v128.load(from + at), f32x4.splat(share))));
        }
        for (; c < channels; c++) {
          const at = <usize>c << 2;
          store<f32>(to + at, load<f32>(to + at) + load<f32>(from + at) * share);
        }
      }
    }
  }
}

/** A chunk is one grid row of one image. x: map; out: float32 [M, channels]. */
export function maxPool(begin: i32, end: i32, scratch: usize, x: usize, window: usize, out: usize): void {
  const channels = window_.channels(window), kernel = window_.kernel(window), step = window_.step(window);
  const gridRows = window_.gridRows(window), gridColumns = window_.gridColumns(window);
  const bytes = <usize>channels << 2, vectors = bytes & ~15;
  for (let chunk = begin; chunk < end; chunk++) {
    const image = chunk / gridRows, row = window_.rowOrigin(window, chunk % gridRows);
    let to = out + <usize>(chunk * gridColumns) * bytes;
    for (let j = 0; j < gridColumns; j++, to += bytes) {
      const column = window_.columnOrigin(window, j);
      let empty = true;
      for (let a = 0; a < kernel; a++) {
        for (let b = 0; b < kernel; b++) {
          const pixel = window_.pixelIndex(window, image, row + a * step, column + b * step);
          if (pixel < 0) continue;
          const from = x + <usize>pixel * bytes;
          if (empty) {
            memory.copy(to, from, bytes);
            empty = false;
            continue;
          }
          let at: usize = 0;
          for (; at < vectors; at += 16) v128.store(to + at, f32x4.pmax(v128.load(to + at), v128.load(from + at)));
          for (; at < bytes; at += 4) {
            const v = load<f32>(from + at);
            if (v > load<f32>(to + at)) store<f32>(to + at, v);
          }
        }
      }
      if (empty) memory.fill(to, 0, bytes);
    }
  }
}

/** A chunk is one image: windows may overlap, and their sums keep one order. */
export function maxPoolGradient(begin: i32, end: i32, scratch: usize, dOut: usize, x: usize, window: usize, dx: usize): void {
  const channels = window_.channels(window), kernel = window_.kernel(window), step = window_.step(window);
  const gridRows = window_.gridRows(window), gridColumns = window_.gridColumns(window);
  const bytes = <usize>channels << 2, image_ = <usize>(window_.height(window) * window_.width(window)) * bytes;
  for (let image = begin; image < end; image++) {
    memory.fill(dx + <usize>image * image_, 0, image_);
    let from = dOut + <usize>(image * gridRows * gridColumns) * bytes;
    for (let i = 0; i < gridRows; i++) {
      for (let j = 0; j < gridColumns; j++, from += bytes) {
        const row = window_.rowOrigin(window, i), column = window_.columnOrigin(window, j);
        let c = 0;
        for (; c + 4 <= channels; c += 4) {
          let best = f32x4.splat(0), at = i32x4.splat(-1);
          for (let a = 0; a < kernel; a++) {
            for (let b = 0; b < kernel; b++) {
              const pixel = window_.pixelIndex(window, image, row + a * step, column + b * step);
              if (pixel < 0) continue;
              const element = pixel * channels + c, v = v128.load(x + (<usize>element << 2));
              const larger = v128.or(f32x4.gt(v, best), i32x4.lt_s(at, i32x4.splat(0)));
              best = v128.bitselect(v, best, larger);
              at = v128.bitselect(i32x4.splat(element), at, larger);
            }
          }
          const first = i32x4.extract_lane(at, 0);
          // All lanes have met the same pixels: where one has none, none has.
          if (first < 0) continue;
          const gradient = from + (<usize>c << 2);
          gain(dx, first, load<f32>(gradient));
          gain(dx, i32x4.extract_lane(at, 1) + 1, load<f32>(gradient, 4));
          gain(dx, i32x4.extract_lane(at, 2) + 2, load<f32>(gradient, 8));
          gain(dx, i32x4.extract_lane(at, 3) + 3, load<f32>(gradient, 12));
        }
        for (; c < channels; c++) {
          let best: f32 = 0, at = -1;
          for (let a = 0; a < kernel; a++) {
            for (let b = 0; b < kernel; b++) {
              const pixel = window_.pixelIndex(window, image, row + a * step, column + b * step);
              if (pixel < 0) continue;
              const element = pixel * channels + c, v = load<f32>(x + (<usize>element << 2));
              if (at >= 0 && !(v > best)) continue;
              best = v;
              at = element;
            }
          }
          if (at >= 0) gain(dx, at, load<f32>(from + (<usize>c << 2)));
        }
      }
    }
  }
}

@inline
function gain(dx: usize, element: i32, value: f32): void {
  const at = dx + (<usize>element << 2);
  store<f32>(at, load<f32>(at) + value);
}
