// Sums over rows, kept in float64 by fixed chunks and added up in their order, and what batch normalization makes of them.
import { addToDoubles } from "./simd";

/** A chunk is `chunkRows` rows of y, float32 [rows, columns]; its sum and sum of squares by column go to partials[chunk], float64 [2, columns]. */
export function columnStatistics(begin: i32, end: i32, scratch: usize, y: usize, rows: i32, columns: i32, chunkRows: i32, partials: usize): void {
  for (let chunk = begin; chunk < end; chunk++) {
    const sums = partials + <usize>chunk * (<usize>columns << 4);
    memory.fill(sums, 0, <usize>columns << 4);
    const last = min(rows, (chunk + 1) * chunkRows);
    for (let m = chunk * chunkRows; m < last; m++) {
      for (let n = 0; n < columns; n++) {
        const v = <f64>load<f32>(y + (<usize>(m * columns + n) << 2));
        const at = sums + (<usize>n << 3), squares = at + (<usize>columns << 3);
        store<f64>(at, load<f64>(at) + v);
        store<f64>(squares, load<f64>(squares) + v * v);
      }
    }
  }
}

/** A chunk is `chunkRows` rows of a float32 matrix; its sums by column go to partials[chunk], float64 [columns]. */
export function sumRows(begin: i32, end: i32, scratch: usize, matrix: usize, rows: i32, columns: i32, chunkRows: i32, partials: usize): void {
  for (let chunk = begin; chunk < end; chunk++) {
    const sums = partials + <usize>chunk * (<usize>columns << 3);
    memory.fill(sums, 0, <usize>columns << 3);
    const last = min(rows, (chunk + 1) * chunkRows);
    for (let m = chunk * chunkRows; m < last; m++) {
      const row = matrix + (<usize>(m * columns) << 2);
      let n = 0;
      for (; n + 4 <= columns; n += 4) addToDoubles(sums + (<usize>n << 3), v128.load(row + (<usize>n << 2)));
      for (; n < columns; n++) {
        const at = sums + (<usize>n << 3);
        store<f64>(at, load<f64>(at) + <f64>load<f32>(row + (<usize>n << 2)));
      }
    }
  }
}

/** Adds partials[0..count-1] in order, by column: a chunk is 64 columns. The sums replace float64 `replaced`, or are added to float64 `total` or float32 `target`; 0 for none. */
export function reducePartials(begin: i32, end: i32, scratch: usize, partials: usize, count: i32, columns: i32, replaced: usize, total: usize, target: usize): void {
  const last = min(columns, end << 6);
  for (let n = begin << 6; n < last; n++) {
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

/** One chunk. sums: float64 [2, filters]; norm: float32 [4, filters]. */
export function normalizationForward(begin: i32, end: i32, scratch: usize, sums: usize, count: f64, filters: i32, gamma: usize, beta: usize, epsilon: f64, momentum: f64, runningMean: usize, runningVariance: usize, norm: usize): void {
  const row = <usize>filters << 2;
  const unbiased = count > 1 ? count / (count - 1) : 1;
  for (let n = <usize>0; n < row; n += 4) {
    const mean = load<f64>(sums + 2 * n) / count;
    const variance = max<f64>(0, load<f64>(sums + 2 * n + 2 * row) / count - mean * mean);
    const inverse = 1 / sqrt<f64>(variance + epsilon);
    const scale = <f64>load<f32>(gamma + n) * inverse;
    store<f32>(norm + n, <f32>scale);
    store<f32>(norm + row + n, <f32>(<f64>load<f32>(beta + n) - scale * mean));
    store<f32>(norm + 2 * row + n, <f32>mean);
    store<f32>(norm + 3 * row + n, <f32>inverse);
    store<f32>(runningMean + n, <f32>(<f64>load<f32>(runningMean + n) * (1 - momentum) + momentum * mean));
    store<f32>(runningVariance + n, <f32>(<f64>load<f32>(runningVariance + n) * (1 - momentum) + momentum * variance * unbiased));
  }
}

/** One chunk. sums: float64 [5, filters]; dActivation: float32 [4, filters / taps] or 0; coefficients: float32 [3, filters]. */
export function normalizationBackward(begin: i32, end: i32, scratch: usize, sums: usize, count: f64, filters: i32, norm: usize, gamma: usize, dGamma: usize, dBeta: usize, dActivation: usize, channels: i32, coefficients: usize): void {
  const row = <usize>filters << 2;
  for (let n = 0; n < filters; n++) {
    const at = <usize>n << 2, sum = sums + (<usize>n << 3);
    const du = load<f64>(sum), duHat = load<f64>(sum + 2 * row);
    const mean = <f64>load<f32>(norm + 2 * row + at), inverse = <f64>load<f32>(norm + 3 * row + at);
    store<f32>(dGamma + at, load<f32>(dGamma + at) + <f32>duHat);
    store<f32>(dBeta + at, load<f32>(dBeta + at) + <f32>du);
    // dy = gamma * inverse * (du - mean(du) - yHat * mean(du * yHat))
    const a = <f64>load<f32>(gamma + at) * inverse;
    const b = -a * inverse * duHat / count;
    store<f32>(coefficients + at, <f32>a);
    store<f32>(coefficients + row + at, <f32>b);
    store<f32>(coefficients + 2 * row + at, <f32>(-a * du / count - b * mean));
    if (dActivation) {
      const side = <usize>channels << 2;
      const target = dActivation + (<usize>(n % channels) << 2);
      add(target, -du);
      add(target + side, load<f64>(sum + 4 * row));
      add(target + 2 * side, load<f64>(sum + 6 * row));
      add(target + 3 * side, load<f64>(sum + 8 * row));
    }
  }
}

@inline
function add(target: usize, value: f64): void {
  store<f32>(target, load<f32>(target) + <f32>value);
}
