/** Scaling of pixels in memory, against what scaling means. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RegionResizer } from "#rbnet/pixels/resize";

describe("RegionResizer", () => {
  it("copies a region of the same size exactly", () => {
    const pixels = Uint8Array.from({ length: 12 * 12 * 3 }, (_, index) => (index * 97) % 256);
    const target = new Uint8Array(8 * 8 * 3);
    new RegionResizer(8).resize(pixels, 0, 12, { left: 3, top: 2, width: 8, height: 8 }, target);
    for (let y = 0; y < 8; y++)
      expect(target.subarray(y * 24, y * 24 + 24)).toEqual(pixels.subarray(((y + 2) * 12 + 3) * 3, ((y + 2) * 12 + 11) * 3));
  });

  it("keeps a linear ramp linear away from the border, at any scale and offset", () => {
    const ramp = Uint8Array.from(
      { length: 40 * 40 * 3 },
      (_, index) => 2 * (Math.floor(index / 3) % 40) + 3 * Math.floor(index / 120),
    );
    const resizer = new RegionResizer(10); // one for all: nothing of an earlier region may remain
    const target = new Uint8Array(300);
    fc.assert(
      fc.property(
        fc.double({ min: 0.2, max: 2.5, noNaN: true }),
        fc.double({ min: 4, max: 11, noNaN: true }),
        fc.double({ min: 4, max: 11, noNaN: true }),
        (scale, left, top) => {
          resizer.resize(ramp, 0, 40, { left, top, width: 10 * scale, height: 10 * scale }, target);
          for (const [x, y] of [
            [0, 0],
            [4, 7],
            [9, 9],
          ] as const) {
            const expected = 2 * (left + (x + 0.5) * scale - 0.5) + 3 * (top + (y + 0.5) * scale - 0.5);
            expect(Math.abs(target[(y * 10 + x) * 3]! - expected)).toBeLessThan(1.1);
          }
        },
      ),
    );
  });

  it("averages when it shrinks, so that stripes finer than a pixel turn to grey instead of aliasing", () => {
    const stripes = Uint8Array.from({ length: 64 * 64 * 3 }, (_, index) =>
      ((Math.floor(index / 3) % 64) + 2) % 8 < 4 ? 200 : 0,
    );
    const target = new Uint8Array(8 * 8 * 3);
    new RegionResizer(8).resize(stripes, 0, 64, { left: 0, top: 0, width: 64, height: 64 }, target);
    for (let y = 0; y < 8; y++) {
      // The outermost pixels see only half of the filter.
      for (let x = 1; x < 7; x++) expect(Math.abs(target[(y * 8 + x) * 3]! - 100)).toBeLessThan(4);
    }
  });
});
