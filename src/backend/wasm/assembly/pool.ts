// Average pooling, and the loss.

/** A chunk is one image. x: [images, height, width, channels]; out: [images, height / size, width / size, channels]. */
export function averagePool(begin: i32, end: i32, scratch: usize, x: usize, height: i32, width: i32, channels: i32, size: i32, out: usize): void {
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
export function averagePoolGradient(begin: i32, end: i32, scratch: usize, dOut: usize, height: i32, width: i32, channels: i32, size: i32, dx: usize, accumulate: i32): void {
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

/** A chunk is one image. `inverse` of the temperature; `lossFactor` of a loss, `gradientFactor` of a difference of probabilities. */
export function softmaxCrossEntropy(
  begin: i32, end: i32, scratch: usize, logits: usize, targets: usize, classes: i32,
  inverse: f64, lossFactor: f64, gradientFactor: f64, accumulate: i32, losses: usize, gradient: usize,
): void {
  for (let image = begin; image < end; image++) {
    const row = <usize>(image * classes) << 2;
    let largest: f32 = -Infinity;
    for (let k = 0; k < classes; k++) largest = max(largest, load<f32>(logits + row + (<usize>k << 2)));
    let total: f64 = 0;
    for (let k = 0; k < classes; k++) total += Math.exp(<f64>(load<f32>(logits + row + (<usize>k << 2)) - largest) * inverse);
    const logTotal = Math.log(total) + <f64>largest * inverse;
    let loss: f64 = 0, mass: f64 = 0;
    for (let k = 0; k < classes; k++) {
      const at = row + (<usize>k << 2);
      loss -= <f64>load<f32>(targets + at) * (<f64>load<f32>(logits + at) * inverse - logTotal);
      mass += <f64>load<f32>(targets + at);
    }
    for (let k = 0; k < classes; k++) {
      const at = row + (<usize>k << 2);
      const probability = Math.exp(<f64>load<f32>(logits + at) * inverse - logTotal);
      const value = <f32>((mass * probability - <f64>load<f32>(targets + at)) * gradientFactor);
      store<f32>(gradient + at, accumulate ? load<f32>(gradient + at) + value : value);
    }
    const own = losses + (<usize>image << 2);
    const value = <f32>(loss * lossFactor);
    store<f32>(own, accumulate ? load<f32>(own) + value : value);
  }
}
