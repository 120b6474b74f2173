/**
 * What follows a product: scale, bias, shortcut and activation. Written by fma alone, so that no compiler is free to fuse them in one
 * kernel and not in another: one pass gives the bits of two.
 */
export const ACTIVATION = `
// Before the activation, at a place on the map.
fn before_activation(value: f32, n: u32, at: u32) -> f32 {
  let sum = fma(norm(n), value, norm(u.filters + n));
  if (has_shortcut) { return sum + shortcut(at); }
  return sum;
}
fn activated(value: f32, n: u32, c: u32, channels: u32, at: u32) -> f32 {
  let sum = before_activation(value, n, at);
  if (!has_activation) { return sum; }
  let v = sum - activation(c);
  return fma(activation(select(channels, 2u * channels, v > 0.0) + c), v, activation(3u * channels + c));
}
`;
