// The straight-through estimator.

/** Derivative of the straight-through estimator: clip (kind 0) or polynomial (kind 1). */
@inline
export function estimate(kind: i32, x: v128): v128 {
  const size = f32x4.abs(x);
  if (kind == 0) return v128.and(f32x4.splat(1), f32x4.le(size, f32x4.splat(1)));
  return f32x4.max(f32x4.splat(0), f32x4.sub(f32x4.splat(2), f32x4.add(size, size)));
}
