/**
 * Shapes, element types and the bit layout: the vocabulary that every other module shares.
 *
 * Feature maps are NHWC. Signs are packed 32 to a word, least significant bit first: bit 1 stands for +1 (x >= threshold)
 * and bit 0 for -1. A row of K bits takes ceil(K / 32) words, and the unused bits of its last word are 0 in both operands of
 * a product, so that they cancel in the XOR.
 */

/**
 * What a tensor holds, and what its elements are read into. Two types are opaque, their storage is the backend's business: an
 * `accumulator` is a sum of very many values, as exact as the backend can make it (float64 on processors); a `dotProduct` is the
 * result of a product of signs, a whole number and exact.
 */
export interface ElementArrays {
  readonly float32: Float32Array;
  readonly int32: Int32Array;
  readonly uint32: Uint32Array;
  readonly accumulator: Float64Array;
  readonly dotProduct: Int32Array;
}

export type ElementType = keyof ElementArrays;

/** Numbers to write into a tensor, of any width. */
export type TypedArray = Float32Array | Float64Array | Int16Array | Int32Array | Uint32Array | Uint8Array;

export type Shape = readonly number[];

/** A block of memory that belongs to one backend. Only that backend can look inside; others hold and pass it. */
export interface Tensor<T extends ElementType = "float32"> {
  readonly type: T;
  readonly shape: Shape;
}

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: Shape): number {
  let count = 1;
  for (const side of shape) count *= side;
  return count;
}

/** Number of 32-bit words that hold `bits` packed signs. */
export function wordsFor(bits: number): number {
  return Math.ceil(bits / 32);
}

/**
 * Where the taps of a convolution's windows lie on a feature map. Grid position (i, j) of an image reads, for a and b in
 * 0..kernel-1, the pixel (rows[i] + a * step, columns[j] + b * step); a pixel outside the map is padding. An ordinary
 * convolution, space to depth with dilated or shifted blocks, and depth to space on the way back are all of this form.
 *
 * Tap (a, b) and channel c stand at position (a * kernel + b) * channels + c of a window's K = kernel * kernel * channels values.
 */
export interface WindowGeometry {
  readonly images: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly kernel: number;
  readonly step: number;
  readonly rows: readonly number[];
  readonly columns: readonly number[];
}

/** Number of windows (matrix rows, M) of a geometry. */
export function windowCount(geometry: WindowGeometry): number {
  return geometry.images * geometry.rows.length * geometry.columns.length;
}

/** Values under one window (matrix columns, K). */
export function windowSize(geometry: WindowGeometry): number {
  return geometry.kernel * geometry.kernel * geometry.channels;
}

/**
 * Most values under a window of a binary product: a 3x3 on 1,024 channels has 9,216. Kernels sum the squares of sixteen results
 * at a time in 32 bits, so 16 * inputs^2 has to stay below 2^31; and twice a count of differences has to fit 16 bits.
 */
export const MAXIMUM_BINARY_INPUTS = 11_584;
