// Optimizer steps and plain memory work.
import { CHUNK_ELEMENTS, UPDATE_BLOCK } from "./constants";

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

/** Signs that changed in the block at `first`, where they are wanted: an int32 for each block of the whole. */
@inline
function storeFlips(counts: usize, first: i32, flips: i32): void {
  if (counts) store<i32>(counts + (<usize>(first / UPDATE_BLOCK) << 2), flips);
}

/** `correction1` and `correction2` are 1 / (1 - beta^step). `counts` gets the flips of each block; 0 for none. */
export function adam(
  begin: i32, end: i32, scratch: usize, count: i32, counts: usize, value: usize, gradient: usize, first: usize, second: usize, rate: f64,
  beta1: f64, beta2: f64, epsilon: f64, decay: f64, limit: f64, correction1: f64, correction2: f64,
): void {
  const b1 = f32x4.splat(<f32>beta1), b2 = f32x4.splat(<f32>beta2), r1 = f32x4.splat(<f32>(1 - beta1)), r2 = f32x4.splat(<f32>(1 - beta2));
  const stepSize = f32x4.splat(<f32>(rate * correction1)), c2 = f32x4.splat(<f32>correction2), eps = f32x4.splat(<f32>epsilon),
      keep = f32x4.splat(<f32>(1 - rate * decay));
  const last = min(count, end * CHUNK_ELEMENTS);
  for (let block = begin * CHUNK_ELEMENTS; block < last; block += UPDATE_BLOCK) {
    let flips = 0;
    for (let at = <usize>block << 2; at < <usize>(block + UPDATE_BLOCK) << 2; at += 16) {
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
    storeFlips(counts, block, flips);
  }
}

export function sgd(
  begin: i32, end: i32, scratch: usize, count: i32, counts: usize, value: usize, gradient: usize, velocity: usize, rate: f64,
  momentum: f64, decay: f64, limit: f64,
): void {
  const mu = f32x4.splat(<f32>momentum), lambda = f32x4.splat(<f32>decay), r = f32x4.splat(<f32>rate);
  const last = min(count, end * CHUNK_ELEMENTS);
  for (let block = begin * CHUNK_ELEMENTS; block < last; block += UPDATE_BLOCK) {
    let flips = 0;
    for (let at = <usize>block << 2; at < <usize>(block + UPDATE_BLOCK) << 2; at += 16) {
      const before = v128.load(value + at);
      const g = f32x4.add(v128.load(gradient + at), f32x4.mul(lambda, before));
      const v = f32x4.add(f32x4.mul(mu, v128.load(velocity + at)), g);
      v128.store(velocity + at, v);
      const after = limited(f32x4.sub(before, f32x4.mul(r, v)), <f32>limit);
      v128.store(value + at, after);
      flips += flipped(before, after);
    }
    storeFlips(counts, block, flips);
  }
}

/** A chunk is a part: float64 totals[part] gains the flips of its blocks. `starts`: int32, in elements. */
export function sumFlips(begin: i32, end: i32, scratch: usize, counts: usize, starts: usize, totals: usize): void {
  for (let part = begin; part < end; part++) {
    const start = starts + (<usize>part << 2), total = totals + (<usize>part << 3);
    let sum = 0;
    for (let block = load<i32>(start) / UPDATE_BLOCK; block < load<i32>(start + 4) / UPDATE_BLOCK; block++)
      sum += load<i32>(counts + (<usize>block << 2));
    store<f64>(total, load<f64>(total) + <f64>sum);
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
