/** Bitmaps of every kind that programs write, built byte by byte, and the pixels that they stand for. */
import { describe, expect, it } from "vitest";
import { decodeBitmap } from "#rbnet/data/decoding/bmp";
import { decodeImage, imageShape } from "#rbnet/data/decoding/image-file";
import { gradient } from "../picture-folders.js";

interface Parts {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly compression?: number;
  /** Length of the second header. */
  readonly header?: number;
  /** Red, green, blue and alpha. */
  readonly masks?: readonly number[];
  /** Red, green, blue. */
  readonly palette?: readonly (readonly number[])[];
  readonly data: readonly number[] | Uint8Array;
}

function bitmap({ width, height, bits, compression = 0, header = 40, masks = [], palette = [], data }: Parts): Buffer {
  const outside = header === 40 ? masks.length * 4 : 0;
  const colourBytes = header === 12 ? 3 : 4;
  const start = 14 + header + outside + palette.length * colourBytes;
  const bytes = Buffer.alloc(start + data.length);
  bytes.write("BM");
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(start, 10);
  bytes.writeUInt32LE(header, 14);
  if (header === 12) {
    for (const [place, value] of [width, height, 1, bits].entries()) bytes.writeUInt16LE(value, 18 + 2 * place);
  } else {
    bytes.writeInt32LE(width, 18);
    bytes.writeInt32LE(height, 22);
    bytes.writeUInt16LE(1, 26);
    bytes.writeUInt16LE(bits, 28);
    bytes.writeUInt32LE(compression, 30);
    bytes.writeUInt32LE(palette.length, 46);
  }
  for (const [place, mask] of masks.entries()) bytes.writeUInt32LE(mask >>> 0, 54 + 4 * place);
  for (const [place, [red = 0, green = 0, blue = 0]] of palette.entries())
    bytes.set([blue, green, red], 14 + header + outside + place * colourBytes);
  bytes.set(data, start);
  return bytes;
}

const RED = [255, 0, 0];
const GREEN = [0, 255, 0];
const BLUE = [0, 0, 255];
const WHITE = [255, 255, 255];
const PALETTE = [RED, GREEN, BLUE, WHITE];
const pixelsOf = (file: Uint8Array): number[] => [...decodeBitmap(file).pixels];

