/** Decoding: every format and colour model ends as the same square of RGB bytes, and what is no usable image is named with a reason. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { centreCrop, decodeImage, decodeRegion, decodeSquare, imageShape } from "#rbnet/data/decoding/image-file";
import { UserError } from "#rbnet/errors";
import { storedSide } from "#rbnet/pixels/square";
import { temporaryFolder } from "../../temporary-folder.js";
import { gradient, picture } from "../picture-folders.js";

/** Largest difference of two pictures, value by value. */
function difference(one: Uint8Array, other: Uint8Array): number {
  expect(one.length).toBe(other.length);
  return one.reduce((most, value, index) => Math.max(most, Math.abs(value - other[index]!)), 0);
}

async function reasonFor(input: string | Uint8Array, pixelLimit?: number): Promise<string> {
  const error: unknown = await decodeImage(input, 32, pixelLimit === undefined ? {} : { pixelLimit }).then(
    () => new Error("it was decoded"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
}

describe("decodeImage", () => {
  it("returns the pixels of a lossless image of the right size unchanged", async () => {
    for (const encoded of [
      picture(32, 32, 3).png(),
      picture(32, 32, 3).webp({ lossless: true }),
      picture(32, 32, 3).tiff({ compression: "deflate" }),
    ]) {
      expect(Buffer.from(await decodeImage(await encoded.toBuffer(), 32)).equals(gradient(32, 32, 3))).toBe(true);
    }
  });

  it("reads JPEG, WebP, AVIF and GIF to within their loss", async () => {
    const image = picture(32, 32, 3);
    const formats = {
      jpeg: image.clone().jpeg({ quality: 95 }),
      webp: image.clone().webp({ quality: 95 }),
      avif: image.clone().avif({ quality: 90 }),
      gif: image.clone().gif(),
    };
    for (const [format, encoded] of Object.entries(formats)) {
      const error = difference(await decodeImage(await encoded.toBuffer(), 32), gradient(32, 32, 3));
      expect(error, format).toBeLessThan(40);
      expect(error, format).toBeGreaterThan(0);
    }
  });

  it("takes the first picture of an animated GIF", async () => {
    const frames = await Promise.all(
      ["#ff0000", "#0000ff"].map((background) =>
        sharp({ create: { width: 16, height: 16, channels: 3, background } })
          .png()
          .toBuffer(),
      ),
    );
    const animation = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer();
    expect([...(await decodeImage(animation, 16)).subarray(0, 3)]).toEqual([255, 0, 0]);
  });

  it("turns an image as its EXIF orientation says, for all eight", async () => {
    const upright = gradient(32, 32, 9);
    // What a camera stores for each orientation is the upright picture, turned the other way.
    const stored: Record<number, (image: Sharp) => Sharp> = {
      1: (image) => image,
      2: (image) => image.flop(),
      3: (image) => image.rotate(180),
      4: (image) => image.flip(),
      6: (image) => image.rotate(270),
      8: (image) => image.rotate(90),
    };
    for (const [orientation, turn] of Object.entries(stored)) {
      const raw = await turn(picture(32, 32, 9))
        .raw()
        .toBuffer();
      const file = await sharp(raw, { raw: { width: 32, height: 32, channels: 3 } })
        .withMetadata({ orientation: Number(orientation) })
        .png()
        .toBuffer();
      expect(difference(await decodeImage(file, 32), upright), `orientation ${orientation}`).toBe(0);
    }
    // 5 and 7 mirror at the two diagonals.
    for (const [orientation, last] of [
      [5, 0],
      [7, 31],
    ] as const) {
      const mirrored = Buffer.alloc(upright.length);
      for (let y = 0; y < 32; y++) {
        for (let x = 0; x < 32; x++) {
          const from = (Math.abs(last - x) * 32 + Math.abs(last - y)) * 3;
          upright.copy(mirrored, (y * 32 + x) * 3, from, from + 3);
        }
      }
      const raw = { raw: { width: 32, height: 32, channels: 3 } } as const;
      const file = await sharp(mirrored, raw).withMetadata({ orientation }).png().toBuffer();
      expect(difference(await decodeImage(file, 32), upright), `orientation ${orientation}`).toBe(0);
    }
  });

  it("makes three equal channels of grey", async () => {
    const grey = sharp(Buffer.alloc(32 * 32, 77), { raw: { width: 32, height: 32, channels: 1 } });
    for (const file of [
      await grey.clone().toColourspace("b-w").png().toBuffer(),
      await grey.clone().toColourspace("b-w").jpeg().toBuffer(),
    ]) {
      expect((await sharp(file).metadata()).channels).toBe(1);
      expect(new Set(await decodeImage(file, 32))).toEqual(new Set([77]));
    }
  });

  it("converts CMYK as printed: no ink is white, cyan is blue-green", async () => {
    const cmyk = await picture(32, 32).toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(cmyk).metadata()).space).toBe("cmyk");
    const corner = [...(await decodeImage(cmyk, 32)).subarray(0, 3)];
    for (const value of corner) expect(value).toBeLessThan(70); // the gradient starts black
    const white = await sharp({ create: { width: 32, height: 32, channels: 3, background: "#ffffff" } })
      .toColourspace("cmyk")
      .jpeg({ quality: 100 })
      .toBuffer();
    for (const value of (await decodeImage(white, 32)).subarray(0, 3)) expect(value).toBeGreaterThan(245);
  });

  it("takes inks without a profile for factors of light, as browsers do, behind long EXIF data and turned, too", async () => {
    const stored = await picture(32, 48)
      .toColourspace("cmyk")
      .withExif({ IFD0: { ImageDescription: "x".repeat(3000) } })
      .jpeg({ quality: 100 })
      .toBuffer();
    // The tag of the orientation, a short.
    const tag = stored.indexOf(Buffer.from("120103000100000001", "hex"));
    stored[tag + 8] = 6;
    expect(await sharp(stored).metadata()).toMatchObject({ space: "cmyk", hasProfile: false, orientation: 6 });
    const inks = await sharp(stored, { autoOrient: true })
      .pipelineColourspace("cmyk")
      .toColourspace("cmyk")
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(inks.info).toMatchObject({ width: 48, height: 32, channels: 4 });
    const colours = Uint8Array.from({ length: 48 * 32 * 3 }, (_, i) => {
      const at = 4 * Math.floor(i / 3);
      return Math.round(((255 - inks.data[at + (i % 3)]!) * (255 - inks.data[at + 3]!)) / 255);
    });
    const expected = await sharp(colours, { raw: { width: 48, height: 32, channels: 3 } })
      .png()
      .toBuffer();
    expect(await decodeImage(stored, 32)).toEqual(await decodeImage(expected, 32));
    expect(await imageShape(stored)).toMatchObject({ width: 48, height: 32 });
  });

  it("leaves inks with a profile to it", async () => {
    const stored = await picture(32, 32).toColourspace("cmyk").withIccProfile("cmyk").jpeg({ quality: 100 }).toBuffer();
    const expected = await sharp(stored).toColourspace("srgb").raw().toBuffer();
    expect(Buffer.from(await decodeImage(stored, 32))).toEqual(expected);
  });

  it("puts transparent pixels on white, in proportion", async () => {
    const half = await sharp({ create: { width: 16, height: 16, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0.5 } } })
      .png()
      .toBuffer();
    for (const value of await decodeImage(half, 16)) expect(Math.abs(value - 127)).toBeLessThanOrEqual(1);
    const clear = await sharp({ create: { width: 16, height: 16, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0 } } })
      .webp()
      .toBuffer();
    expect(new Set(await decodeImage(clear, 16))).toEqual(new Set([255]));
  });

  it("keeps the high byte of 16-bit images, grey and with transparency too", async () => {
    const bright = Uint16Array.from({ length: 16 * 16 * 3 }, () => 0x80ff);
    const file = await sharp(bright, { raw: { width: 16, height: 16, channels: 3 } })
      .toColourspace("rgb16")
      .png()
      .toBuffer();
    expect((await sharp(file).metadata()).depth).toBe("ushort");
    for (const value of await decodeImage(file, 16)) expect(Math.abs(value - 0x80)).toBeLessThanOrEqual(1);
    const grey = await sharp(bright.subarray(0, 256), { raw: { width: 16, height: 16, channels: 1 } })
      .toColourspace("grey16")
      .png()
      .toBuffer();
    for (const value of await decodeImage(grey, 16)) expect(Math.abs(value - 0x80)).toBeLessThanOrEqual(1);
    const halfClear = Uint16Array.from({ length: 16 * 16 * 4 }, (_, index) => (index % 4 === 3 ? 0x8000 : 0));
    const alpha = await sharp(halfClear, { raw: { width: 16, height: 16, channels: 4 } })
      .toColourspace("rgb16")
      .png()
      .toBuffer();
    for (const value of await decodeImage(alpha, 16)) expect(Math.abs(value - 127)).toBeLessThanOrEqual(2);
  });

  it("takes the centre of an oblong image, whichever way it lies", async () => {
    for (const [width, height] of [
      [96, 32],
      [32, 96],
    ] as const) {
      const pixels = gradient(width, height, 1);
      const centre = await sharp(pixels, { raw: { width, height, channels: 3 } })
        .extract({ left: (width - 32) / 2, top: (height - 32) / 2, width: 32, height: 32 })
        .raw()
        .toBuffer();
      expect(difference(await decodeImage(await picture(width, height, 1).png().toBuffer(), 32), centre)).toBe(0);
    }
  });

  it("scales large inputs by the usual margin of 256 to 224 and crops it away", async () => {
    expect([storedSide(32), storedSide(63), storedSide(64), storedSide(224)]).toEqual([32, 63, 73, 256]);
    const file = await picture(300, 256, 5).png().toBuffer();
    const whole = await decodeSquare(file, 256);
    expect(difference(await decodeImage(file, 224), centreCrop(whole, 256, 224))).toBe(0);
    expect([...centreCrop(whole, 256, 224).subarray(0, 3)]).toEqual([
      ...whole.subarray((16 * 256 + 16) * 3, (16 * 256 + 16) * 3 + 3),
    ]);
  });

  it("sees what a short side of 256 and the centre of 224 leave of an oblong photograph", async () => {
    const file = await picture(500, 375, 9).jpeg({ quality: 95 }).toBuffer();
    const short = await sharp(file).resize(null, 256).raw().toBuffer({ resolveWithObject: true });
    const { width, height } = short.info;
    const [left, top] = [(width - 224) >> 1, (height - 224) >> 1];
    const expected = await sharp(short.data, { raw: { width, height, channels: 3 } })
      .extract({ left, top, width: 224, height: 224 })
      .raw()
      .toBuffer();
    expect(height).toBe(256);
    expect(difference(await decodeImage(file, 224), expected)).toBeLessThanOrEqual(5);
  });

  it("names what is wrong with a bad file", async () => {
    const folder = temporaryFolder();
    const jpeg = await picture(64, 64).jpeg().toBuffer();
    const file = (name: string, data: Uint8Array | string): string => {
      writeFileSync(join(folder, name), data);
      return join(folder, name);
    };
    expect(await reasonFor(file("text.jpg", "hello"))).toMatch(/text\.jpg: it is a text file, not an image/);
    expect(await reasonFor(file("cut.jpg", jpeg.subarray(0, jpeg.length - 200)))).toMatch(/cut\.jpg: it is truncated or damaged/);
    expect(await reasonFor(file("empty.png", ""))).toMatch(/empty\.png: /);
    expect(await reasonFor(join(folder, "none.jpg"))).toMatch(/none\.jpg: there is no such file/);
    expect(await reasonFor(file("large.png", await picture(64, 64).png().toBuffer()), 4095)).toMatch(
      /more than 0\.004095 megapixels/,
    );
  });

  it("does not call a TIFF damaged whose colours are Lab", async () => {
    const tiff = await picture(16, 16).removeAlpha().tiff({ compression: "none" }).toBuffer();
    // Entries of 12 bytes: the tag, the kind, the count, the value.
    const photometric = tiff.indexOf(Buffer.from([6, 1, 3, 0, 1, 0, 0, 0, 2, 0]));
    tiff[photometric + 8] = 8;
    expect(await reasonFor(tiff)).toMatch(/its colours are Lab, which cannot be read; save it in RGB/);
  });

  it("refuses a 100-megapixel image without decoding it", async () => {
    const large = await sharp({ create: { width: 10_000, height: 10_000, channels: 3, background: "#123456" } })
      .png({ compressionLevel: 1 })
      .toBuffer();
    expect(await reasonFor(large)).toMatch(/more than 64 megapixels/);
    await expect(imageShape(large)).rejects.toThrow(/more than 64 megapixels/);
  });

  it("never crashes on damaged bytes: a mutated file decodes or is named", async () => {
    const formats = [
      picture(40, 30).jpeg(),
      picture(40, 30).png(),
      picture(40, 30).webp(),
      picture(40, 30).gif(),
      picture(40, 30).tiff(),
    ];
    for (const encoded of formats) {
      const file = await encoded.toBuffer();
      for (let round = 0; round < 25; round++) {
        const mutated = Buffer.from(file);
        for (let change = 0; change < 3; change++) mutated[(round * 7919 + change * 104729) % mutated.length] ^= 1 << (round % 8);
        const outcome = await decodeImage(mutated, 32).catch((error: unknown) => error);
        if (outcome instanceof Uint8Array) expect(outcome.length).toBe(32 * 32 * 3);
        else expect(outcome).toBeInstanceOf(UserError);
      }
    }
  });
});

