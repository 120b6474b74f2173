/** Counting elements, words and windows. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { elementCount, type WindowGeometry, windowCount, windowSize, wordsFor } from "#rbnet/tensor";

describe("elementCount", () => {
  it("multiplies the sides; a scalar has one element and an empty side none", () => {
    expect(elementCount([2, 3, 5])).toBe(30);
    expect(elementCount([])).toBe(1);
    expect(elementCount([4, 0, 7])).toBe(0);
  });
});

describe("wordsFor", () => {
  it("packs 33 signs into two words", () => {
    expect([0, 1, 31, 32, 33, 64, 65].map(wordsFor)).toEqual([0, 1, 1, 1, 2, 2, 3]);
  });

  it("is the smallest number of words that holds all bits", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), (bits) => {
        expect(wordsFor(bits) * 32).toBeGreaterThanOrEqual(bits);
        expect((wordsFor(bits) - 1) * 32).toBeLessThan(bits);
      }),
    );
  });
});

describe("windows", () => {
  it("are one for each grid position of each image, over all taps and channels", () => {
    const geometry: WindowGeometry = {
      images: 3,
      height: 8,
      width: 6,
      channels: 5,
      kernel: 2,
      step: 4,
      rows: [-1, 0, 3],
      columns: [0, 2],
    };
    expect(windowCount(geometry)).toBe(18);
    expect(windowSize(geometry)).toBe(20);
  });
});
