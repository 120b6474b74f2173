/**
 * Augmentation of pixels, and the step from bytes to the normalized floats that a network reads. For an ordinary small
 * image everything is one pass: a moved, perhaps mirrored copy through a table of 256 normalized values per channel.
 */
import { LUMA, normalizedBytes } from "../../pixels/draws.js";
import type { Channels } from "../../pixels/square.js";
import type { Augmentation } from "./augmentation.js";
import { AugmentingWriter } from "./augmenting-writer.js";
import type { ImageDraws } from "./image-draws.js";

/** Writes [size, size, 3] floats, from a place of an array. */
export class ImageWriter extends AugmentingWriter<Float32Array> {
  private readonly mean: Channels;
  private readonly standardDeviation: Channels;
  private readonly table: Float32Array;

  constructor(size: number, mean: Channels, standardDeviation: Channels, augmentation: Augmentation = {}) {
    super(size, standardDeviation, augmentation);
    this.mean = mean;
    this.standardDeviation = standardDeviation;
    this.table = normalizedBytes(mean, standardDeviation);
  }

  /** The window, mirrored, recoloured, normalized, cut out. */
  protected put(pixels: Uint8Array, start: number, side: number, draws: ImageDraws, images: Float32Array, at: number): void {
    const { left, top, mirrored, jitter, light, cut } = draws;
    this.copy(pixels, start, side, left, top, mirrored, images, at);
    if (jitter !== undefined) this.jitter(jitter, images, at);
    if (light !== undefined) this.light(light, images, at);
    if (cut !== undefined) this.cut(cut, images, at);
  }

  private copy(
    pixels: Uint8Array,
    start: number,
    side: number,
    left: number,
    top: number,
    mirrored: boolean,
    images: Float32Array,
    at: number,
  ): void {
    const size = this.size;
    const table = this.table;
    const firstX = Math.max(0, -left);
    const endX = Math.min(size, side - left);
    const outside = firstX > 0 || endX < size;
    for (let y = 0; y < size; y++) {
      const row = at + y * size * 3;
      const sourceY = y + top;
      if (outside || sourceY < 0 || sourceY >= side) images.fill(0, row, row + size * 3); // zero is the mean colour
      if (sourceY < 0 || sourceY >= side) continue;
      let from = start + (sourceY * side + left + firstX) * 3;
      let to = row + (mirrored ? size - 1 - firstX : firstX) * 3;
      const step = mirrored ? -3 : 3;
      for (let x = firstX; x < endX; x++) {
        images[to] = table[pixels[from]];
        images[to + 1] = table[256 + pixels[from + 1]];
        images[to + 2] = table[512 + pixels[from + 2]];
        from += 3;
        to += step;
      }
    }
  }

  /** Brightness, contrast and saturation are linear, so all three are one matrix; values are clipped to 0..1 once, at the end. */
  private jitter(
    { brightness, contrast, saturation }: NonNullable<ImageDraws["jitter"]>,
    images: Float32Array,
    at: number,
  ): void {
    const [meanRed, meanGreen, meanBlue] = this.mean;
    const [red, green, blue] = this.standardDeviation;
    const end = at + this.size * this.size * 3;
    let brightnessSum = 0;
    for (let pixel = at; pixel < end; pixel += 3) {
      brightnessSum +=
        LUMA[0] * (images[pixel] * red + meanRed) +
        LUMA[1] * (images[pixel + 1] * green + meanGreen) +
        LUMA[2] * (images[pixel + 2] * blue + meanBlue);
    }
    const average = (brightnessSum / (this.size * this.size)) * brightness;
    const clip = (value: number): number => Math.min(1, Math.max(0, value));
    const gain = brightness * contrast;
    const lift = (1 - contrast) * average;
    for (let pixel = at; pixel < end; pixel += 3) {
      const r = (images[pixel] * red + meanRed) * gain + lift;
      const g = (images[pixel + 1] * green + meanGreen) * gain + lift;
      const b = (images[pixel + 2] * blue + meanBlue) * gain + lift;
      const grey = (1 - saturation) * (LUMA[0] * r + LUMA[1] * g + LUMA[2] * b);
      images[pixel] = (clip(r * saturation + grey) - meanRed) / red;
      images[pixel + 1] = (clip(g * saturation + grey) - meanGreen) / green;
      images[pixel + 2] = (clip(b * saturation + grey) - meanBlue) / blue;
    }
  }

  private light([red, green, blue]: Channels, images: Float32Array, at: number): void {
    const end = at + this.size * this.size * 3;
    for (let pixel = at; pixel < end; pixel += 3) {
      images[pixel] = images[pixel] + red;
      images[pixel + 1] = images[pixel + 1] + green;
      images[pixel + 2] = images[pixel + 2] + blue;
    }
  }

  private cut(
    { columns: [from, end], rows: [top, bottom] }: NonNullable<ImageDraws["cut"]>,
    images: Float32Array,
    at: number,
  ): void {
    for (let y = top; y < bottom; y++) images.fill(0, at + (y * this.size + from) * 3, at + (y * this.size + end) * 3);
  }
}
