/**
 * One image file -> square RGB pixels. Training, validation and `predict` all decode here, so that a network is used on
 * exactly the pixels that it was evaluated on. Decoding is sharp's, bitmaps apart; this file decides only what "the pixels of an image"
 * means.
 */
import type { Sharp } from "sharp";
import { type CropPlace, type CropPlan, type CropRoom, finishedCrop, planCrop } from "../../pixels/crops.js";
import type { ImageRegion } from "../../pixels/resize.js";
import { PIXEL_LIMIT, storedSide } from "../../pixels/square.js";
import { BadImageError, badImage, nameOf, tooLarge } from "./bad-image.js";
import { decoderOptions, type ImageInput, readyInput } from "./image-input.js";
import { loadSharp } from "./sharp.js";

/** Transparent parts show white, as on a page. */
const BACKGROUND = "#ffffff";

export interface DecodeOptions {
  /** Most pixels (width x height) that are decoded; default 64 million. */
  readonly pixelLimit?: number;
}

/**
 * Decodes an image for a network input of `size`: shorter side to `storedSide(size)`, then the centre.
 *
 * @returns [size, size, 3] RGB, 0 to 255; EXIF orientation applied, grey, CMYK and 16-bit converted, transparency on white
 * @throws BadImageError (a UserError) that names the file
 */
export async function decodeImage(input: string | Uint8Array, size: number, options: DecodeOptions = {}): Promise<Uint8Array> {
  const side = storedSide(size);
  const pixels = await decodeSquare(input, side, options);
  return side === size ? pixels : centreCrop(pixels, side, size);
}

/** The centred square of an image, scaled to [side, side, 3]; otherwise as `decodeImage`. */
export async function decodeSquare(input: string | Uint8Array, side: number, options: DecodeOptions = {}): Promise<Uint8Array> {
  const image = open(await readyInput(input, options), options);
  const scaled = image.resize(side, side, { fit: "cover", position: "centre" });
  return pixelsOf(input, scaled, { width: side, height: side }, options);
}

/**
 * Decodes a region of an image, chosen once its true width and height (after EXIF orientation) are known, and scales it to [size, size, 3].
 *
 * The whole image is scaled first and cut after: the decoder can then skip detail that would be thrown away (JPEG scales while it decodes),
 * and computes only the part that is cut out. The region is met to within one pixel of the result.
 */
export async function decodeRegion(
  input: string | Uint8Array,
  size: number,
  choose: (width: number, height: number) => ImageRegion,
  options: DecodeOptions = {},
): Promise<Uint8Array> {
  const ready = await readyInput(input, options);
  const { width, height } = await headerOf(input, ready, options);
  return scaledRegion(input, ready, placeOf(choose(width, height), size), options);
}

/** A crop that is still to be scaled, and its pixels [height, width, 3]; or one that was scaled here. */
export interface DecodedCrop {
  readonly plan: CropPlan;
  readonly pixels: Uint8Array;
}

/**
 * The pixels of `decodeRegion`, still to be scaled: what is needed for them of the image. Where the decoder makes the image smaller as it
 * decodes it, turns it, or has more than bytes of its colours, and where the crop would need more than its room, they are scaled here.
 */
export async function decodeCrop(
  input: string | Uint8Array,
  size: number,
  choose: (width: number, height: number) => ImageRegion,
  room: CropRoom,
  options: DecodeOptions = {},
): Promise<DecodedCrop> {
  const ready = await readyInput(input, options);
  const header = await headerOf(input, ready, options);
  const { width, height, isPlain } = header;
  const place = placeOf(choose(width, height), size);
  const plan = isPlain && !isReducedByDecoder(header, place) ? planCrop(width, height, place, room) : undefined;
  if (plan === undefined) return { plan: finishedCrop(size), pixels: await scaledRegion(input, ready, place, options) };
  const { piece } = plan;
  return { plan, pixels: await pixelsOf(input, open(ready, options).extract({ ...piece }), piece, options) };
}

function placeOf(region: ImageRegion, size: number): CropPlace {
  const fullWidth = Math.max(size, Math.round(size / region.width));
  const fullHeight = Math.max(size, Math.round(size / region.height));
  const left = Math.min(fullWidth - size, Math.round(region.left * fullWidth));
  const top = Math.min(fullHeight - size, Math.round(region.top * fullHeight));
  return { fullWidth, fullHeight, left, top, size };
}

/** JPEG is reduced to a half and less, from three times on: below, the decoder avoids errors of its library. WebP to any size. */
function isReducedByDecoder({ width, height, format }: ImageHeader, { fullWidth, fullHeight }: CropPlace): boolean {
  const shrink = Math.min(width / fullWidth, height / fullHeight);
  return (format === "jpeg" && shrink >= 3) || (format === "webp" && shrink > 1);
}