describe("decodeRegion", () => {
  it("cuts the chosen part, to within a pixel, from the upright image", async () => {
    const file = await picture(200, 100).withMetadata({ orientation: 1 }).png().toBuffer();
    const pixels = await decodeRegion(file, 50, (width, height) => {
      expect([width, height]).toEqual([200, 100]);
      return { left: 0.5, top: 0.25, width: 0.25, height: 0.5 };
    });
    // Red runs with x, green with y: the region is x 100..150 and y 25..75.
    expect(Math.abs(pixels[0]! - 127)).toBeLessThan(6);
    expect(Math.abs(pixels[1]! - 64)).toBeLessThan(6);
    expect(Math.abs(pixels.at(-3)! - 191)).toBeLessThan(6);
    expect(Math.abs(pixels.at(-2)! - 191)).toBeLessThan(6);
  });

  it("of a large JPEG, scaled while it is decoded, are those of a lossless copy to within the loss", async () => {
    const large = picture(2000, 1504, 4);
    const [jpeg, png] = [await large.jpeg({ quality: 95 }).toBuffer(), await large.png({ compressionLevel: 1 }).toBuffer()];
    // From nearly all of the image, which the decoder makes eight times smaller, to a piece that it has to enlarge.
    for (const share of [0.95, 0.4, 0.2, 0.05]) {
      const region = { left: 0.03, top: 0.31 * (1 - share), width: share, height: share };
      const [fast, exact] = [await decodeRegion(jpeg, 112, () => region), await decodeRegion(png, 112, () => region)];
      expect(difference(fast, exact), `a share of ${share}`).toBeLessThanOrEqual(6);
    }
  });
});
