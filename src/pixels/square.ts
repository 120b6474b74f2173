/**
 * Pixels in memory, as a canvas or a camera gives them, to the square that a network reads. Files are decoded and scaled
 * elsewhere; this runs anywhere, and gives the same bytes everywhere.
 */
import { UserError } from "../errors.js";
import { RegionResizer } from "./resize.js";

/** Rows of pixels with 1 (grey), 3 (RGB) or 4 (RGBA) bytes each, as an ImageData has them. */
export interface PixelImage {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** One value a channel: red, green, blue. */
export type Channels = readonly [number, number, number];

/** Images with more pixels than this are refused. */
export const PIXEL_LIMIT = 64_000_000;

/** Transparent parts show white, as on a page. */
const BACKGROUND = 255;

/**
 * From this side on, networks are trained on crops that are scaled and evaluated on the centre, as for ImageNet; below, images
 * are used whole.
 */
export const LARGE_SIDE = 64;

/**
 * The side at which an image is kept for a network input of `size`: for large ones with the usual margin of 256 to 224,
 * which evaluation crops away; small images are kept whole.
 */
export function storedSide(size: number): number {
  return size >= LARGE_SIDE ? Math.round((size * 256) / 224) : size;
}

/**
 * The centre of an image, scaled: what is left of it when its shorter side is scaled to `storedSide(size)` and `size` cut out.
 *
 * @returns [size, size, 3] RGB
 * @throws UserError where the image's numbers do not fit each other
 */
export function centredSquare(image: PixelImage, size: number): Uint8Array {
  const channels = channelsOf(image);
  const { data, width, height } = image;
  const side = Math.min(width, height);
  const [left, top] = [(width - side) >> 1, (height - side) >> 1];
  const square = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) copyRow(data, ((y + top) * width + left) * channels, channels, square, y * side * 3, side);
  if (side === size && storedSide(size) === size) return square;
  const kept = (side * size) / storedSide(size);
  const margin = (side - kept) / 2;
  const target = new Uint8Array(size * size * 3);
  new RegionResizer(size).resize(square, 0, side, { left: margin, top: margin, width: kept, height: kept }, target);
  return target;
}

function channelsOf({ data, width, height }: PixelImage): 1 | 3 | 4 {
  const pixels = width * height;
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1)
    throw new UserError(`an image is ${width} x ${height} pixels, but both have to be whole numbers from 1`);
  if (pixels > PIXEL_LIMIT)
    throw new UserError(`an image has ${pixels} pixels, at most ${PIXEL_LIMIT} are possible; scale it down first`);
  for (const channels of [1, 3, 4] as const) if (data.length === pixels * channels) return channels;
  throw new UserError(
    `an image of ${width} x ${height} pixels has ${data.length} bytes, but needs 1, 3 or 4 for each pixel (grey, RGB or RGBA)`,
  );
}

/** `count` pixels to RGB, transparency on white. */
function copyRow(from: PixelImage["data"], start: number, channels: 1 | 3 | 4, to: Uint8Array, at: number, count: number): void {
  for (let x = 0, source = start, target = at; x < count; x++, source += channels, target += 3) {
    for (let c = 0; c < 3; c++) {
      const value = from[channels === 1 ? source : source + c];
      const alpha = channels === 4 ? from[source + 3] / 255 : 1;
      to[target + c] = Math.round(value * alpha + BACKGROUND * (1 - alpha));
    }
  }
}