function scaledRegion(
  input: string | Uint8Array,
  ready: ImageInput,
  { fullWidth, fullHeight, left, top, size }: CropPlace,
  options: DecodeOptions,
): Promise<Uint8Array> {
  const square = { width: size, height: size };
  const scaled = open(ready, options).resize(fullWidth, fullHeight, { fit: "fill" });
  return pixelsOf(input, scaled.extract({ left, top, ...square }), square, options);
}

/** Of `smallerImage`. */
export interface Reduction {
  /** The shorter side in pixels. */
  readonly side: number;
  /** Of JPEG, 1 to 100. */
  readonly quality: number;
}

/**
 * An image with its shorter side at `side`, as a JPEG of the colours that `decodeImage` would see, each pixel with its own (4:4:4);
 * undefined where the shorter side is no longer than that already.
 *
 * @throws BadImageError (a UserError) that names the file
 */
export async function smallerImage(
  input: string | Uint8Array,
  { side, quality }: Reduction,
  options: DecodeOptions = {},
): Promise<Uint8Array | undefined> {
  const ready = await readyInput(input, options);
  const { width, height } = await headerOf(input, ready, options);
  const shorter = Math.min(width, height);
  if (shorter <= side) return undefined;
  const [newWidth, newHeight] = [width, height].map((length) => Math.round((length * side) / shorter));
  try {
    return await asShown(open(ready, options).resize(newWidth, newHeight, { fit: "fill" }))
      .jpeg({ quality, chromaSubsampling: "4:4:4" })
      .toBuffer();
  } catch (error) {
    throw badImage(input, error, options.pixelLimit ?? PIXEL_LIMIT);
  }
}

/** Reads an image's header: width and height in pixels as a person sees it, after EXIF orientation. */
export async function imageShape(input: string | Uint8Array, options: DecodeOptions = {}): Promise<ImageShape> {
  const { width, height } = await headerOf(input, await readyInput(input, options), options);
  return { width, height };
}

export interface ImageShape {
  readonly width: number;
  readonly height: number;
}

interface ImageHeader extends ImageShape {
  /** As the decoder names it; undefined for pixels. */
  readonly format: string | undefined;
  /** Whether it is stored as it is seen, a byte a colour. */
  readonly isPlain: boolean;
}

async function headerOf(input: string | Uint8Array, ready: ImageInput, options: DecodeOptions): Promise<ImageHeader> {
  if (ready.raw !== undefined) return { ...ready.raw, format: undefined, isPlain: true };
  const pixelLimit = options.pixelLimit ?? PIXEL_LIMIT;
  const header =
    ready.jpeg?.turned === false ? { ...ready.jpeg, format: "jpeg", isPlain: true } : await askedHeader(input, ready, pixelLimit);
  if (header.width * header.height > pixelLimit) throw new BadImageError(nameOf(input), tooLarge(pixelLimit));
  return header;
}

/** What the decoder says of an image. */
async function askedHeader(input: string | Uint8Array, { source }: ImageInput, pixelLimit: number): Promise<ImageHeader> {
  try {
    // The limit is checked where the size can be told; sharp's own check would say less.
    const { autoOrient, format, orientation, depth } = await loadSharp()(source, { limitInputPixels: false }).metadata();
    return { ...autoOrient, format, isPlain: (orientation ?? 1) === 1 && depth === "uchar" };
  } catch (error) {
    throw badImage(input, error, pixelLimit);
  }
}

/** The centre of [side, side, 3] pixels as [size, size, 3]. */
export function centreCrop(pixels: Uint8Array, side: number, size: number): Uint8Array {
  const cropped = new Uint8Array(size * size * 3);
  const margin = (side - size) >> 1;
  for (let y = 0; y < size; y++) {
    const start = ((y + margin) * side + margin) * 3;
    cropped.set(pixels.subarray(start, start + size * 3), y * size * 3);
  }
  return cropped;
}

function open({ source, raw }: ImageInput, options: DecodeOptions): Sharp {
  if (raw !== undefined) return loadSharp()(source, { raw });
  return loadSharp()(source, decoderOptions(options.pixelLimit ?? PIXEL_LIMIT));
}

/** Three channels of sRGB, without transparency. */
function asShown(image: Sharp): Sharp {
  return image.flatten({ background: BACKGROUND }).toColourspace("srgb");
}

async function pixelsOf(
  input: string | Uint8Array,
  image: Sharp,
  { width, height }: ImageShape,
  options: DecodeOptions,
): Promise<Uint8Array> {
  let data: Buffer;
  let channels: number;
  try {
    const result = await asShown(image).raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
    data = result.data;
    channels = result.info.channels;
  } catch (error) {
    throw badImage(input, error, options.pixelLimit ?? PIXEL_LIMIT);
  }
  if (channels !== 3 || data.length !== width * height * 3) {
    throw new Error(`sharp gave ${data.length} bytes in ${channels} channels for ${width} x ${height} pixels`);
  }
  return data;
}
