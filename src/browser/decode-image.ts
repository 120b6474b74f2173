/** What a page has as an image, to the pixels of a network's input. Files are decoded by the browser; scaling is rbnet's own. */
import { messageOf, UserError } from "../errors.js";
import { centredSquare, PIXEL_LIMIT, type PixelImage } from "../pixels/square.js";
import { type BlobLike, bytesGiven, refuseGiven } from "../runtime/given.js";

/** Anything that a canvas can draw: an image, video or canvas element, an ImageBitmap, a VideoFrame. */
export interface Drawable {
  readonly width: number;
  readonly height: number;
}

/** A file or Blob of an image, something drawable, or pixels (an ImageData). */
export type BrowserImage = BlobLike | Drawable | PixelImage;

/**
 * [size, size, 3] RGB bytes of the image's centre.
 *
 * @throws UserError where it is no image, or the engine cannot decode or draw it
 */
export async function decodeBrowserImage(image: BrowserImage, size: number): Promise<Uint8Array> {
  if (typeof image !== "object" || image === null || bytesGiven(image) !== undefined)
    refuseGiven("the image", image, "a Blob, an element that can be drawn, or pixels { data, width, height }");
  if ("data" in image) return centredSquare(image, size);
  if (typeof createImageBitmap !== "function" || typeof OffscreenCanvas !== "function")
    throw new UserError(
      "there is nothing here that decodes pictures; decode them elsewhere and give pixels { data, width, height }",
    );
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(image as Blob, { imageOrientation: "from-image" });
  } catch (error) {
    throw new UserError(`the image cannot be decoded (${messageOf(error)}); give a picture in a format that this browser shows`, {
      cause: error,
    });
  }
  try {
    return centredSquare(pixelsOf(bitmap), size);
  } finally {
    bitmap.close();
  }
}

/** The centred square of a bitmap on white. */
function pixelsOf(bitmap: ImageBitmap): PixelImage {
  const { width, height } = bitmap;
  if (width * height > PIXEL_LIMIT)
    throw new UserError(`the image has ${width * height} pixels, at most ${PIXEL_LIMIT} are possible; scale it down first`);
  const side = Math.min(width, height);
  const context = new OffscreenCanvas(side, side).getContext("2d", { willReadFrequently: true });
  if (context === null) throw new UserError("this browser gives no canvas to read pixels from; use one that does");
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, side, side);
  context.drawImage(bitmap, -((width - side) >> 1), -((height - side) >> 1));
  return context.getImageData(0, 0, side, side);
}
