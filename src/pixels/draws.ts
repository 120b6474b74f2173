/**
 * What was drawn for an image of a batch, as a row of numbers: the host draws, and whoever changes the pixels, be it a GPU, reads what is
 * to be done from here.
 */

/** Where each number of a row stands. */
export const DRAWN = {
  /** The window's corner in the image's bytes; the window may lie partly outside, where the mean colour is. */
  left: 0,
  top: 1,
  /** 1 where the window is mirrored left and right. */
  mirrored: 2,
  /** Of values in 0..1: value * gain + lift * the window's mean brightness, then saturation * that + (1 - saturation) * its brightness. */
  gain: 3,
  lift: 4,
  saturation: 5,
  /** Added to the normalized values. */
  red: 6,
  green: 7,
  blue: 8,
  /** Columns and rows from the first to before the second are in the mean colour in the end. */
  cutLeft: 9,
  cutRight: 10,
  cutTop: 11,
  cutBottom: 12,
  /** The image of the batch that is mixed in, and the share of this one. */
  partner: 13,
  weight: 14,
} as const;

/** Numbers of a row; a power of two, as a GPU likes it. */
export const DRAWN_NUMBERS = 16;

/** Weights of red, green and blue in a pixel's brightness (ITU-R BT.601). */
export const LUMA = [0.299, 0.587, 0.114] as const;

/** [3, 256]: the normalized value of each byte. */
export function normalizedBytes(mean: readonly number[], standardDeviation: readonly number[]): Float32Array {
  const table = new Float32Array(768);
  for (let channel = 0; channel < 3; channel++) {
    for (let value = 0; value < 256; value++) {
      table[channel * 256 + value] = (value / 255 - (mean[channel] as number)) / (standardDeviation[channel] as number);
    }
  }
  return table;
}
