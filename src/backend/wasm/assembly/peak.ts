/**
 * Loops that do nothing but what is to be measured: their operands stay in registers, so they run at the speed of the machine's
 * arithmetic. Each answers something that depends on all of its work, and takes its operands from `seed`: what the compiler knows it
 * would drop, or build anew in every round. What a round counts is in ../limits-worker.ts. AssemblyScript.
 */

/** Ten sums of four products. */
export function multiplyAdd(rounds: i32, seed: i32): f32 {
  let a = f32x4.splat(0), b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a;
  let x = f32x4.splat(<f32>seed);
  const y = f32x4.splat(<f32>seed * 0.5);
  for (let round = 0; round < rounds; round++) {
    a = fused(x, y, a); b = fused(x, y, b); c = fused(x, y, c); d = fused(x, y, d); e = fused(x, y, e);
    f = fused(x, y, f); g = fused(x, y, g); h = fused(x, y, h); i = fused(x, y, i); j = fused(x, y, j);
    x = v128.xor(x, y);
  }
  const sum = f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(f32x4.add(e, f), f32x4.add(f32x4.add(g, h), f32x4.add(i, j))));
  return f32x4.extract_lane(sum, 0);
}

@inline
function fused(x: v128, y: v128, sum: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(x, y, sum);
  return f32x4.add(f32x4.mul(x, y), sum);
}

/** Four times XOR, popcount of bytes and add, of 128 bits each. */
export function popcount(rounds: i32, seed: i32): i32 {
  let a = i8x16.splat(0), b = a, c = a, d = a;
  let x = i32x4.splat(seed);
  const step = i32x4.splat(seed * 3), p = i32x4.splat(seed * 5), q = i32x4.splat(seed * 7), r = i32x4.splat(seed * 11), s = i32x4.splat(seed * 13);
  for (let round = 0; round < rounds; round++) {
    a = i8x16.add(a, i8x16.popcnt(v128.xor(x, p)));
    b = i8x16.add(b, i8x16.popcnt(v128.xor(x, q)));
    c = i8x16.add(c, i8x16.popcnt(v128.xor(x, r)));
    d = i8x16.add(d, i8x16.popcnt(v128.xor(x, s)));
    x = i32x4.add(x, step);
  }
  return i32x4.extract_lane(i8x16.add(i8x16.add(a, b), i8x16.add(c, d)), 0);
}

/** Eight look-ups of sixteen filters' counts of four bits, each added. */
export function nibbleTable(rounds: i32, seed: i32): i32 {
  let a = i8x16.splat(0), b = a, c = a, d = a;
  let x = i8x16.splat(0);
  const step = i8x16.splat(<i8>seed), low = i8x16.splat(15);
  const p = i32x4.splat(seed * 5), q = i32x4.splat(seed * 7), r = i32x4.splat(seed * 11), s = i32x4.splat(seed * 13);
  for (let round = 0; round < rounds; round++) {
    const y = v128.and(i8x16.add(x, step), low);
    a = i8x16.add(a, lookUp(p, x)); b = i8x16.add(b, lookUp(q, x)); c = i8x16.add(c, lookUp(r, x)); d = i8x16.add(d, lookUp(s, x));
    a = i8x16.add(a, lookUp(q, y)); b = i8x16.add(b, lookUp(r, y)); c = i8x16.add(c, lookUp(s, y)); d = i8x16.add(d, lookUp(p, y));
    x = v128.xor(x, y);
  }
  return i32x4.extract_lane(v128.xor(v128.xor(a, b), v128.xor(c, d)), 0);
}

@inline
function lookUp(table: v128, nibbles: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i8x16.relaxed_swizzle(table, nibbles);
  return i8x16.swizzle(table, nibbles);
}

/** Copies the `bytes` before `half` to behind it. */
export function copy(half: i32, bytes: i32): void {
  memory.copy(half, half - bytes, bytes);
}
