// What the gradient of signs that stand as floats is to the map that they were taken of: through the estimator, and laid back window by
// window.
import { estimate } from "./estimator";
import * as window_ from "../window";

/**
 * A chunk is one image: windows may overlap, and their sums keep one order. x, dx: maps; thresholds' gradients by image: float32 partials
 * [images, channels].
 */
export function signGradient(
  begin: i32, end: i32, scratch: usize, dSigns: usize, window: usize, x: usize, threshold: usize, kind: i32, dx: usize, partials: usize,
): void {
  const channels = window_.channels(window), kernel = window_.kernel(window), step = window_.step(window);
  const gridRows = window_.gridRows(window), gridColumns = window_.gridColumns(window);
  let from = dSigns + (<usize>begin * <usize>(gridRows * gridColumns * kernel * kernel * channels) << 2);
  for (let image = begin; image < end; image++) {
    const dThreshold = partials + (<usize>(image * channels) << 2);
    memory.fill(dThreshold, 0, <usize>channels << 2);
    for (let i = 0; i < gridRows; i++) {
      for (let j = 0; j < gridColumns; j++) {
        for (let a = 0; a < kernel; a++) {
          for (let b = 0; b < kernel; b++, from += <usize>channels << 2) {
            const pixel = window_.pixelIndex(window, image, window_.rowOrigin(window, i) + a * step,
                window_.columnOrigin(window, j) + b * step);
            if (pixel >= 0) passPixel(from, <usize>(pixel * channels) << 2, channels, x, threshold, kind, dx, dThreshold);
          }
        }
      }
    }
  }
}

/** The channels of one pixel under one tap; `at` is its offset in the maps. */
@inline
function passPixel(from: usize, at: usize, channels: i32, x: usize, threshold: usize, kind: i32, dx: usize, dThreshold: usize): void {
  let c = 0;
  for (; c + 4 <= channels; c += 4) {
    const o = <usize>c << 2, t = dThreshold + o, d = dx + at + o;
    const g = f32x4.mul(estimate(kind, f32x4.sub(v128.load(x + at + o), v128.load(threshold + o))), v128.load(from + o));
    v128.store(d, f32x4.add(v128.load(d), g));
    v128.store(t, f32x4.sub(v128.load(t), g));
  }
  for (; c < channels; c++) {
    const o = <usize>c << 2, t = dThreshold + o, d = dx + at + o;
    const g = f32x4.extract_lane(estimate(kind, f32x4.splat(load<f32>(x + at + o) - load<f32>(threshold + o))), 0) * load<f32>(from + o);
    store<f32>(d, load<f32>(d) + g);
    store<f32>(t, load<f32>(t) - g);
  }
}
