/** Numbers in 16 bits with the range of float32, as sums may travel: half the bytes, of eight significant bits. */

const INFINITY = 0x7f800000;

/** The upper half of the nearest one's bits, of two as near the even one's; what is no number stays none. */
export function packBfloat16(values: Float32Array, packed: Uint16Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i];
    const isNumber = (word & 0x7fffffff) <= INFINITY;
    packed[i] = isNumber ? (word + 0x7fff + ((word >>> 16) & 1)) >>> 16 : (word >>> 16) | 0x40;
  }
}

export function unpackBfloat16(packed: Uint16Array, values: Float32Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, packed.length);
  for (let i = 0; i < packed.length; i++) bits[i] = packed[i] << 16;
}

/** Each becomes the number that it would be after a journey. */
export function roundToBfloat16(values: Float32Array): void {
  const packed = new Uint16Array(values.length);
  packBfloat16(values, packed);
  unpackBfloat16(packed, values);
}
