/** Random shapes and values for the kernels' claims: few and awkward sides, and values that float32 holds exactly. */
import fc from "fast-check";
import type { WindowGeometry } from "#rbnet/tensor";

/** Around words (32), halves of words (16) and vectors (4, 8), and past them. */
export const channelCounts = fc.constantFrom(1, 3, 16, 17, 32, 33, 48, 64);
export const filterCounts = fc.constantFrom(1, 10, 16, 20, 45, 64, 68, 100);
export const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });
export const rowCounts = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(15, 16, 17, 63, 64, 65, 127, 200, 300));

const sides = fc.integer({ min: 1, max: 9 });
const images = fc.integer({ min: 1, max: 3 });
const kernels = fc.integer({ min: 1, max: 4 });
const steps = fc.constantFrom(1, 2, 4);

/** Origins of windows along a side: at even distances from inside or before the map, or anywhere at all. */
const origins = fc.oneof(
  fc
    .record({
      first: fc.integer({ min: -4, max: 1 }),
      stride: fc.integer({ min: 1, max: 3 }),
      count: fc.integer({ min: 1, max: 9 }),
    })
    .map(({ first, stride, count }) => Array.from({ length: count }, (_, i) => first + i * stride)),
  fc.array(fc.integer({ min: -6, max: 12 }), { minLength: 1, maxLength: 5 }),
);

/** Windows that may overlap, leave pixels out and lie partly or wholly on padding. */
export const geometries: fc.Arbitrary<WindowGeometry> = fc.record({
  images,
  height: sides,
  width: sides,
  channels: channelCounts,
  kernel: kernels,
  step: steps,
  rows: origins,
  columns: origins,
});

/** Every pixel of a map by itself: a convolution's columns are then the map. */
const pixelwise: fc.Arbitrary<WindowGeometry> = fc
  .record({ images, height: sides, width: sides, channels: channelCounts, step: steps })
  .map((map) => ({ ...map, kernel: 1, rows: [...Array(map.height).keys()], columns: [...Array(map.width).keys()] }));

/** Maps of one pixel, as a dense layer has them. */
const vectors: fc.Arbitrary<WindowGeometry> = fc
  .record({ images: rowCounts, channels: fc.constantFrom(1, 2, 3, 16, 27, 33, 64, 130, 257, 513) })
  .map((sizes) => ({ ...sizes, height: 1, width: 1, kernel: 1, step: 1, rows: [0], columns: [0] }));

const near = fc.array(fc.integer({ min: -2, max: 3 }), { minLength: 1, maxLength: 3 });
const few = fc.integer({ min: 1, max: 4 });

/** More images than a backend may take at a time. */
const batches: fc.Arbitrary<WindowGeometry> = fc.record({
  images: fc.constantFrom(16, 17, 33, 48),
  height: few,
  width: few,
  channels: fc.constantFrom(1, 3, 17),
  kernel: kernels,
  step: steps,
  rows: near,
  columns: near,
});

/** Windows of all kinds that a convolution with real weights has. */
export const convolutions = fc.oneof(geometries, pixelwise, vectors, batches);

/**
 * Origins such that every pixel of a side belongs to one block of kernel pixels `step` apart; `shift` pixels of the first block lie
 * outside.
 */
function blockOrigins(kernel: number, step: number, shift: number, length: number): number[] {
  const starts: number[] = [];
  for (let group = -shift; group < length; group += kernel * step) {
    for (let i = 0; i < step && group + i < length; i++) starts.push(group + i);
  }
  return starts;
}

/** Windows that every pixel lies under exactly once, as an output layout needs them. */
export const partitions: fc.Arbitrary<WindowGeometry> = fc
  .record({
    images,
    height: sides,
    width: sides,
    channels: fc.constantFrom(1, 5),
    kernel: kernels,
    step: steps,
    shift: fc.integer({ min: 0, max: 5 }),
  })
  .map(({ shift, ...geometry }) => {
    const { kernel, step, height, width } = geometry;
    const moved = shift % (kernel * step);
    return { ...geometry, rows: blockOrigins(kernel, step, moved, height), columns: blockOrigins(kernel, step, moved, width) };
  });

/** Values from a seed; every call goes on in one stream, so a case draws before it knows the backend. */
export class Draw {
  constructor(private state: number) {}

  /** Uniform in [0, 1) (mulberry32). */
  private next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** float32 values in [-limit, limit). */
  reals(count: number, limit: number): Float32Array {
    return Float32Array.from({ length: count }, () => (2 * this.next() - 1) * limit);
  }

  /** float32 values in [low, high). */
  between(count: number, low: number, high: number): Float32Array {
    return Float32Array.from({ length: count }, () => low + this.next() * (high - low));
  }

  /** Multiples of 1/8 in [-limit, limit]: sums and products of a few are exact in float32, and ties with a threshold are common. */
  eighths(count: number, limit: number): Float32Array {
    return Float32Array.from({ length: count }, () => this.integer(8 * limit) / 8);
  }

  /** Whole numbers in [-limit, limit]. */
  integers(count: number, limit: number): Int16Array {
    return Int16Array.from({ length: count }, () => this.integer(limit));
  }

  words(count: number): Uint32Array {
    return Uint32Array.from({ length: count }, () => this.next() * 2 ** 32);
  }

  private integer(limit: number): number {
    return Math.round((2 * this.next() - 1) * limit);
  }
}
