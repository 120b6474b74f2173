/** The error of an image that cannot be used, and how it names the image. */
import { messageOf, UserError } from "../../errors.js";

/** `reason` is a phrase without the file's name. */
export class BadImageError extends UserError {
  readonly reason: string;

  constructor(name: string, reason: string) {
    super(`cannot read the image ${name}: ${reason}`);
    this.reason = reason;
  }
}

export function tooLarge(pixelLimit: number): string {
  return `it has more than ${pixelLimit / 1e6} megapixels`;
}

/** Of a path or of an image's bytes. */
export function nameOf(input: string | Uint8Array): string {
  return typeof input === "string" ? input : `of ${input.length} bytes`;
}

/** What the decoder has said of an image. */
export function badImage(input: string | Uint8Array, error: unknown, pixelLimit: number): BadImageError {
  const message = messageOf(error);
  if (/unsupported image format/i.test(message)) return new BadImageError(nameOf(input), "it is truncated or damaged");
  if (/exceeds pixel limit/i.test(message)) return new BadImageError(nameOf(input), tooLarge(pixelLimit));
  const [firstLine] = message.split("\n");
  // Lab of three bytes, as photographs for print have it: the decoder reads another form of it only, and calls this one's header corrupt.
  if (/bad labq format/.test(message))
    return new BadImageError(nameOf(input), "its colours are Lab, which cannot be read; save it in RGB, or as PNG or JPEG");
  return new BadImageError(nameOf(input), `it is truncated or damaged (${firstLine.trim().replace(/:$/, "")})`);
}
