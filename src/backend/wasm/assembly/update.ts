// Optimizer steps and plain memory work. A chunk is 4,096 elements.
import { CHUNK_ELEMENTS } from "./constants";

/** Lanes whose sign (>= 0) differs, as a count. */
@inline
function flipped(before: v128, after: v128): i32 {
  const zero = f32x4.splat(0);
  return popcnt<i32>(i32x4.bitmask(v128.xor(f32x4.ge(before, zero), f32x4.ge(after, zero))));
}

@inline
function limited(v: v128, limit: f32): v128 {
  if (limit <= 0) return v;
  return f32x4.min(f32x4.max(v, f32x4.splat(-limit)), f32x4.splat(limit));
}

/** `correction1` and `correction2` are 1 / (1 - beta^step). Memory holds whole vectors: a tensor's length is rounded up to sixteen bytes. */
export function adam(begin: i32, end: i32, scratch: usize, value: usize, gradient: usize, first: usize, second: usize, count: i32, rate: f64, beta1: f64, beta2: f64, epsilon: f64, decay: f64, limit: f64, correction1: f64, correction2: f64, partials: usize): void {
  const b1 = f32x4.splat(<f32>beta1), b2 = f32x4.splat(<f32>beta2), r1 = f32x4.splat(<f32>(1 - beta1)), r2 = f32x4.splat(<f32>(1 - beta2));
  const stepSize = f32x4.splat(<f32>(rate * correction1)), c2 = f32x4.splat(<f32>correction2), eps = f32x4.splat(<f32>epsilon), keep = f32x4.splat(<f32>(1 - rate * decay));
  for (let chunk = begin; chunk < end; chunk++) {
    let flips = 0;
    const last = <usize>min(count, (chunk + 1) * CHUNK_ELEMENTS) << 2;
    for (let at = <usize>(chunk * CHUNK_ELEMENTS) << 2; at < last; at += 16) {
      const g = v128.load(gradient + at), before = v128.load(value + at);
      const m = f32x4.add(f32x4.mul(b1, v128.load(first + at)), f32x4.mul(r1, g));
      const v = f32x4.add(f32x4.mul(b2, v128.load(second + at)), f32x4.mul(r2, f32x4.mul(g, g)));
      v128.store(first + at, m);
      v128.store(second + at, v);
      const move = f32x4.div(f32x4.mul(stepSize, m), f32x4.add(f32x4.sqrt(f32x4.mul(v, c2)), eps));
      const after = limited(f32x4.sub(f32x4.mul(before, keep), move), <f32>limit);
      v128.store(value + at, after);
      flips += flipped(before, after);
    }
    store<f64>(partials + (<usize>chunk << 3), <f64>flips);
  }
}

export function sgd(begin: i32, end: i32, scratch: usize, value: usize, gradient: usize, velocity: usize, count: i32, rate: f64, momentum: f64, decay: f64, limit: f64, partials: usize): void {
  const mu = f32x4.splat(<f32>momentum), lambda = f32x4.splat(<f32>decay), r = f32x4.splat(<f32>rate);
  for (let chunk = begin; chunk < end; chunk++) {
    let flips = 0;
    const last = <usize>min(count, (chunk + 1) * CHUNK_ELEMENTS) << 2;
    for (let at = <usize>(chunk * CHUNK_ELEMENTS) << 2; at < last; at += 16) {
      const before = v128.load(value + at);
      const g = f32x4.add(v128.load(gradient + at), f32x4.mul(lambda, before));
      const v = f32x4.add(f32x4.mul(mu, v128.load(velocity + at)), g);
      v128.store(velocity + at, v);
      const after = limited(f32x4.sub(before, f32x4.mul(r, v)), <f32>limit);
      v128.store(value + at, after);
      flips += flipped(before, after);
    }
    store<f64>(partials + (<usize>chunk << 3), <f64>flips);
  }
}

export function movingAverage(begin: i32, end: i32, scratch: usize, average: usize, value: usize, count: i32, decay: f64): void {
  const keep = f32x4.splat(<f32>decay), take = f32x4.splat(<f32>(1 - decay));
  const last = <usize>min(count, end * CHUNK_ELEMENTS) << 2;
  for (let at = <usize>(begin * CHUNK_ELEMENTS) << 2; at < last; at += 16) {
    v128.store(average + at, f32x4.add(f32x4.mul(keep, v128.load(average + at)), f32x4.mul(take, v128.load(value + at))));
  }
}

/** Fills `words` 32-bit words; the target may be a part of a tensor. */
export function fillWords(begin: i32, end: i32, scratch: usize, target: usize, words: i32, pattern: i32): void {
  const last = <usize>min(words, end * CHUNK_ELEMENTS) << 2;
  const four = i32x4.splat(pattern);
  let at = <usize>(begin * CHUNK_ELEMENTS) << 2;
  for (; at + 16 <= last; at += 16) v128.store(target + at, four);
  for (; at < last; at += 4) store<i32>(target + at, pattern);
}

export function copyWords(begin: i32, end: i32, scratch: usize, from: usize, to: usize, words: i32): void {
  const at = <usize>(begin * CHUNK_ELEMENTS) << 2;
  memory.copy(to + at, from + at, (<usize>min(words, end * CHUNK_ELEMENTS) << 2) - at);
}

export function add(begin: i32, end: i32, scratch: usize, from: usize, to: usize, count: i32): void {
  const last = <usize>min(count, end * CHUNK_ELEMENTS) << 2;
  let at = <usize>(begin * CHUNK_ELEMENTS) << 2;
  for (; at + 16 <= last; at += 16) v128.store(to + at, f32x4.add(v128.load(to + at), v128.load(from + at)));
  for (; at < last; at += 4) store<f32>(to + at, load<f32>(to + at) + load<f32>(from + at));
}