describe("a bitmap", () => {
  it("of 24 bits has its last row first, blue before red, and rows of whole words", () => {
    const data = [...BLUE.toReversed(), ...WHITE, 0, 0, ...RED.toReversed(), ...GREEN, 0, 0];
    const upright = [...RED, ...GREEN, ...BLUE, ...WHITE];
    expect(pixelsOf(bitmap({ width: 2, height: 2, bits: 24, data }))).toEqual(upright);
    const turned = [...BLUE, ...WHITE, ...RED, ...GREEN];
    expect(pixelsOf(bitmap({ width: 2, height: -2, bits: 24, data }))).toEqual(turned);
  });

  it.each([
    [1, [0b01000000], [...RED, ...GREEN, ...RED]],
    [2, [0b00011100], [...RED, ...GREEN, ...WHITE]],
    [4, [0x02, 0x30], [...RED, ...BLUE, ...WHITE]],
    [8, [1, 2, 3], [...GREEN, ...BLUE, ...WHITE]],
  ])("of %i bits names colours of its palette", (bits, row, expected) => {
    const data = [...row, 0, 0, 0].slice(0, 4);
    const palette = PALETTE.slice(0, 2 ** bits);
    expect(pixelsOf(bitmap({ width: 3, height: 1, bits, palette, data }))).toEqual(expected);
    expect(pixelsOf(bitmap({ width: 3, height: 1, bits, palette, data, header: 124 }))).toEqual(expected);
    expect(pixelsOf(bitmap({ width: 3, height: 1, bits, palette, data, header: 12 }))).toEqual(expected);
  });

  it("of 16 bits has five a colour, or what its fields say", () => {
    const words = (...values: readonly number[]): number[] => values.flatMap((value) => [value & 255, value >> 8]);
    expect(pixelsOf(bitmap({ width: 2, height: 1, bits: 16, data: words(0x7c00, 0x4210) }))).toEqual([255, 0, 0, 132, 132, 132]);
    const masks = [0xf800, 0x07e0, 0x001f];
    const data = words(0x07e0, 0x8410);
    expect(pixelsOf(bitmap({ width: 2, height: 1, bits: 16, compression: 3, masks, data }))).toEqual([0, 255, 0, 132, 130, 132]);
  });

  it("of 32 bits is opaque, unless fields say where alpha is and any is used", () => {
    expect(pixelsOf(bitmap({ width: 1, height: 1, bits: 32, data: [3, 2, 1, 0] }))).toEqual([1, 2, 3]);
    const masks = [0xff0000, 0xff00, 0xff, 0xff000000];
    const parts = { width: 2, height: 1, bits: 32, compression: 3, header: 124, masks };
    expect(pixelsOf(bitmap({ ...parts, data: [3, 2, 1, 9, 6, 5, 4, 0] }))).toEqual([1, 2, 3, 9, 4, 5, 6, 0]);
    expect(pixelsOf(bitmap({ ...parts, data: [3, 2, 1, 0, 6, 5, 4, 0] }))).toEqual([1, 2, 3, 255, 4, 5, 6, 255]);
  });

  it("of run lengths repeats, copies, jumps and ends early", () => {
    // Bottom row: two of 1, then 2 and 3 as they are. A jump of one to the right and one up; one of 3; the end.
    const bytes = [2, 1, 0, 3, 2, 3, 3, 0, 0, 0, 0, 2, 1, 0, 1, 3, 0, 1];
    const file = bitmap({ width: 5, height: 2, bits: 8, compression: 1, palette: PALETTE, data: bytes });
    expect(pixelsOf(file)).toEqual([...RED, ...WHITE, ...RED, ...RED, ...RED, ...GREEN, ...GREEN, ...BLUE, ...WHITE, ...WHITE]);
    const nibbles = [3, 0x12, 0, 3, 0x32, 0x10, 0, 1];
    expect(pixelsOf(bitmap({ width: 6, height: 1, bits: 4, compression: 2, palette: PALETTE, data: nibbles }))).toEqual(
      [GREEN, BLUE, GREEN, WHITE, BLUE, GREEN].flat(),
    );
  });

  it("is decoded as any other image is, and its shape is known", async () => {
    const pixels = gradient(32, 32, 5);
    const data = Buffer.alloc(pixels.length);
    for (let y = 0; y < 32; y++)
      for (let x = 0; x < 32; x++)
        for (let c = 0; c < 3; c++) data[((31 - y) * 32 + x) * 3 + 2 - c] = pixels[(y * 32 + x) * 3 + c]!;
    const file = bitmap({ width: 32, height: 32, bits: 24, data });
    expect(Buffer.from(await decodeImage(file, 32)).equals(pixels)).toBe(true);
    expect(await imageShape(file)).toMatchObject({ width: 32, height: 32 });
    await expect(decodeImage(file, 32, { pixelLimit: 1000 })).rejects.toThrow(/more than 0\.001 megapixels/);
  });

  it("that is cut off, empty or of an unusual kind is refused with the reason, wherever the cut is", async () => {
    const file = bitmap({ width: 9, height: 9, bits: 24, data: new Uint8Array(9 * 28) });
    for (let length = 18; length < file.length; length++)
      await expect(decodeImage(file.subarray(0, length), 16), `${length} bytes`).rejects.toThrow(
        /its header is cut off|it is cut off/,
      );
    const runs = bitmap({ width: 9, height: 9, bits: 8, compression: 1, palette: PALETTE, data: [4, 1, 0] });
    await expect(decodeImage(runs, 16)).rejects.toThrow(/it is cut off/);
    const odd = { width: 9, height: 9, bits: 24, data: new Uint8Array(300) };
    await expect(decodeImage(bitmap({ ...odd, compression: 4 }), 16)).rejects.toThrow(
      /BMP of an unusual kind \(24 bits, compression 4\)/,
    );
    await expect(decodeImage(bitmap({ ...odd, width: 0 }), 16)).rejects.toThrow(/its size is 0 x 9/);
    await expect(decodeImage(bitmap({ ...odd, width: 30_000, height: 30_000 }), 16)).rejects.toThrow(/more than 64 megapixels/);
  });
});
