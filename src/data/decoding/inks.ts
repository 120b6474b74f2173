/**
 * Pictures for print, of four inks instead of three colours. Those without a profile of their inks are converted as browsers do it, so that
 * the page and the program see the same colours: inks multiply, where the decoder would take them for those of an offset press.
 */
import type { SharpOptions } from "sharp";
import type { Bitmap } from "./bmp.js";
import type { ImageFormat } from "./file-content.js";
import type { JpegHeader } from "./jpeg-header.js";
import { loadSharp } from "./sharp.js";

/** Of a profile that says how inks look; at this place of a profile is the kind of colours that it takes. */
const INKS = "CMYK";
const KIND_AT = 16;

/** Whether a picture can have four inks; a JPEG whose header is not known can. */
export function mayHaveInks(format: ImageFormat, jpeg: JpegHeader | undefined): boolean {
  return format === "TIFF" || (format === "JPEG" && (jpeg?.components ?? 4) === 4);
}

/** RGB of a picture of inks that has no profile of them, turned as its EXIF data say; undefined of all others. */
export async function decodeInks(source: string | Uint8Array, options: SharpOptions): Promise<Bitmap | undefined> {
  const { space, icc } = await loadSharp()(source, { limitInputPixels: false }).metadata();
  const kind = icc === undefined ? "" : icc.toString("latin1", KIND_AT, KIND_AT + INKS.length);
  if (space !== "cmyk" || kind === INKS) return undefined;
  const inks = loadSharp()(source, options).pipelineColourspace("cmyk").toColourspace("cmyk").raw({ depth: "uchar" });
  const { data, info } = await inks.toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (channels !== INKS.length) return undefined;
  const pixels = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < data.length; from += channels) {
    const light = 255 - data[from + 3];
    for (let ink = 0; ink < 3; ink++) pixels[to++] = Math.round(((255 - data[from + ink]) * light) / 255);
  }
  return { width, height, channels: 3, pixels };
}
