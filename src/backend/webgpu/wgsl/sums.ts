/**
 * Sums of very many values: pairs of float32, high and low, that together hold 48 bits. Sums of integers below 2^47 are exact. Whether
 * the parts of a sum of two may be simplified is up to compilers, some of which do; `opaque` passes a value through an operation that
 * they cannot see through, so that the arithmetic stays as it is written.
 */
export const SUMS = `
fn opaque(v: f32) -> f32 { return bitcast<f32>(bitcast<u32>(v) ^ u.zero); }

// a + b and what its rounding lost (Knuth, 1969).
fn two_sum(a: f32, b: f32) -> vec2f {
  let s = opaque(a + b);
  let t = opaque(s - a);
  return vec2f(s, opaque(a - opaque(s - t)) + opaque(b - t));
}

// The same where |a| >= |b| (Dekker, 1971).
fn quick_sum(a: f32, b: f32) -> vec2f {
  let s = opaque(a + b);
  return vec2f(s, opaque(b - opaque(s - a)));
}

fn add_sums(a: vec2f, b: vec2f) -> vec2f {
  let high = two_sum(a.x, b.x);
  let low = two_sum(a.y, b.y);
  let t = quick_sum(high.x, opaque(high.y + low.x));
  return quick_sum(t.x, opaque(t.y + low.y));
}

fn add_value(a: vec2f, v: f32) -> vec2f {
  let s = two_sum(a.x, v);
  return quick_sum(s.x, opaque(s.y + a.y));
}

// The upper twelve bits of a number: products of such are exact.
fn upper(v: f32) -> f32 { return bitcast<f32>(bitcast<u32>(v) & 0xfffff000u); }

fn two_product(a: f32, b: f32) -> vec2f {
  let p = opaque(a * b);
  let ah = upper(a);
  let bh = upper(b);
  let al = opaque(a - ah);
  let bl = opaque(b - bh);
  let e = opaque(opaque(opaque(ah * bh) - p) + opaque(ah * bl)) + opaque(al * bh);
  return vec2f(p, opaque(e) + opaque(al * bl));
}

fn multiply_sums(a: vec2f, b: vec2f) -> vec2f {
  let p = two_product(a.x, b.x);
  return quick_sum(p.x, opaque(p.y + opaque(opaque(a.x * b.y) + opaque(a.y * b.x))));
}

fn negative(a: vec2f) -> vec2f { return vec2f(-a.x, -a.y); }

// a / b by long division: three digits of float32.
fn divide_sum(a: vec2f, b: f32) -> vec2f {
  let q = opaque(a.x / b);
  let r = add_sums(a, negative(two_product(q, b)));
  let s = opaque(r.x / b);
  let t = add_sums(r, negative(two_product(s, b)));
  return add_value(quick_sum(q, s), opaque(t.x / b));
}

fn real_of(a: vec2f) -> f32 { return a.x + a.y; }

fn sum_of_integer(v: i32) -> vec2f { return two_sum(f32(v >> 16u) * 65536.0, f32(v & 0xffff)); }
// high * 2^16 + low, both below 2^24.
fn sum_of_halves(high: u32, low: u32) -> vec2f { return two_sum(f32(high) * 65536.0, f32(low)); }
`;
