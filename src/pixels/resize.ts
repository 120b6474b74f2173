/**
 * Scales regions of decoded images, for the random resized crop and for data sets whose images have another size than asked for.
 * Files are scaled by sharp while they are decoded; this is only for pixels that are in memory already.
 */

/** A rectangle in pixels; need not be whole. */
export interface PixelRegion {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A rectangle of an image in fractions of its width and height. */
export interface ImageRegion {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Which source pixels make one target pixel, by target index. */
export interface RealTaps {
  /** First source pixel of each target pixel. */
  readonly first: Int32Array;
  /** [size, longest] weights, each row summing to 1. */
  readonly weights: Float32Array;
  longest: number;
}

/** Bilinear scaling to [size, size, 3] with a filter as wide as the reduction, so that shrinking does not alias. Reuses its memory. */
export class RegionResizer {
  private readonly size: number;
  private columns: RealTaps = { first: new Int32Array(0), weights: new Float32Array(0), longest: 0 };
  private rows: RealTaps = { first: new Int32Array(0), weights: new Float32Array(0), longest: 0 };
  /** [side, size, 3]: rows of the source, scaled horizontally. */
  private squeezed = new Float32Array(0);

  constructor(size: number) {
    this.size = size;
  }

  /**
   * @param pixels holds [side, side, 3] from `start`
   * @param target receives [size, size, 3]
   */
  resize(pixels: Uint8Array, start: number, side: number, region: PixelRegion, target: Uint8Array): void {
    const size = this.size;
    this.columns = fillTaps(this.columns, side, region.left, region.width, size);
    this.rows = fillTaps(this.rows, side, region.top, region.height, size);
    if (this.squeezed.length < side * size * 3) this.squeezed = new Float32Array(side * size * 3);
    const firstRow = this.rows.first[0];
    const endRow = Math.min(side, this.rows.first[size - 1] + this.rows.longest);
    this.squeezeRows(pixels, start, side, firstRow, endRow);
    this.joinRows(side, target);
  }

  private squeezeRows(pixels: Uint8Array, start: number, side: number, firstRow: number, endRow: number): void {
    const size = this.size;
    const { first, weights, longest } = this.columns;
    for (let y = firstRow; y < endRow; y++) {
      for (let x = 0; x < size; x++) {
        const from = first[x];
        const taps = Math.min(longest, side - from);
        let red = 0;
        let green = 0;
        let blue = 0;
        for (let tap = 0; tap < taps; tap++) {
          const weight = weights[x * longest + tap];
          const at = start + (y * side + from + tap) * 3;
          red += weight * pixels[at];
          green += weight * pixels[at + 1];
          blue += weight * pixels[at + 2];
        }
        const to = (y * size + x) * 3;
        this.squeezed[to] = red;
        this.squeezed[to + 1] = green;
        this.squeezed[to + 2] = blue;
      }
    }
  }

  private joinRows(side: number, target: Uint8Array): void {
    const stride = this.size * 3;
    const { first, weights, longest } = this.rows;
    for (let y = 0; y < this.size; y++) {
      const from = first[y];
      const taps = Math.min(longest, side - from);
      for (let x = 0; x < stride; x++) {
        let sum = 0.5; // rounds
        for (let tap = 0; tap < taps; tap++) sum += weights[y * longest + tap] * this.squeezed[(from + tap) * stride + x];
        target[y * stride + x] = Math.min(255, sum);
      }
    }
  }
}

/**
 * The triangle filter's taps for scaling `length` source pixels from `start` on to `size`; reuses the arrays of `taps` where they
 * are large enough.
 */
export function fillTaps(taps: RealTaps, side: number, start: number, length: number, size: number): RealTaps {
  const scale = length / size;
  const radius = Math.max(1, scale);
  const longest = Math.ceil(2 * radius) + 1;
  const filled =
    taps.first.length >= size && taps.weights.length >= size * longest
      ? taps
      : { first: new Int32Array(size), weights: new Float32Array(size * longest), longest };
  filled.longest = longest;
  for (let x = 0; x < size; x++) {
    const centre = start + (x + 0.5) * scale - 0.5;
    const first = Math.min(side - 1, Math.max(0, Math.ceil(centre - radius)));
    filled.first[x] = first;
    let total = 0;
    for (let tap = 0; tap < longest; tap++) {
      const weight = first + tap < side ? Math.max(0, 1 - Math.abs(first + tap - centre) / radius) : 0;
      filled.weights[x * longest + tap] = weight;
      total += weight;
    }
    for (let tap = 0; tap < longest; tap++) filled.weights[x * longest + tap] = filled.weights[x * longest + tap] / total;
  }
  return filled;
}
