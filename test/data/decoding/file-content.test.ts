/** What files are by their first bytes, and what is said of those that are no images. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { contentOf } from "#rbnet/data/decoding/file-content";
import { decodeImage } from "#rbnet/data/decoding/image-file";
import { temporaryFolder } from "../../temporary-folder.js";
import { picture } from "../picture-folders.js";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
const container = (...brands: readonly string[]): Uint8Array =>
  bytes(`\0\0\0${String.fromCharCode(16 + 4 * (brands.length - 1))}ftyp${brands[0]}\0\0\0\0${brands.slice(1).join("")}rest`);
const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16"><rect width="16" height="16"/></svg>';

describe("the content of a file", () => {
  it("is the format of what our own encoder writes", async () => {
    const image = picture(16, 16);
    const encoded = {
      JPEG: image.clone().jpeg(),
      PNG: image.clone().png(),
      WebP: image.clone().webp(),
      GIF: image.clone().gif(),
      TIFF: image.clone().tiff(),
      AVIF: image.clone().avif(),
    };
    for (const [format, file] of Object.entries(encoded)) expect(contentOf(await file.toBuffer())).toBe(format);
  });

  it("of a container is told by its brands: AVIF and HEIC share one, videos have others", () => {
    expect(contentOf(container("mif1", "avif", "miaf"))).toBe("AVIF");
    expect(contentOf(container("heic", "mif1"))).toBe("HEIC");
    expect(contentOf(container("mif1", "heic"))).toBe("HEIC");
    expect(contentOf(container("isom", "mp42"))).toMatchObject({ many: "videos" });
    expect(contentOf(container("qt  "))).toMatchObject({ many: "videos" });
  });

  it.each([
    ["", "empty files"],
    [SVG, "SVG drawings"],
    [`<?xml version="1.0"?>\n<!-- drawn -->\n${SVG}`, "SVG drawings"],
    ["<!DOCTYPE html><html>404</html>", "HTML pages"],
    ["version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS pointers"],
    ["hello", "text files"],
    ["BMW, Audi", "text files"],
    ["%PDF-1.7", "PDF documents"],
    ["PK\x03\x04", "ZIP archives"],
    ["\x1f\x8b\x08", "gzip archives"],
    ["\x80\x04\x95", "Python pickles"],
    ["8BPS", "Photoshop files"],
    ["P6\n2 2\n255\n", "Netpbm pictures (PPM)"],
    ["\0\x05\x16\x07", "resource files of a Mac"],
    [`${"x".repeat(100)}${"\0".repeat(157)}ustar\0`, "tar archives"],
    ["\0".repeat(64), "files of an unknown kind"],
  ])("%j is among %s", (text, many) => {
    expect(contentOf(bytes(text))).toMatchObject({ many });
  });
});

describe("what is no image", () => {
  async function reasonOf(data: Uint8Array, name: string): Promise<string> {
    const path = join(temporaryFolder(), name);
    writeFileSync(path, data);
    const [byPath, byBytes] = await Promise.all(
      [path, data].map((input) => decodeImage(input, 16).then(String, (error: { readonly reason: string }) => error.reason)),
    );
    expect(byBytes).toBe(byPath);
    return byPath!;
  }

  it("is refused in its own terms, whatever it is called", async () => {
    expect(await reasonOf(container("heic", "mif1"), "IMG_1.jpg")).toBe(
      "it is a HEIC picture, which is not read here; convert it to JPEG, for example by `magick mogrify -format jpg *.HEIC`, " +
        "or `sips -s format jpeg` on a Mac",
    );
    expect(await reasonOf(bytes(""), "empty.png")).toBe("it is an empty file, not an image");
    expect(await reasonOf(bytes("<html></html>"), "page.jpg")).toBe("it is an HTML page, not an image");
    expect(await reasonOf(bytes("\0\0\0\0"), "zeros.jpg")).toBe("it is not an image in a known format");
    expect(await decodeImage(temporaryFolder(), 16).catch((error: Error) => error.message)).toMatch(/: it is a folder$/);
  });

  it("is a drawing, too, which could draw other files", async () => {
    expect(await reasonOf(bytes(SVG), "drawing.png")).toBe("it is an SVG drawing, not an image");
  });

  it("is not told by its name: a PNG without an ending is decoded", async () => {
    const path = join(temporaryFolder(), "no-ending");
    await sharp({ create: { width: 16, height: 16, channels: 3, background: "#0080ff" } })
      .png()
      .toFile(path);
    expect([...(await decodeImage(path, 16)).subarray(0, 3)]).toEqual([0, 128, 255]);
  });
});
