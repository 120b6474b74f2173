/** What a network sees of pixels in memory: the centre, on white, at its size. */
import { describe, expect, it } from "vitest";
import { UserError } from "#rbnet/errors";
import { centredSquare, type PixelImage } from "#rbnet/pixels/square";

/** An image whose pixel at (x, y) is colour(x, y). */
function imageOf(width: number, height: number, colour: (x: number, y: number) => readonly number[]): PixelImage {
  const values = Array.from({ length: width * height }, (_, i) => colour(i % width, Math.floor(i / width))).flat();
  return { data: Uint8ClampedArray.from(values), width, height };
}

describe("centredSquare", () => {
  it("keeps an image of the network's size as it is, whatever its channels", () => {
    const grey = (x: number, y: number): number => (x * 31 + y * 17) % 256;
    const expected = imageOf(9, 9, (x, y) => [grey(x, y), grey(x, y), grey(x, y)]).data;
    for (const channels of [1, 3, 4]) {
      const image = imageOf(9, 9, (x, y) => [...Array(Math.min(3, channels)).fill(grey(x, y)), ...(channels === 4 ? [255] : [])]);
      expect([...centredSquare(image, 9)]).toEqual([...expected]);
    }
  });

  it("takes the centre of a wide and of a tall image", () => {
    const columns = centredSquare(
      imageOf(12, 4, (x) => [x, 0, 0]),
      4,
    );
    expect([0, 1, 2, 3].map((x) => columns[3 * x])).toEqual([4, 5, 6, 7]);
    const rows = centredSquare(
      imageOf(4, 13, (_x, y) => [y, 0, 0]),
      4,
    );
    expect([0, 1, 2, 3].map((y) => rows[12 * y])).toEqual([4, 5, 6, 7]);
  });

  it("shows what is transparent on white", () => {
    const image = imageOf(8, 8, (x) => [100, 0, 200, x < 4 ? 0 : 51]);
    const pixels = centredSquare(image, 8);
    expect([...pixels.subarray(0, 3)]).toEqual([255, 255, 255]);
    expect([...pixels.subarray(12, 15)]).toEqual([224, 204, 244]);
  });

  it("leaves out the margin that evaluation leaves out of large images", () => {
    // 256 pixels with a frame of 16: exactly the part that a 224 pixel network does not see.
    const framed = imageOf(256, 256, (x, y) => (Math.min(x, y) < 16 || Math.max(x, y) >= 240 ? [255, 0, 0] : [0, 9, 0]));
    expect(new Set(centredSquare(framed, 224))).toEqual(new Set([0, 9]));
    const twice = imageOf(512, 512, (x, y) => (Math.min(x, y) < 30 || Math.max(x, y) >= 482 ? [255, 0, 0] : [0, 9, 0]));
    expect(new Set(centredSquare(twice, 224))).toEqual(new Set([0, 9]));
    const least = imageOf(146, 146, (x, y) => (Math.min(x, y) < 8 || Math.max(x, y) >= 138 ? [255, 0, 0] : [0, 9, 0]));
    expect(new Set(centredSquare(least, 64))).toEqual(new Set([0, 9]));
    const small = imageOf(60, 60, (x) => (x === 0 ? [255, 0, 0] : [0, 9, 0]));
    expect(centredSquare(small, 60)[0]).toBe(255);
  });

  it("scales a small image up and a large one down without changing its colour", () => {
    for (const side of [1, 5, 33, 100]) {
      expect(new Set(centredSquare({ data: new Uint8Array(side * side * 3).fill(77), width: side, height: side }, 32))).toEqual(
        new Set([77]),
      );
    }
  });

  it.each([
    [{ data: new Uint8Array(10), width: 2, height: 2 }, /2 x 2 pixels has 10 bytes, but needs 1, 3 or 4 for each pixel/],
    [{ data: new Uint8Array(0), width: 0, height: 4 }, /0 x 4 pixels, but both have to be whole numbers from 1/],
    [{ data: new Uint8Array(3), width: 0.5, height: 2 }, /0\.5 x 2 pixels/],
    [{ data: new Uint8Array(3), width: Number.NaN, height: 1 }, /NaN x 1 pixels/],
    [{ data: new Uint8Array(3), width: 1e5, height: 1e5 }, /10000000000 pixels, at most 64000000 are possible/],
  ])("refuses an image whose numbers do not fit: %o", (image, sentence) => {
    expect(() => centredSquare(image, 8)).toThrow(UserError);
    expect(() => centredSquare(image, 8)).toThrow(sentence);
  });
});
