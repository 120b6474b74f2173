/** Crops that are scaled from the pixels they need (pixels/crops.ts), in plain numbers. */
import { CROP, PLACE_SHIFT } from "../../pixels/crops.js";
import { WEIGHT_BITS } from "../../pixels/resampling.js";

type Colour = readonly [number, number, number];

/** The crop that begins at `start`: [size, size, 3]. */
export function scaleCrop(words: Uint32Array, start: number, size: number): Uint8Array {
  const head = (word: number): number => words[start + word] ?? 0;
  const [width, height] = [head(CROP.width), head(CROP.height)];
  const horizontal = head(CROP.horizontal) === 1;
  const bytes = new Uint8Array(words.buffer, words.byteOffset + 4 * (start + head(CROP.pixels)), width * height * 3);
  const source = (y: number, x: number): Colour => colourAt(bytes, (y * width + x) * 3);
  const made = head(CROP.made);
  const [rows, columns] = horizontal ? [height, made] : [made, width];
  const between = new Uint8Array(rows * columns * 3);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const sum = horizontal
        ? weighted(words, start, CROP.first, x, width, (at) => source(y, at))
        : weighted(words, start, CROP.first, y, height, (at) => source(at, x));
      between.set(sum.map(byteOf), (y * columns + x) * 3);
    }
  }
  const result = new Uint8Array(size * size * 3);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const across = (row: number): Colour =>
        weighted(words, start, CROP.columns, x, columns, (at) => colourAt(between, (row * columns + at) * 3));
      result.set(weighted(words, start, CROP.rows, y, rows, across).map(byteOf), (y * size + x) * 3);
    }
  }
  return result;
}

/** The sum of a pixel's taps, rounded, of which there are `length` along the side. */
function weighted(
  words: Uint32Array,
  start: number,
  taps: number,
  pixel: number,
  length: number,
  colour: (at: number) => Colour,
): Colour {
  const [count = 0, places = 0, weights = 0] = words.subarray(start + taps, start + taps + 3);
  const place = words[start + places + pixel] ?? 0;
  const first = Math.floor(place / 2 ** 16) - PLACE_SHIFT;
  const row = start + weights + (place % 2 ** 16) * count;
  const sum: [number, number, number] = [0, 0, 0];
  for (let tap = 0; tap < count; tap++) {
    const weight = (words[row + tap] ?? 0) | 0;
    const [red, green, blue] = colour(Math.min(length - 1, Math.max(0, first + tap)));
    sum[0] += weight * red;
    sum[1] += weight * green;
    sum[2] += weight * blue;
  }
  return [rounded(sum[0]), rounded(sum[1]), rounded(sum[2])];
}

function rounded(sum: number): number {
  return Math.floor(sum / 2 ** WEIGHT_BITS + 0.5);
}

function byteOf(value: number): number {
  return Math.min(255, Math.max(0, value));
}

function colourAt(bytes: Uint8Array, at: number): Colour {
  return [bytes[at] ?? 0, bytes[at + 1] ?? 0, bytes[at + 2] ?? 0];
}
