/**
 * What follows a product: scale, bias, shortcut and activation. Written by fma alone, so that no compiler is free to fuse them in one
 * kernel and not in another: one pass gives the bits of two.
 */
export const ACTIVATION = `
// All that is known of a filter: its normalization, and the activation of its channel.
struct Column { scale: f32, bias: f32, center: f32, left: f32, right: f32, shift: f32 }
fn column_of(n: u32, c: u32, channels: u32) -> Column {
  var column = Column(norm(n), norm(u.filters + n), 0.0, 0.0, 0.0, 0.0);
  if (has_activation) {
    column.center = activation(c);
    column.left = activation(channels + c);
    column.right = activation(2u * channels + c);
    column.shift = activation(3u * channels + c);
  }
  return column;
}
// Before the activation, at a place on the map.
fn before_activation(value: f32, column: Column, at: u32) -> f32 {
  let sum = fma(column.scale, value, column.bias);
  if (has_shortcut) { return sum + shortcut(at); }
  return sum;
}
fn activated(value: f32, column: Column, at: u32) -> f32 {
  let sum = before_activation(value, column, at);
  if (!has_activation) { return sum; }
  let v = sum - column.center;
  return fma(select(column.left, column.right, v > 0.0), v, column.shift);
}
`;
