/** Crops that are decoded to be scaled elsewhere: scaled by the reference, they are those that the decoder scales. */
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { scaleCrop } from "#rbnet/backend/reference/crops";
import { decodeCrop, decodeRegion } from "#rbnet/data/decoding/image-file";
import { UserError } from "#rbnet/errors";
import { encodedCropRoom } from "#rbnet/pixels/crops";
import { cropWords, roughPixels } from "../../pixels/awkward-crops.js";
import { temporaryFolder } from "../../temporary-folder.js";
import { picture, write } from "../picture-folders.js";

const SIZE = 40;
const room = encodedCropRoom(SIZE, 1);
/** From a corner of the image to all of it: enlarged, nearly as it is, made smaller. */
const REGIONS = [
  { left: 0.71, top: 0.63, width: 0.29, height: 0.37 },
  { left: 0.11, top: 0, width: 0.46, height: 0.5 },
  { left: 0, top: 0.02, width: 1, height: 0.9 },
] as const;

const rough = (width: number, height: number): Sharp =>
  sharp(roughPixels(width, height), { raw: { width, height, channels: 3 } });

/** How far apart both are at most, for each region, and how many of the regions were left to be scaled. */
async function compare(input: Uint8Array | string): Promise<{ readonly apart: number; readonly left: number }> {
  let [apart, left] = [0, 0];
  for (const region of REGIONS) {
    const seen: number[][] = [];
    const choose = (...shape: number[]) => {
      seen.push(shape);
      return region;
    };
    const expected = await decodeRegion(input, SIZE, choose);
    const { plan, pixels } = await decodeCrop(input, SIZE, choose, room);
    expect(seen[1]).toEqual(seen[0]);
    expect(pixels.length).toBe(plan.piece.width * plan.piece.height * 3);
    const made = scaleCrop(cropWords(plan, pixels), 0, SIZE);
    if (!Buffer.from(pixels).equals(expected)) left++;
    apart = made.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] as number))), apart);
  }
  return { apart, left };
}

describe("decodeCrop", () => {
  it("leaves the scaling of every format of bytes, whose crops are the decoder's", async () => {
    for (const [name, image] of Object.entries({
      jpeg: rough(97, 83).jpeg({ quality: 90 }),
      "progressive jpeg": rough(97, 83).jpeg({ progressive: true }),
      "grey jpeg": rough(97, 83).toColourspace("b-w").jpeg(),
      png: rough(97, 83).png(),
      "png with a palette": rough(97, 83).png({ palette: true, colours: 16 }),
      "png with transparency": rough(97, 83).ensureAlpha(0.4).png(),
      gif: rough(97, 83).gif(),
      tiff: rough(97, 83).tiff({ compression: "lzw" }),
      avif: rough(97, 83).avif({ quality: 80 }),
    })) {
      expect(await compare(await image.toBuffer()), name).toEqual({ apart: 0, left: REGIONS.length });
    }
  }, 60_000);

  it("has the decoder scale what it turns, reduces as it decodes, or has in more than bytes", async () => {
    const turned = await rough(97, 83).jpeg().withMetadata({ orientation: 6 }).toBuffer();
    expect(await compare(turned)).toEqual({ apart: 0, left: 0 });
    expect(await compare(await rough(97, 83).toColourspace("rgb16").png().toBuffer())).toEqual({ apart: 0, left: 0 });
    // WebP is reduced by whatever both sides have in common: nothing in the first region, whose pixels are fewer than the crop's.
    expect(await compare(await rough(97, 83).webp({ lossless: true }).toBuffer())).toEqual({ apart: 0, left: 1 });
    // JPEG from three times on: 1.6, 2.5 and 4.5 pixels make one on the side where they are fewer, or 1.96, 3.1 and 5.9.
    expect(await compare(await picture(217, 200).jpeg().toBuffer())).toEqual({ apart: 0, left: 2 });
    expect(await compare(await picture(270, 260).jpeg().toBuffer())).toEqual({ apart: 0, left: 1 });
    // More than four times smaller.
    expect(await compare(await picture(400, 400).png().toBuffer())).toEqual({ apart: 0, left: 1 });
  });

  it("reads files as it reads bytes, also those whose header is long", async () => {
    const root = temporaryFolder();
    const long = rough(97, 83)
      .jpeg()
      .withExif({ IFD0: { ImageDescription: "x".repeat(3000) } });
    const [plain, exif] = await Promise.all([rough(97, 83).jpeg().toBuffer(), long.toBuffer()]);
    write(root, { "plain.jpg": plain, "long.jpg": exif });
    for (const name of ["plain.jpg", "long.jpg"])
      expect(await compare(join(root, name))).toEqual({ apart: 0, left: REGIONS.length });
  });

  it("names what cannot be used", async () => {
    const whole = await rough(97, 83).jpeg().toBuffer();
    const region = REGIONS[2];
    const crop = (bytes: Uint8Array, pixelLimit?: number) =>
      decodeCrop(bytes, SIZE, () => region, room, pixelLimit === undefined ? {} : { pixelLimit });
    await expect(crop(whole.subarray(0, whole.length >> 1))).rejects.toThrow(UserError);
    await expect(crop(whole.subarray(0, whole.length >> 1))).rejects.toThrow(/truncated or damaged/);
    await expect(crop(whole, 5000)).rejects.toThrow(/more than 0.005 megapixels/);
  });
});
