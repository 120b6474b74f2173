/** Crops at sizes where scaling goes wrong if it does anywhere, with pixels of every kind. */
import { type CropPlace, type CropPlan, encodedCropRoom, planCrop, wordsOf, writeCropHead } from "#rbnet/pixels/crops";

/** Width and height of an image, of what it is scaled to, and of a crop its left, top and side. */
export const AWKWARD_CROPS: readonly (readonly [number, number, number, number, number, number, number])[] = [
  // Made smaller by a little, by a factor that is no fraction of small numbers, by nearly as much as is done, and otherwise by side.
  [60, 47, 59, 46, 7, 0, 40],
  [341, 256, 300, 224, 76, 0, 224],
  [202, 118, 55, 32, 23, 0, 32],
  [255, 199, 64, 50, 3, 5, 40],
  [120, 90, 100, 41, 33, 1, 40],
  // Enlarged, by a little and by much, from a single pixel and from a line.
  [40, 30, 41, 31, 11, 0, 30],
  [13, 17, 90, 80, 37, 41, 39],
  [1, 1, 9, 9, 0, 0, 9],
  [2, 1, 30, 40, 14, 27, 13],
  // Made smaller on one side, enlarged or left on the other, which moves that one, too.
  [100, 30, 50, 61, 20, 31, 30],
  [30, 100, 61, 50, 31, 20, 30],
  [100, 30, 100, 61, 70, 1, 30],
  [1, 60, 20, 20, 0, 0, 20],
  [100, 90, 60, 90, 25, 55, 35],
  [100, 90, 100, 50, 64, 14, 36],
  // As it is, whole and in part.
  [33, 33, 33, 33, 0, 0, 33],
  [50, 40, 50, 40, 9, 10, 30],
];

export function placeOf([, , fullWidth, fullHeight, left, top, size]: (typeof AWKWARD_CROPS)[number]): CropPlace {
  return { fullWidth, fullHeight, left, top, size };
}

/** [height, width, 3]: noise at full contrast, a steep wave, and a pattern of single pixels. */
export function roughPixels(width: number, height: number): Uint8Array {
  const pixels = new Uint8Array(width * height * 3);
  let state = width * 1000 + height;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      pixels.set([state >>> 24, 127.5 + 127 * Math.sin(x / 2 + y / 3), (x + y) % 2 === 0 ? 255 : 0], (y * width + x) * 3);
    }
  }
  return pixels;
}

/** A part of [height, width, 3]. */
export function pieceOf(pixels: Uint8Array, imageWidth: number, { left, top, width, height }: CropPlan["piece"]): Uint8Array {
  const piece = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * imageWidth + left) * 3;
    piece.set(pixels.subarray(from, from + width * 3), y * width * 3);
  }
  return piece;
}

/** A crop's words, its pixels with them. */
export function cropWords(plan: CropPlan, pixels: Uint8Array): Uint32Array {
  const words = new Uint32Array(wordsOf(plan));
  const at = writeCropHead(words, 0, plan);
  new Uint8Array(words.buffer).set(pixels, 4 * at);
  return words;
}

/** The words of such a crop, of rough pixels. */
export function awkwardWords(crop: (typeof AWKWARD_CROPS)[number]): Uint32Array {
  const [width, height, , , , , size] = crop;
  // Small crops have wide margins: as much room as larger ones.
  const plan = planCrop(width, height, placeOf(crop), encodedCropRoom(size + 100, 1));
  if (plan === undefined) throw new Error(`no plan for a crop of ${crop}`);
  return cropWords(plan, pieceOf(roughPixels(width, height), width, plan.piece));
}
