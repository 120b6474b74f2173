/**
 * Crops that are still to be scaled: the pixels that one needs of its image, and beside them what makes the crop of them, as words that the
 * host writes and whoever scales reads, be it a GPU. Scaling has two passes, each of which rounds: one along a single side, then one that
 * takes both sides at once, which is how the decoder does it (resampling.ts).
 */
import { copyTaps, cubicTaps, lanczosTaps, type Taps } from "./resampling.js";
import type { PixelRegion } from "./resize.js";
import { mostTriangleTaps, triangleTaps } from "./triangle-taps.js";

/** Where each word of a crop's head stands. Three words are of taps: their count, and where their places and weights begin. */
export const CROP = {
  /** Of the pixels that the crop is made of. */
  width: 0,
  height: 1,
  /** 1 where the first pass goes along the rows, 0 along the columns. */
  horizontal: 2,
  /** Pixels that a row (or column) has after the first pass. */
  made: 3,
  first: 4,
  columns: 7,
  rows: 10,
  /** Where the pixels begin: [height, width, 3] bytes. */
  pixels: 13,
} as const;
const HEAD_WORDS = 14;

/** A place has two halves of a word: the first pixel, shifted to above 0, and the row of weights. */
export const PLACE_SHIFT = 0x4000;

/** The part of an image that is read: whole pixels. */
export interface CropPiece {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface CropPlan {
  readonly piece: CropPiece;
  /** Whether the first pass goes along the rows. */
  readonly horizontal: boolean;
  /** Of the first pass; of both sides in the second. */
  readonly first: Taps;
  readonly columns: Taps;
  readonly rows: Taps;
}

/** How an image is scaled, and which square of that is the crop. */
export interface CropPlace {
  readonly fullWidth: number;
  readonly fullHeight: number;
  readonly left: number;
  readonly top: number;
  readonly size: number;
}

/** What a crop takes at most. */
export interface CropRoom {
  readonly bytes: number;
  /** Words between the passes, one a pixel. */
  readonly between: number;
}

/** From this reduction on the decoder averages whole pixels first. */
const LARGEST_SHRINK = 4;
/** Beyond a crop's own pixels, on both sides together: a filter of three lobes at the largest reduction. */
const MARGIN = 32;
/** Rows of weights, and weights of a row, at most. */
const MOST_WEIGHTS = 65 * 25;
/** A JPEG that becomes three times as small is reduced while it is decoded, and the sides of a crop are 3:4 to 4:3 as usual. */
const MOST_SOURCE_PIXELS = 12;

/** Of all crops of a batch; what is not needed of it is not used. */
const MOST_BATCH_BYTES = 2 ** 29;

/** Of each crop of `size` in a batch from encoded images; larger ones are scaled where they are decoded. */
export function encodedCropRoom(size: number, batch: number): CropRoom {
  const longest = LARGEST_SHRINK * size + MARGIN;
  const wanted = bytesFor(MOST_SOURCE_PIXELS * size ** 2 + MARGIN * longest, 3 * (size + MARGIN), 3 * MOST_WEIGHTS);
  const share = 4 * Math.floor(MOST_BATCH_BYTES / batch / 4);
  const finished = 4 * wordsOf(finishedCrop(size));
  return { bytes: Math.max(finished, Math.min(wanted, share)), between: (size + MARGIN) * longest };
}

/** Of crops of `size` from squares in memory. */
export function squareCropRoom(side: number, size: number): CropRoom {
  return { bytes: bytesFor(side ** 2, 3 * size, 2 * size * mostTriangleTaps(side, size) + 1), between: side * size };
}

function bytesFor(pixels: number, places: number, weights: number): number {
  return 4 * (HEAD_WORDS + places + weights + Math.ceil((pixels * 3) / 4));
}

/** What has to be read for a crop and done to it; undefined where that is not done so: where it needs more room, or is reduced too much. */
export function planCrop(width: number, height: number, place: CropPlace, room: CropRoom): CropPlan | undefined {
  const { fullWidth, fullHeight, left, top, size } = place;
  if (width >= LARGEST_SHRINK * fullWidth || height >= LARGEST_SHRINK * fullHeight) return undefined;
  const horizontal = fullWidth < width && fullHeight >= height;
  const [columns, rows] = [
    { length: width, target: fullWidth, from: left, end: left + size },
    { length: height, target: fullHeight, from: top, end: top + size },
  ];
  // Enlarging takes both sides, whatever became of the other.
  const isCubic = columns.target > columns.length || rows.target > rows.length;
  const [along, across] = horizontal ? [columns, rows] : [rows, columns];
  const reduced = Math.min(along.target, along.length);
  const second = joined(isCubic ? cubicOf({ ...along, length: reduced }) : copyTaps(along.from, along.end), reduced);
  const first = joined(
    reduced < along.length ? lanczosTaps(along.length, along.target, second.from, second.end) : copyTaps(second.from, second.end),
    along.length,
  );
  const other = joined(isCubic ? cubicOf(across) : reducedOrSame(across), across.length);
  const [x, y] = horizontal ? [first, other] : [other, first];
  const plan: CropPlan = {
    piece: { left: x.from, top: y.from, width: x.end - x.from, height: y.end - y.from },
    horizontal,
    first: first.taps,
    columns: horizontal ? second.taps : other.taps,
    rows: horizontal ? other.taps : second.taps,
  };
  return wordsOf(plan) * 4 <= room.bytes && betweenOf(plan) <= room.between ? plan : undefined;
}

/** Of a square in memory, as RegionResizer scales it. */
export function planSquareCrop(side: number, { left, top, width, height }: PixelRegion, size: number): CropPlan {
  const x = joined(triangleTaps(side, left, width, size), side);
  const y = joined(triangleTaps(side, top, height, size), side);
  return {
    piece: { left: x.from, top: y.from, width: x.end - x.from, height: y.end - y.from },
    horizontal: true,
    first: x.taps,
    columns: copyTaps(0, size),
    rows: y.taps,
  };
}

/** Of pixels [size, size, 3] on which the crop was already done. */
export function finishedCrop(size: number): CropPlan {
  const same = copyTaps(0, size);
  return { piece: { left: 0, top: 0, width: size, height: size }, horizontal: false, first: same, columns: same, rows: same };
}

interface Side {
  readonly length: number;
  readonly target: number;
  readonly from: number;
  readonly end: number;
}

function cubicOf({ length, target, from, end }: Side): Taps {
  return cubicTaps(length, target, from, end);
}

function reducedOrSame({ length, target, from, end }: Side): Taps {
  return target < length ? lanczosTaps(length, target, from, end) : copyTaps(from, end);
}

/** What taps reach of a side, and themselves counted from there. */
function joined(taps: Taps, length: number): { readonly from: number; readonly end: number; readonly taps: Taps } {
  const { first, count } = taps;
  // Places rise.
  const from = Math.min(length - 1, Math.max(0, first[0] ?? 0));
  const end = Math.max(from + 1, Math.min(length, (first[first.length - 1] ?? 0) + count));
  return { from, end, taps: { ...taps, first: first.map((pixel) => pixel - from) } };
}

/** Words of a crop with all that belongs to it. */
export function wordsOf({ piece, first, columns, rows }: CropPlan): number {
  const taps = [first, columns, rows].reduce((words, { row, weights }) => words + row.length + weights.length, 0);
  return HEAD_WORDS + taps + Math.ceil((piece.width * piece.height * 3) / 4);
}

function betweenOf({ piece, horizontal, first }: CropPlan): number {
  return first.row.length * (horizontal ? piece.height : piece.width);
}

/** Words between the passes of the crop that begins at `start`. */
export function wordsBetween(words: Uint32Array, start: number): number {
  const horizontal = words[start + CROP.horizontal] === 1;
  return (words[start + CROP.made] ?? 0) * (words[start + (horizontal ? CROP.height : CROP.width)] ?? 0);
}

/** Writes a crop's words but for its pixels; returns the word at which these begin. */
export function writeCropHead(words: Uint32Array, start: number, { piece, horizontal, first, columns, rows }: CropPlan): number {
  let at = start + HEAD_WORDS;
  words.set([piece.width, piece.height, horizontal ? 1 : 0, first.row.length], start);
  for (const [head, taps] of [
    [CROP.first, first],
    [CROP.columns, columns],
    [CROP.rows, rows],
  ] as const) {
    const places = at;
    for (let i = 0; i < taps.row.length; i++) words[at++] = (((taps.first[i] ?? 0) + PLACE_SHIFT) << 16) | (taps.row[i] ?? 0);
    words.set([taps.count, places - start, at - start], start + head);
    words.set(taps.weights, at);
    at += taps.weights.length;
  }
  words[start + CROP.pixels] = at - start;
  return at;
}
