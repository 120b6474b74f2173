/** JPEG headers that are read without the decoder say what the decoder says, or nothing. */
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { jpegHeader } from "#rbnet/data/decoding/jpeg-header";
import { picture } from "../picture-folders.js";

const bytesOf = (image: Sharp): Promise<Buffer> => image.toBuffer();

describe("jpegHeader", () => {
  it("knows shape and components of every kind of JPEG", async () => {
    const image = picture(70, 43);
    for (const [name, encoded] of Object.entries({
      usual: image.clone().jpeg(),
      progressive: image.clone().jpeg({ progressive: true }),
      "each pixel with its own colours": image.clone().jpeg({ chromaSubsampling: "4:4:4" }),
      grey: image.clone().toColourspace("b-w").jpeg(),
      inks: image.clone().toColourspace("cmyk").jpeg(),
      "with a profile and EXIF data": image.clone().keepIccProfile().withMetadata({ orientation: 1 }).jpeg(),
    })) {
      const bytes = await bytesOf(encoded);
      const { width, height, channels } = await sharp(bytes).metadata();
      expect(jpegHeader(bytes), name).toEqual({ width, height, components: channels, turned: false });
    }
  });

  it("sees in EXIF data of either order of bytes that an image may be turned", async () => {
    for (const orientation of [2, 3, 6, 8]) {
      const bytes = await bytesOf(picture(70, 43).withMetadata({ orientation }).jpeg());
      expect(jpegHeader(bytes)).toMatchObject({ width: 70, height: 43, turned: true });
    }
    const segment = (tiff: string): Buffer => {
      const exif = Buffer.concat([Buffer.from("Exif\0\0", "latin1"), Buffer.from(tiff, "hex")]);
      const head = Buffer.from([0xff, 0xd8, 0xff, 0xe1, 0, exif.length + 2]);
      return Buffer.concat([head, exif]);
    };
    const rest = (await bytesOf(picture(20, 10).jpeg())).subarray(2);
    const turned = (tiff: string): boolean | undefined => jpegHeader(Buffer.concat([segment(tiff), rest]))?.turned;
    expect(turned("4d4d002a00000008000101120003000000010006000000000000")).toBe(true);
    expect(turned("4d4d002a00000008000101120003000000010001000000000000")).toBe(false);
    expect(turned("49492a0008000000010012010300010000000600000000000000")).toBe(true);
    expect(turned("49492a0008000000010012010300010000000100000000000000")).toBe(false);
    // Cut off, or pointing beyond its end: nobody knows.
    expect(turned("4d4d002a")).toBe(true);
    expect(turned("4d4d002a00000800000101120003000000010001000000000000")).toBe(true);
    expect(turned("4d4d002a00000008007701120003000000010001000000000000")).toBe(true);
  });

  it("says nothing where the bytes end before the pixels, or are out of order", async () => {
    const bytes = await bytesOf(picture(70, 43).jpeg());
    const scan = bytes.indexOf(Buffer.from([0xff, 0xda]));
    expect(jpegHeader(bytes.subarray(0, scan + 10))).toBeDefined();
    for (const end of [2, 3, 11, 24, 170, scan, scan + 9]) expect(jpegHeader(bytes.subarray(0, end))).toBeUndefined();
    const broken = Buffer.from(bytes);
    broken[2] = 0x12;
    expect(jpegHeader(broken)).toBeUndefined();
    const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
    const flat = Buffer.from(bytes);
    flat.writeUInt16BE(0, frame + 5);
    expect(jpegHeader(flat)).toBeUndefined();
  });
});
