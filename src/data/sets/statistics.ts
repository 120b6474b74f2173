/**
 * Mean and deviation of the training images, by which every input is normalized. Sums are of integers, so they are exact and
 * do not depend on the order of the images.
 */

import type { Channels } from "../../pixels/square.js";
import type { MemorySource } from "../dataset.js";

export interface Statistics {
  readonly mean: Channels;
  readonly standardDeviation: Channels;
}

/** Of all pixels of decoded images, exactly. */
export function memoryStatistics(source: MemorySource): Statistics {
  const sums = new ChannelSums();
  const bytes = source.side * source.side * 3;
  for (const row of source.rows) sums.add(source.pixels.subarray(row * bytes, (row + 1) * bytes));
  return sums.statistics();
}

/** Sums and sums of squares of red, green and blue; below 2^53 for any memory that exists. */
export class ChannelSums {
  private pixels = 0;
  private readonly sums = new Float64Array(3);
  private readonly squares = new Float64Array(3);

  /** `pixels`: interleaved RGB. */
  add(pixels: Uint8Array): void {
    let red = 0;
    let green = 0;
    let blue = 0;
    let redSquares = 0;
    let greenSquares = 0;
    let blueSquares = 0;
    for (let at = 0; at + 2 < pixels.length; at += 3) {
      const r = pixels[at];
      const g = pixels[at + 1];
      const b = pixels[at + 2];
      red += r;
      green += g;
      blue += b;
      redSquares += r * r;
      greenSquares += g * g;
      blueSquares += b * b;
    }
    this.pixels += pixels.length / 3;
    for (const [channel, sum] of [red, green, blue].entries()) this.sums[channel] += sum;
    for (const [channel, sum] of [redSquares, greenSquares, blueSquares].entries()) this.squares[channel] += sum;
  }

  statistics(): Statistics {
    const count = Math.max(1, this.pixels);
    const mean = (channel: number): number => this.sums[channel] / count;
    const standardDeviation = (channel: number): number => {
      const variance = this.squares[channel] / count - mean(channel) ** 2;
      // A constant channel (all black) has nothing to scale; a hundredth of the range keeps the division harmless.
      return Math.max(Math.sqrt(Math.max(0, variance)) / 255, 0.01);
    };
    return {
      mean: [mean(0) / 255, mean(1) / 255, mean(2) / 255],
      standardDeviation: [standardDeviation(0), standardDeviation(1), standardDeviation(2)],
    };
  }
}
