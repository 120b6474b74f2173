/** Initial values of parameters, drawn from one seeded stream in the order in which layers are built. */

export interface Initializer {
  /** `count` normal values of mean 0. */
  normal(count: number, standardDeviation: number): Float32Array;
}

export function constant(count: number, value: number): Float32Array {
  return new Float32Array(count).fill(value);
}
