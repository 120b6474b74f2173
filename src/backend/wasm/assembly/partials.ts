// The sums of chunks, added up in their order: what ends every kernel that reduces, whatever its group.
import { SUMMED_COLUMNS } from "./constants";

/**
 * Adds partials[0..count-1] in order, by column: a chunk is 64 columns. The sums replace float64 `replaced`, or are added to float64
 * `total` or float32 `target`; 0 for none.
 */
export function reducePartials(
  begin: i32, end: i32, scratch: usize, partials: usize, count: i32, columns: i32, replaced: usize, total: usize, target: usize,
): void {
  const last = min(columns, end * SUMMED_COLUMNS);
  for (let n = begin * SUMMED_COLUMNS; n < last; n++) {
    let sum: f64 = 0;
    for (let i = 0; i < count; i++) sum += load<f64>(partials + (<usize>(i * columns + n) << 3));
    if (replaced) store<f64>(replaced + (<usize>n << 3), sum);
    if (total) {
      const at = total + (<usize>n << 3);
      store<f64>(at, load<f64>(at) + sum);
    }
    if (target) {
      const at = target + (<usize>n << 2);
      store<f32>(at, load<f32>(at) + <f32>sum);
    }
  }
}
