/** What convolutions with real weights take of the WebAssembly memory while they run, and how they share it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Address } from "#rbnet/backend/wasm/runner";
import { SlicedConvolution, sliceNeeds } from "#rbnet/backend/wasm/slices";
import { Stack } from "#rbnet/backend/wasm/stack";
import { type WindowGeometry, windowCount } from "#rbnet/tensor";
import { convolutions } from "./shapes.js";

/** A 3 x 3 convolution that keeps the map. */
function square(images: number, side: number, channels: number): WindowGeometry {
  const origins = Array.from({ length: side }, (_, i) => i - 1);
  return { images, height: side, width: side, channels, kernel: 3, step: 1, rows: origins, columns: origins };
}

const PIXELS: WindowGeometry = {
  images: 100,
  height: 2,
  width: 3,
  channels: 5,
  kernel: 1,
  step: 1,
  rows: [0, 1],
  columns: [0, 1, 2],
};
const MAP = { signs: false, inputGradient: false };
const SIGNS = { signs: true, inputGradient: false };

describe("slices", () => {
  it("hold sixteen images, and no more than 32 MB of columns", () => {
    expect(sliceNeeds(square(100, 32, 3), 8, MAP)).toMatchObject({ images: 16, bytes: 16 * 32 * 32 * 27 * 4 });
    expect(sliceNeeds(square(7, 32, 3), 8, MAP).images).toBe(7);
    const { images, bytes } = sliceNeeds(square(100, 112, 16), 8, MAP);
    expect(images).toBe(4);
    expect(bytes).toBeLessThanOrEqual(32 * 2 ** 20);
    expect(sliceNeeds(square(100, 512, 16), 8, MAP).images).toBe(1);
  });

  it("are none where the windows are the pixels of the map, except of their signs", () => {
    expect(sliceNeeds(PIXELS, 8, MAP)).toEqual({ images: 100, columnBytes: 0, bytes: 0 });
    expect(sliceNeeds(PIXELS, 8, SIGNS).images).toBe(16);
    for (const other of [{ columns: [0, 1] }, { rows: [1, 0] }, { rows: [-1, 0] }, { kernel: 2 }])
      expect(sliceNeeds({ ...PIXELS, ...other }, 8, MAP).columnBytes).toBeGreaterThan(0);
  });

  it("leave room for transposed weights where the input's gradient is wanted", () => {
    for (const geometry of [PIXELS, square(3, 5, 7)]) {
      const inputs = geometry.kernel ** 2 * geometry.channels;
      const without = sliceNeeds(geometry, 11, MAP).bytes;
      expect(sliceNeeds(geometry, 11, { signs: false, inputGradient: true }).bytes).toBe(without + 4 * 11 * inputs);
    }
  });

  it("cover every window once, in order", () => {
    fc.assert(
      fc.property(convolutions, fc.boolean(), (geometry, signs) => {
        const needs = sliceNeeds(geometry, 8, { signs, inputGradient: true });
        const { slices } = new SlicedConvolution({ geometry }, 8, needs, 64 as Address);
        let [image, row] = [0, 0];
        for (const slice of slices) {
          expect([slice.image, slice.row]).toEqual([image, row]);
          expect(slice.images).toBeLessThanOrEqual(needs.images);
          image += slice.images;
          row += slice.rows;
        }
        expect([image, row]).toEqual([geometry.images, windowCount(geometry)]);
      }),
    );
  });
});

describe("what is shared", () => {
  it("is used by all that fit", () => {
    const stack = new Stack(128);
    const large = stack.share(1000);
    stack.reserve(64);
    const { bytes } = stack;
    expect(stack.share(900)).toBe(large);
    expect(stack.share(1000)).toBe(large);
    expect(stack.bytes).toBe(bytes);
  });

  it("grows where nothing lies above it, so that it is as large as the largest", () => {
    const stack = new Stack(0);
    const first = stack.share(100);
    expect([stack.share(500), stack.share(300), stack.share(800)]).toEqual([first, first, first]);
    expect(stack.bytes).toBe(800);
    expect(stack.reserve(16)).toBeGreaterThanOrEqual(first + 800);
  });

  it("never reaches into what lies above it", () => {
    const stack = new Stack(0);
    const first = stack.share(100);
    const tensor = stack.reserve(100);
    const second = stack.share(200);
    expect(tensor).toBeGreaterThanOrEqual(first + 100);
    expect(second).toBeGreaterThanOrEqual(tensor + 100);
  });

  it("is as large as it was at a mark that is released, where it has grown since", () => {
    const stack = new Stack(0);
    const first = stack.share(96);
    const mark = stack.mark();
    expect(stack.share(800)).toBe(first);
    stack.release(mark);
    const tensor = stack.reserve(400);
    const again = stack.share(300);
    expect(again).toBeGreaterThanOrEqual(tensor + 400);
    expect(stack.bytes).toBeGreaterThanOrEqual(again + 300);
  });

  it("ends at the release of a mark taken before, and what was taken earlier serves again", () => {
    const stack = new Stack(0);
    const first = stack.share(100);
    stack.reserve(10);
    const mark = stack.mark();
    const second = stack.share(200);
    expect(stack.share(150)).toBe(second);
    stack.release(mark);
    expect(stack.share(80)).toBe(first);
    const { bytes } = stack;
    stack.share(150);
    expect(stack.bytes).toBeGreaterThanOrEqual(bytes + 150);
    expect(() => stack.release(stack.mark() + 16)).toThrow("not a mark");
  });
});
