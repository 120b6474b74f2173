/** Gradients of pooling, gathered at the pixels, so that nothing is added to in an order of chance. */
import { elementCount } from "../../tensor.js";
import type { InferenceKernel, PoolingKernels } from "../kernels.js";
import { elementwise, flatGroups } from "./elementwise.js";
import type { Runner } from "./recorder.js";
import { WINDOW, WINDOW_NUMBERS, WINDOWS_ABOVE } from "./wgsl/window.js";
import { ownWindow } from "./windows.js";

const AVERAGE_GRADIENT = elementwise(
  "averagePoolGradient",
  { dOut: "read float32", dx: "change float32" },
  `let c = i % u.channels;
  let column = i / u.channels % u.width;
  let line = i / u.channels / u.width;
  let row = line % u.height;
  let rows = u.height / u.size;
  let columns = u.width / u.size;
  var gradient = 0.0;
  if (row / u.size < rows && column / u.size < columns) {
    let tile = ((line / u.height) * rows + row / u.size) * columns + column / u.size;
    gradient = dOut(tile * u.channels + c) / f32(u.size * u.size);
  }
  if (u.accumulate != 0u) { gradient += dx(i); }
  set_dx(i, gradient);`,
  { height: "u32", width: "u32", channels: "u32", size: "u32", accumulate: "u32" },
);

const MAXIMUM_GRADIENT = elementwise(
  "maxPoolGradient",
  { dOut: "read float32", x: "read float32", window: "read int32", dx: "write float32" },
  `let channels = u.w_channels;
  let c = i % channels;
  let pixel = i / channels;
  let width = u.w_width;
  let height = u.w_height;
  let column = i32(pixel % width);
  let row = i32(pixel / width % height);
  let kernel = u.w_kernel;
  var gradient = 0.0;
  for (var tap = 0u; tap < kernel * kernel; tap++) {
    let rows = rows_from(row - i32(tap / kernel * u.w_step));
    let columns = columns_from(column - i32(tap % kernel * u.w_step));
    for (var p = rows.x; p < rows.y; p++) {
      for (var q = columns.x; q < columns.y; q++) {
        let m = window_number(pixel / (width * height), p, q);
        if (is_first_largest(m, tap, c, channels, x(i))) { gradient += dOut(m * channels + c); }
      }
    }
  }
  set_dx(i, gradient);`,
  WINDOW_NUMBERS,
  `${WINDOW}${WINDOWS_ABOVE}
fn is_first_largest(m: u32, tap: u32, c: u32, channels: u32, value: f32) -> bool {
  let origin = window_origin(m);
  let taps = u.w_kernel * u.w_kernel;
  for (var other = 0u; other < taps; other++) {
    let pixel = pixel_under(origin, other);
    if (pixel < 0 || other == tap) { continue; }
    let there = x(u32(pixel) * channels + c);
    if (there > value || (there == value && other < tap)) { return false; }
  }
  return true;
}
`,
);

export function poolingKernels({ run }: Runner): Omit<PoolingKernels, InferenceKernel> {
  return {
    averagePoolGradient(dOut, size, dx, accumulate) {
      const [, height = 1, width = 1, channels = 1] = dx.shape;
      const count = elementCount(dx.shape);
      const numbers = { count, height, width, channels, size, accumulate: accumulate ? 1 : 0 };
      run(AVERAGE_GRADIENT, flatGroups(count), { dOut, dx }, numbers);
    },

    maxPoolGradient(dOut, x, window, dx) {
      const count = elementCount(dx.shape);
      const { table, numbers } = ownWindow(window);
      run(MAXIMUM_GRADIENT, flatGroups(count), { dOut, x, window: table, dx }, { count, ...numbers });
    },
  };
}
