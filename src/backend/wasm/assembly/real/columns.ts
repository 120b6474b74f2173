// Windows of a real-valued map as the rows of a matrix (im2col), and back.
import * as window_ from "../window";

/** A call of memory.copy costs more than the few channels of an image. The last vector may overlap the one before. */
@inline
function copyFloats(to: usize, from: usize, bytes: usize): void {
  if (bytes < 16) {
    for (let at: usize = 0; at < bytes; at += 4) store<f32>(to + at, load<f32>(from + at));
    return;
  }
  const last = bytes - 16;
  for (let at: usize = 0; at < last; at += 16) v128.store(to + at, v128.load(from + at));
  v128.store(to + last, v128.load(from + last));
}

/**
 * A chunk is one grid row of one image. columns: float32 [M, K]. Tap row by tap row: what lies outside above or below is known for a whole
 * row of windows.
 */
export function gatherColumns(begin: i32, end: i32, scratch: usize, x: usize, window: usize, columns: usize): void {
  const channels = window_.channels(window), kernel = window_.kernel(window), step = window_.step(window), width = window_.width(window);
  const gridRows = window_.gridRows(window), gridColumns = window_.gridColumns(window);
  const bytes = <usize>channels << 2, run = <usize>kernel * bytes;
  for (let chunk = begin; chunk < end; chunk++) {
    const image = chunk / gridRows, row = window_.rowOrigin(window, chunk % gridRows);
    for (let a = 0; a < kernel; a++) {
      const first = window_.pixelIndex(window, image, row + a * step, 0);
      const line = x + <usize>first * bytes;
      let out = columns + <usize>(chunk * gridColumns * kernel + a) * run;
      for (let j = 0; j < gridColumns; j++, out += <usize>kernel * run) {
        const column = window_.columnOrigin(window, j);
        if (first < 0) memory.fill(out, 0, run);
        // Neighbouring taps of one row of pixels lie side by side.
        else if (step == 1 && column >= 0 && column + kernel <= width) copyFloats(out, line + <usize>column * bytes, run);
        else {
          for (let b = 0; b < kernel; b++) {
            const pixel = column + b * step, to = out + <usize>b * bytes;
            if (<u32>pixel < <u32>width) copyFloats(to, line + <usize>pixel * bytes, bytes);
            else memory.fill(to, 0, bytes);
          }
        }
      }
    }
  }
}

/** A chunk is one image: windows may overlap, and their sums keep one order. */
export function scatterColumns(begin: i32, end: i32, scratch: usize, columns: usize, window: usize, dx: usize): void {
  const channels = window_.channels(window), kernel = window_.kernel(window), step = window_.step(window);
  const gridRows = window_.gridRows(window), gridColumns = window_.gridColumns(window);
  let from = columns + (<usize>(begin * gridRows * gridColumns * kernel * kernel * channels) << 2);
  for (let image = begin; image < end; image++) {
    for (let i = 0; i < gridRows; i++) {
      for (let j = 0; j < gridColumns; j++) {
        for (let a = 0; a < kernel; a++) {
          for (let b = 0; b < kernel; b++, from += <usize>channels << 2) {
            const pixel = window_.pixelIndex(window, image, window_.rowOrigin(window, i) + a * step,
                window_.columnOrigin(window, j) + b * step);
            if (pixel < 0) continue;
            const to = dx + (<usize>(pixel * channels) << 2);
            let c = 0;
            for (; c + 4 <= channels; c += 4) {
              const at = <usize>c << 2;
              v128.store(to + at, f32x4.add(v128.load(to + at), v128.load(from + at)));
            }
            for (; c < channels; c++) {
              const at = <usize>c << 2;
              store<f32>(to + at, load<f32>(to + at) + load<f32>(from + at));
            }
          }
        }
      }
    }
  }
}
