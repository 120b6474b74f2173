// Loops that do nothing but what is to be measured: their operands stay in registers, so they run at the speed of the machine's arithmetic.
// A chunk is `rounds` rounds; done[chunk], float64, gets the multiply-accumulates of it. Operands come from `seed`: what the compiler knows
// it would drop, or build anew in every round; and the result, on which all of the work has a part, goes to scratch memory.
import { multiplyAdd, lookUp } from "./simd";

/** Ten sums of four products. */
export function peakMultiplyAdd(begin: i32, end: i32, scratch: usize, rounds: i32, seed: i32, done: usize): void {
  for (let chunk = begin; chunk < end; chunk++) {
    const start = f32x4.splat(<f32>seed);
    let a = start, b = f32x4.add(a, start), c = f32x4.add(b, start), d = f32x4.add(c, start), e = f32x4.add(d, start);
    let f = f32x4.add(e, start), g = f32x4.add(f, start), h = f32x4.add(g, start), i = f32x4.add(h, start), j = f32x4.add(i, start);
    let x = start;
    const y = f32x4.splat(<f32>seed * 0.5);
    for (let round = 0; round < rounds; round++) {
      a = multiplyAdd(x, y, a); b = multiplyAdd(x, y, b); c = multiplyAdd(x, y, c); d = multiplyAdd(x, y, d); e = multiplyAdd(x, y, e);
      f = multiplyAdd(x, y, f); g = multiplyAdd(x, y, g); h = multiplyAdd(x, y, h); i = multiplyAdd(x, y, i); j = multiplyAdd(x, y, j);
      x = v128.xor(x, y);
    }
    v128.store(scratch, f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)),
        f32x4.add(f32x4.add(e, f), f32x4.add(f32x4.add(g, h), f32x4.add(i, j)))));
    store<f64>(done + (<usize>chunk << 3), <f64>rounds * 40);
  }
}

/** Four times XOR, popcount of bytes and add, of 128 bits each. */
export function peakPopcount(begin: i32, end: i32, scratch: usize, rounds: i32, seed: i32, done: usize): void {
  for (let chunk = begin; chunk < end; chunk++) {
    let a = i8x16.splat(0), b = a, c = a, d = a;
    let x = i32x4.splat(seed);
    const step = i32x4.splat(seed * 3), p = i32x4.splat(seed * 5), q = i32x4.splat(seed * 7), r = i32x4.splat(seed * 11),
        s = i32x4.splat(seed * 13);
    for (let round = 0; round < rounds; round++) {
      a = i8x16.add(a, i8x16.popcnt(v128.xor(x, p)));
      b = i8x16.add(b, i8x16.popcnt(v128.xor(x, q)));
      c = i8x16.add(c, i8x16.popcnt(v128.xor(x, r)));
      d = i8x16.add(d, i8x16.popcnt(v128.xor(x, s)));
      x = i32x4.add(x, step);
    }
    v128.store(scratch, i8x16.add(i8x16.add(a, b), i8x16.add(c, d)));
    store<f64>(done + (<usize>chunk << 3), <f64>rounds * 512);
  }
}

/** Eight look-ups of sixteen filters' counts of four bits, each added. */
export function peakTable(begin: i32, end: i32, scratch: usize, rounds: i32, seed: i32, done: usize): void {
  for (let chunk = begin; chunk < end; chunk++) {
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
    v128.store(scratch, v128.xor(v128.xor(a, b), v128.xor(c, d)));
    store<f64>(done + (<usize>chunk << 3), <f64>rounds * 512);
  }
}
