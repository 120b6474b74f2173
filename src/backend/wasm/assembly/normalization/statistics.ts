// Sums over the rows of a batch, kept in float64 by fixed chunks, and what batch normalization makes of them.

/**
 * A chunk is `chunkRows` rows of y, float32 [rows, columns]; its sum and sum of squares by column go to partials[chunk], float64 [2,
 * columns].
 */
export function columnMoments(
  begin: i32, end: i32, scratch: usize, y: usize, rows: i32, columns: i32, chunkRows: i32, partials: usize,
): void {
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

/** One chunk. sums: float64 [2, filters]; norm: float32 [4, filters]. */
export function normalizationForward(
  begin: i32, end: i32, scratch: usize, sums: usize, count: f64, filters: i32, gamma: usize, beta: usize, epsilon: f64, momentum: f64,
  runningMean: usize, runningVariance: usize, norm: usize,
): void {
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
export function normalizationBackward(
  begin: i32, end: i32, scratch: usize, sums: usize, count: f64, filters: i32, norm: usize, gamma: usize, dGamma: usize, dBeta: usize,
  dActivation: usize, channels: i32, coefficients: usize,
): void {
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
