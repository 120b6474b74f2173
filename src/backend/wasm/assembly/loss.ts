// Losses and their gradients: cross entropy, and attention maps: where on an image a map is large, and how far that is from where another
// one is.

@inline
function largestOf(row: usize, classes: i32): f32 {
  let largest: f32 = -Infinity;
  for (let k = 0; k < classes; k++) largest = max(largest, load<f32>(row + (<usize>k << 2)));
  return largest;
}

/** A chunk is one image. `inverse` of the temperature. */
export function softmax(begin: i32, end: i32, scratch: usize, scores: usize, classes: i32, inverse: f64, out: usize): void {
  for (let image = begin; image < end; image++) {
    const row = scores + (<usize>(image * classes) << 2), own = out + (<usize>(image * classes) << 2);
    const largest = largestOf(row, classes);
    let total: f64 = 0;
    for (let k = 0; k < classes; k++) {
      const at = <usize>k << 2;
      const value = Math.exp((<f64>load<f32>(row + at) - <f64>largest) * inverse);
      store<f32>(own + at, <f32>value);
      total += value;
    }
    for (let k = 0; k < classes; k++) {
      const at = own + (<usize>k << 2);
      store<f32>(at, <f32>(<f64>load<f32>(at) / total));
    }
  }
}

/** A chunk is one image. `inverse` of the temperature; `lossFactor` of a loss, `gradientFactor` of a difference of probabilities. */
export function softmaxCrossEntropy(
  begin: i32, end: i32, scratch: usize, logits: usize, targets: usize, classes: i32,
  inverse: f64, lossFactor: f64, gradientFactor: f64, accumulate: i32, divergence: i32, losses: usize, gradient: usize,
): void {
  for (let image = begin; image < end; image++) {
    const row = <usize>(image * classes) << 2;
    const largest = largestOf(logits + row, classes);
    let total: f64 = 0;
    for (let k = 0; k < classes; k++) total += Math.exp(<f64>(load<f32>(logits + row + (<usize>k << 2)) - largest) * inverse);
    const logTotal = Math.log(total) + <f64>largest * inverse;
    let loss: f64 = 0, mass: f64 = 0;
    for (let k = 0; k < classes; k++) {
      const at = row + (<usize>k << 2);
      const target = <f64>load<f32>(targets + at);
      loss -= target * (<f64>load<f32>(logits + at) * inverse - logTotal);
      if (divergence && target > 0) loss += target * Math.log(target);
      mass += target;
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

@inline
function squaresAt(x: usize, channels: i32): f32 {
  let c = 0, sums = f32x4.splat(0);
  for (; c + 4 <= channels; c += 4) {
    const v = v128.load(x + (<usize>c << 2));
    sums = f32x4.add(sums, f32x4.mul(v, v));
  }
  let sum = f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 1) + f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3);
  for (; c < channels; c++) {
    const v = load<f32>(x + (<usize>c << 2));
    sum += v * v;
  }
  return sum;
}

/** Writes the attention of one image, [pixels], and returns the size of what it was divided by. */
function attentionOf(x: usize, pixels: i32, channels: i32, out: usize): f64 {
  let total: f64 = 0;
  for (let p = 0; p < pixels; p++) {
    const q = squaresAt(x + (<usize>(p * channels) << 2), channels);
    store<f32>(out + (<usize>p << 2), q);
    total += <f64>q * <f64>q;
  }
  const size = Math.sqrt(total);
  if (size == 0) return 0;
  const share = 1 / size;
  for (let p = 0; p < pixels; p++) {
    const at = out + (<usize>p << 2);
    store<f32>(at, <f32>(<f64>load<f32>(at) * share));
  }
  return size;
}

/** A chunk is one image. */
export function attentionMap(begin: i32, end: i32, scratch: usize, x: usize, pixels: i32, channels: i32, out: usize): void {
  for (let image = begin; image < end; image++)
    attentionOf(x + (<usize>(image * pixels * channels) << 2), pixels, channels, out + (<usize>(image * pixels) << 2));
}

/** A chunk is one image. `gradientFactor` is scale * weight * 2; work: float32 [images, pixels], for the attention of x. */
export function attentionMatch(
  begin: i32, end: i32, scratch: usize, x: usize, wanted: usize, pixels: i32, channels: i32, weight: f64, gradientFactor: f64,
      losses: usize, gradient: usize, work: usize,
): void {
  for (let image = begin; image < end; image++) {
    const start = <usize>(image * pixels * channels) << 2, target = wanted + (<usize>(image * pixels) << 2),
        own = work + (<usize>(image * pixels) << 2);
    const size = attentionOf(x + start, pixels, channels, own);
    let squares: f64 = 0, along: f64 = 0;
    for (let p = 0; p < pixels; p++) {
      const at = <usize>p << 2;
      const a = <f64>load<f32>(own + at), d = a - <f64>load<f32>(target + at);
      squares += d * d;
      along += d * a;
    }
    const distance = Math.sqrt(squares);
    const loss = losses + (<usize>image << 2);
    store<f32>(loss, <f32>(<f64>load<f32>(loss) + weight * distance));
    if (distance == 0 || size == 0) continue;
    // a = q / |q|: what lies along a changes nothing.
    const factor = gradientFactor / (size * distance);
    for (let p = 0; p < pixels; p++) {
      const at = <usize>p << 2;
      const a = <f64>load<f32>(own + at);
      const dq = <f32>((a - <f64>load<f32>(target + at) - along * a) * factor);
      const row = start + (<usize>(p * channels) << 2);
      let c = 0;
      for (; c + 4 <= channels; c += 4) {
        const place = row + (<usize>c << 2);
        v128.store(gradient + place, f32x4.add(v128.load(gradient + place), f32x4.mul(v128.load(x + place), f32x4.splat(dq))));
      }
      for (; c < channels; c++) {
        const place = row + (<usize>c << 2);
        store<f32>(gradient + place, load<f32>(gradient + place) + load<f32>(x + place) * dq);
      }
    }
  }
}

/** One chunk. */
export function sumLosses(begin: i32, end: i32, scratch: usize, losses: usize, count: i32, factor: f64, total: usize): void {
  let sum: f64 = 0;
  for (let i = 0; i < count; i++) sum += <f64>load<f32>(losses + (<usize>i << 2));
  store<f64>(total, load<f64>(total) + factor * sum);
}

/**
 * A chunk is one image; `hits`: float64, 1 for an image whose label has the highest score, the first of equals. Scores that are no numbers
 * hit nothing.
 */
export function countCorrect(begin: i32, end: i32, scratch: usize, scores: usize, labels: usize, classes: i32, hits: usize): void {
  for (let image = begin; image < end; image++) {
    const row = scores + (<usize>(image * classes) << 2), label = load<i32>(labels + (<usize>image << 2));
    const own = load<f32>(row + (<usize>label << 2));
    let hit: f64 = 1;
    for (let k = 0; k < classes; k++) {
      const score = load<f32>(row + (<usize>k << 2));
      if (!(k < label ? score < own : score <= own)) hit = 0;
    }
    store<f64>(hits + (<usize>image << 3), hit);
  }
}
