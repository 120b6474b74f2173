/** What the decoder is given: only what is an image by its content; of a bitmap, and of inks, the pixels. */
import { closeSync, openSync, readSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { SharpOptions } from "sharp";
import { codeOf, messageOf } from "../../errors.js";
import { PIXEL_LIMIT } from "../../pixels/square.js";
import { BadImageError, badImage, nameOf, tooLarge } from "./bad-image.js";
import { type Bitmap, bitmapShape, decodeBitmap } from "./bmp.js";
import { type Content, contentOf, HEAD_BYTES, HEIC_PICTURE, type OtherContent, UNKNOWN_FILE } from "./file-content.js";
import { decodeInks, mayHaveInks } from "./inks.js";
import { type JpegHeader, jpegHeader } from "./jpeg-header.js";
import { loadSharp } from "./sharp.js";

/** A path or the bytes of an encoded image, or pixels and their shape. */
export interface ImageInput {
  readonly source: string | Uint8Array;
  readonly raw: Pick<Bitmap, "width" | "height" | "channels"> | undefined;
  /** Where it is a JPEG that says at once what it is. */
  readonly jpeg?: JpegHeader | undefined;
}

/** A file's first bytes that are looked at where it is a JPEG: EXIF data take up to 64 KB, and are usually the first of its segments. */
const JPEG_HEAD_BYTES = 1 << 16;

/** Builds of libvips with HEVC say so by the endings that they take. */
function readsHeic(): boolean {
  return loadSharp().format.heif.input.fileSuffix?.includes(".heic") === true;
}

/** Why something with this content cannot be decoded here; undefined where it can. */
export function refusalOf(content: Content): OtherContent | undefined {
  if (typeof content !== "string") return content;
  return content === "HEIC" && !readsHeic() ? HEIC_PICTURE : undefined;
}

/**
 * @throws BadImageError where the input cannot be read, or is no image that can be decoded
 * @throws UserError where there is no decoder
 */
export async function readyInput(
  input: string | Uint8Array,
  { pixelLimit = PIXEL_LIMIT }: { readonly pixelLimit?: number },
): Promise<ImageInput> {
  // A decoder that is not there is no fault of the image.
  loadSharp();
  const head = typeof input === "string" ? await reading(input, async () => headOf(input)) : input.subarray(0, HEAD_BYTES);
  const content = contentOf(head);
  const refusal = refusalOf(content);
  if (typeof content !== "string" || refusal !== undefined)
    throw new BadImageError(nameOf(input), reasonOf(refusal ?? UNKNOWN_FILE));
  if (content === "BMP") return readyBitmap(input, pixelLimit);
  const jpeg = content === "JPEG" ? jpegHeaderOf(input, head) : undefined;
  const inks = mayHaveInks(content, jpeg) ? await readyInks(input, pixelLimit) : undefined;
  return inks ?? { source: input, raw: undefined, jpeg };
}

function jpegHeaderOf(input: string | Uint8Array, head: Uint8Array): JpegHeader | undefined {
  if (typeof input !== "string") return jpegHeader(input);
  return jpegHeader(head) ?? jpegHeader(headOf(input, JPEG_HEAD_BYTES));
}

/** How images are opened: "error" refuses truncated files but lets pass the harmless warnings that many real photographs give. */
export function decoderOptions(pixelLimit: number): SharpOptions {
  return { failOn: "error", limitInputPixels: pixelLimit, autoOrient: true };
}

async function readyInks(input: string | Uint8Array, pixelLimit: number): Promise<ImageInput | undefined> {
  try {
    const decoded = await decodeInks(input, decoderOptions(pixelLimit));
    if (decoded === undefined) return undefined;
    const { pixels, ...raw } = decoded;
    return { source: pixels, raw };
  } catch (error) {
    throw badImage(input, error, pixelLimit);
  }
}

async function readyBitmap(input: string | Uint8Array, pixelLimit: number): Promise<ImageInput> {
  const bytes = typeof input === "string" ? await reading(input, () => readFile(input)) : input;
  const decoded = <Result>(decode: (bytes: Uint8Array) => Result): Result => {
    try {
      return decode(bytes);
    } catch (error) {
      throw new BadImageError(nameOf(input), messageOf(error));
    }
  };
  const { width, height } = decoded(bitmapShape);
  if (width * height > pixelLimit) throw new BadImageError(nameOf(input), tooLarge(pixelLimit));
  const { pixels, channels } = decoded(decodeBitmap);
  return { source: pixels, raw: { width, height, channels } };
}

/** The first bytes of a file. At once: waiting for three answers of the thread pool takes ten times as long. */
export function headOf(path: string, bytes = HEAD_BYTES): Uint8Array {
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(bytes);
    return head.subarray(0, readSync(file, head, 0, bytes, 0));
  } finally {
    closeSync(file);
  }
}

async function reading<Result>(path: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") throw new BadImageError(path, "there is no such file");
    if (code === "EISDIR") throw new BadImageError(path, "it is a folder");
    throw new BadImageError(path, `it cannot be read (${messageOf(error)})`);
  }
}

function reasonOf({ one, advice }: OtherContent): string {
  if (one === UNKNOWN_FILE.one) return "it is not an image in a known format";
  return `it is ${one}, ${advice?.startsWith("convert") ? `which is not read here; ${advice.replace("them", "it")}` : "not an image"}`;
}
