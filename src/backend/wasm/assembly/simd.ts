// Small SIMD pieces. The relaxed build fuses multiply and add; the plain one rounds twice.

@inline
export function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** table[n] for each byte n < 16. */
@inline
export function lookUp(table: v128, nibbles: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i8x16.relaxed_swizzle(table, nibbles);
  return i8x16.swizzle(table, nibbles);
}

/** target[0..3] += a, in float64. */
@inline
export function addToDoubles(target: usize, a: v128): void {
  v128.store(target, f64x2.add(v128.load(target), f64x2.promote_low_f32x4(a)));
  v128.store(target, f64x2.add(v128.load(target, 16),
      f64x2.promote_low_f32x4(i8x16.shuffle(a, a, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15))), 16);
}

// Four rows of four floats, turned into four columns; the results go to four pointers.
@inline
export function storeTransposed(a: v128, b: v128, c: v128, d: v128, p0: usize, p1: usize, p2: usize, p3: usize): void {
  const ab0 = i8x16.shuffle(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const ab1 = i8x16.shuffle(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  const cd0 = i8x16.shuffle(c, d, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const cd1 = i8x16.shuffle(c, d, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  v128.store(p0, i8x16.shuffle(ab0, cd0, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
  v128.store(p1, i8x16.shuffle(ab0, cd0, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31));
  v128.store(p2, i8x16.shuffle(ab1, cd1, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
  v128.store(p3, i8x16.shuffle(ab1, cd1, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31));
}

/**
 * Reads one word of every cache line of [from, from + bytes) and keeps nothing. The reads do not wait for each other, so the lines arrive
 * together; strided passes over memory that is not cached would otherwise wait for one line after the other. `sink` is scratch memory.
 */
export function touch(from: usize, bytes: usize, sink: usize): void {
  let all: i32 = 0;
  const end = from + bytes;
  for (let at = from; at < end; at += 64) all |= load<i32>(at);
  store<i32>(sink, all);
}
