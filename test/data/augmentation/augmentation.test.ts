/** Augmentation: geometry checked against a plain statement of what it means, colours against their definition. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Augmentation, checkAugmentation } from "#rbnet/data/augmentation/augmentation";
import { ImageWriter } from "#rbnet/data/augmentation/image-writer";
import { Random } from "#rbnet/data/random";
import { UserError } from "#rbnet/errors";

const mean = [0.4, 0.5, 0.6] as const;
const standardDeviation = [0.2, 0.25, 0.3] as const;

/** [side, side, 3], every pixel different. */
function numbered(side: number): Uint8Array {
  return Uint8Array.from({ length: side * side * 3 }, (_, index) => (index * 89 + (index >> 8) * 31) % 256);
}

function normalized(value: number, channel: number): number {
  return Math.fround((value / 255 - mean[channel]!) / standardDeviation[channel]!);
}

function augment(pixels: Uint8Array, side: number, size: number, augmentation: Augmentation, ...keys: number[]): Float32Array {
  const images = new Float32Array(size * size * 3).fill(Number.NaN);
  new ImageWriter(size, mean, standardDeviation, augmentation).write(pixels, 0, side, images, 0, new Random(...keys));
  return images;
}

/** The source's window at (left, top), mirrored or not, the mean (0) outside: written for clarity, not speed. */
function window(pixels: Uint8Array, side: number, size: number, left: number, top: number, mirrored: boolean): Float32Array {
  return Float32Array.from({ length: size * size * 3 }, (_, index) => {
    const channel = index % 3;
    const x = Math.floor(index / 3) % size;
    const sourceX = left + (mirrored ? size - 1 - x : x);
    const sourceY = top + Math.floor(index / 3 / size);
    const inside = sourceX >= 0 && sourceX < side && sourceY >= 0 && sourceY < side;
    return inside ? normalized(pixels[(sourceY * side + sourceX) * 3 + channel]!, channel) : 0;
  });
}

describe("crop and flip", () => {
  it("without augmentation normalizes the centre", () => {
    for (const side of [8, 9, 12]) {
      const pixels = numbered(side);
      expect(augment(pixels, side, 8, {}, 1)).toEqual(window(pixels, side, 8, (side - 8) >> 1, (side - 8) >> 1, false));
    }
  });

  it("is always one of the windows that the padding allows, mirrored or not", () => {
    const pixels = numbered(10);
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 0, max: 5 }),
        fc.boolean(),
        fc.integer({ min: 8, max: 10 }),
        (seed, padding, flip, size) => {
          const images = augment(pixels, 10, size, { crop: { kind: "pad", padding }, flip }, seed);
          const margin = (10 - size) >> 1;
          const offsets = Array.from({ length: 2 * padding + 1 }, (_, index) => margin + index - padding);
          const candidates = offsets.flatMap((left) =>
            offsets.flatMap((top) =>
              (flip ? [false, true] : [false]).map((mirrored) => window(pixels, 10, size, left, top, mirrored)),
            ),
          );
          expect(candidates.some((candidate) => candidate.every((value, index) => value === images[index]))).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("reaches every offset and both sides, about equally often", () => {
    const pixels = numbered(8);
    const seen = new Map<string, number>();
    for (let seed = 0; seed < 1800; seed++) {
      const key = augment(pixels, 8, 8, { crop: { kind: "pad", padding: 1 }, flip: true }, seed).join();
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    expect(seen.size).toBe(18);
    for (const count of seen.values()) expect(Math.abs(count - 100)).toBeLessThan(45);
  });

  it("writes nothing outside its image", () => {
    const images = new Float32Array(3 * 8 * 8 * 3).fill(9);
    new ImageWriter(8, mean, standardDeviation, { crop: { kind: "pad", padding: 3 }, flip: true, cutout: 4 }).write(
      numbered(8),
      0,
      8,
      images,
      8 * 8 * 3,
      new Random(5),
    );
    expect(images.subarray(0, 192).every((value) => value === 9)).toBe(true);
    expect(images.subarray(384).every((value) => value === 9)).toBe(true);
  });
});

describe("resized crop", () => {
  const crop = { kind: "resized", scale: [0.08, 1], ratio: [3 / 4, 4 / 3] } as const;

  it("chooses regions inside the image, of the area and shape asked for", () => {
    const writer = new ImageWriter(8, mean, standardDeviation, { crop });
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 10, max: 3000 }), fc.integer({ min: 10, max: 3000 }), (seed, width, height) => {
        const region = writer.chooseRegion(width, height, new Random(seed));
        expect(region.left).toBeGreaterThanOrEqual(0);
        expect(region.top).toBeGreaterThanOrEqual(0);
        expect(region.left + region.width).toBeLessThanOrEqual(1 + 1e-9);
        expect(region.top + region.height).toBeLessThanOrEqual(1 + 1e-9);
        const ratio = (region.width * width) / (region.height * height);
        expect(ratio).toBeGreaterThan(0.75 - 1e-9);
        expect(ratio).toBeLessThan(4 / 3 + 1e-9);
      }),
    );
  });

  it("with the whole area is the whole image", () => {
    const pixels = numbered(8);
    expect(augment(pixels, 8, 8, { crop: { kind: "resized", scale: [1, 1], ratio: [1, 1] } }, 3)).toEqual(
      window(pixels, 8, 8, 0, 0, false),
    );
  });

  it("keeps a plain colour plain, wherever it cuts", () => {
    const plain = new Uint8Array(16 * 16 * 3).fill(100);
    for (let seed = 0; seed < 50; seed++) {
      for (const [index, value] of augment(plain, 16, 8, { crop, flip: true }, seed).entries())
        expect(value).toBe(normalized(100, index % 3));
    }
  });
});

