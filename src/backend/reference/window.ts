/** Where windows read and write: the two loops over positions that the other files of this folder share. */
import type { WindowGeometry } from "../../tensor.js";
import type { OutputLayout, ProductResult } from "../terms.js";
import { matrixShape } from "./memory.js";

/** Visits every tap of every window m. `pixel` counts all pixels of the batch; it is undefined where the tap lies on padding. */
export function forEachTap(geometry: WindowGeometry, visit: (m: number, tap: number, pixel: number | undefined) => void): void {
  const { images, height, width, kernel, step, rows, columns } = geometry;
  let m = 0;
  for (let image = 0; image < images; image++) {
    for (const top of rows) {
      for (const left of columns) {
        for (let a = 0; a < kernel; a++) {
          for (let b = 0; b < kernel; b++) {
            const row = top + a * step;
            const column = left + b * step;
            const inside = row >= 0 && row < height && column >= 0 && column < width;
            visit(m, a * kernel + b, inside ? (image * height + row) * width + column : undefined);
          }
        }
        m++;
      }
    }
  }
}

/**
 * Visits every element (m, n) of a result y [M, N]: `c` is its channel on the output map and `at` its place there, undefined where
 * `layout` lays it outside.
 */
export function forEachPlaced(
  y: ProductResult,
  layout: OutputLayout,
  visit: (m: number, n: number, c: number, at: number | undefined) => void,
): void {
  const [M, N] = matrixShape(y);
  if (layout === undefined) {
    for (let m = 0; m < M; m++) for (let n = 0; n < N; n++) visit(m, n, n, m * N + n);
    return;
  }
  const { kernel } = layout.geometry;
  const C = N / kernel ** 2;
  forEachTap(layout.geometry, (m, tap, pixel) => {
    for (let c = 0; c < C; c++) visit(m, tap * C + c, c, pixel === undefined ? undefined : pixel * C + c);
  });
}
