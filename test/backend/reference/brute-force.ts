/** A convolution written over pixels, with no windows or matrices in between. */
import { type WindowGeometry, windowCount, windowSize } from "#rbnet/tensor";

/** A padded 3 x 3 convolution of two images of 4 x 5 pixels and 3 channels. */
export const CONVOLUTION: WindowGeometry = {
  images: 2,
  height: 4,
  width: 5,
  channels: 3,
  kernel: 3,
  step: 1,
  rows: [-1, 0, 1, 2],
  columns: [-1, 0, 1, 2, 3],
};
export const MAP = [2, 4, 5, 3] as const;
export const K = windowSize(CONVOLUTION);
export const M = windowCount(CONVOLUTION);

/** The convolution, pixel by pixel: `x` gives the value of a tap that lies on the map, `padding` of one beside it. */
export function bruteForce(
  x: (at: number, channel: number) => number,
  padding: number,
  weight: (k: number, n: number) => number,
  filters: number,
): number[] {
  const y: number[] = [];
  for (let image = 0; image < 2; image++) {
    for (let row = 0; row < 4; row++) {
      for (let column = 0; column < 5; column++) {
        for (let n = 0; n < filters; n++) {
          let sum = 0;
          for (let a = -1; a <= 1; a++) {
            for (let b = -1; b <= 1; b++) {
              for (let c = 0; c < 3; c++) {
                const inside = row + a >= 0 && row + a < 4 && column + b >= 0 && column + b < 5;
                const at = ((image * 4 + row + a) * 5 + column + b) * 3 + c;
                sum += (inside ? x(at, c) : padding) * weight(((a + 1) * 3 + b + 1) * 3 + c, n);
              }
            }
          }
          y.push(sum);
        }
      }
    }
  }
  return y;
}