describe("colours", () => {
  it("jitter of nothing changes nothing but rounding", () => {
    const pixels = numbered(8);
    const images = augment(pixels, 8, 8, { colorJitter: { brightness: 0, contrast: 0, saturation: 0 } }, 1);
    for (const [index, value] of images.entries()) expect(value).toBeCloseTo(normalized(pixels[index]!, index % 3), 4);
  });

  it("full loss of saturation would be grey, and jitter never leaves the range of colours", () => {
    const pixels = numbered(8);
    for (let seed = 0; seed < 40; seed++) {
      const images = augment(pixels, 8, 8, { colorJitter: { brightness: 1, contrast: 1, saturation: 1 } }, seed);
      images.forEach((value, index) => {
        const color = value * standardDeviation[index % 3]! + mean[index % 3]!;
        expect(color).toBeGreaterThan(-1e-5);
        expect(color).toBeLessThan(1 + 1e-5);
      });
    }
  });

  it("brightness scales all values by one factor within its range", () => {
    const pixels = new Uint8Array(8 * 8 * 3).fill(100);
    const factors = Array.from({ length: 300 }, (_, seed) => {
      const images = augment(pixels, 8, 8, { colorJitter: { brightness: 0.4, contrast: 0, saturation: 0 } }, seed);
      return (images[0]! * standardDeviation[0] + mean[0]) / (100 / 255);
    });
    expect(Math.min(...factors)).toBeGreaterThan(0.6 - 1e-4);
    expect(Math.max(...factors)).toBeLessThan(1.4 + 1e-4);
    expect(Math.max(...factors) - Math.min(...factors)).toBeGreaterThan(0.7);
  });

  it("lighting shifts each channel by one value, of the components' deviation", () => {
    const pixels = numbered(8);
    const shifts: number[] = [];
    for (let seed = 0; seed < 3000; seed++) {
      const images = augment(pixels, 8, 8, { lighting: 0.1 }, seed);
      const shift = images[0]! - normalized(pixels[0]!, 0);
      expect(images[150]! - normalized(pixels[150]!, 0)).toBeCloseTo(shift, 5);
      shifts.push(shift * standardDeviation[0]);
    }
    const spread = Math.sqrt(shifts.reduce((sum, shift) => sum + shift * shift, 0) / shifts.length);
    const expected = 0.1 * Math.hypot(0.5675 * 0.2175, 0.7192 * 0.0188, 0.4009 * 0.0045);
    expect(spread / expected).toBeGreaterThan(0.93);
    expect(spread / expected).toBeLessThan(1.07);
  });
});

describe("cutout", () => {
  it("blanks one square in the mean colour, clipped at the border, and leaves the rest", () => {
    const pixels = numbered(16).map((value) => (value === 102 || value === 128 || value === 153 ? 1 : value));
    const plain = augment(pixels, 16, 16, {}, 0);
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 16 }), (seed, cutout) => {
        const images = augment(pixels, 16, 16, { cutout }, seed);
        const cut: [number, number][] = [];
        for (let pixel = 0; pixel < 256; pixel++) {
          const values = images.subarray(pixel * 3, pixel * 3 + 3);
          if (values.every((value) => value === 0)) cut.push([pixel % 16, pixel >> 4]);
          else expect(values).toEqual(plain.subarray(pixel * 3, pixel * 3 + 3));
        }
        const columns = new Set(cut.map(([x]) => x)).size;
        const rows = new Set(cut.map(([, y]) => y)).size;
        expect(cut.length).toBe(columns * rows);
        expect(Math.max(columns, rows)).toBeLessThanOrEqual(cutout);
        expect(Math.min(columns, rows)).toBeGreaterThanOrEqual(Math.min(cutout, Math.ceil(cutout / 2)));
      }),
    );
  });
});

describe("checkAugmentation", () => {
  it("refuses what makes no sense, in a sentence with the value", () => {
    const wrong: [Augmentation, RegExp][] = [
      [{ crop: { kind: "pad", padding: 32 } }, /padding of 32 .* from 0 to 31/],
      [{ crop: { kind: "pad", padding: 1.5 } }, /padding of 1.5/],
      [{ crop: { kind: "resized", scale: [0.5, 0.2], ratio: [1, 1] } }, /scale of 0.5 to 0.2/],
      [{ crop: { kind: "resized", scale: [0.5, 1], ratio: [0, 1] } }, /ratio of 0 to 1/],
      [{ colorJitter: { brightness: 2, contrast: 0, saturation: 0 } }, /brightness of 2/],
      [{ lighting: Number.NaN }, /lighting of NaN/],
      [{ cutout: 33 }, /cutout of 33/],
      [{ mixup: -1 }, /mixup of -1/],
    ];
    for (const [augmentation, sentence] of wrong) {
      expect(() => checkAugmentation(augmentation, 32)).toThrow(UserError);
      expect(() => checkAugmentation(augmentation, 32)).toThrow(sentence);
    }
  });
});
