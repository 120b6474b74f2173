/** Crops that are scaled from the pixels they need: what the reference makes of them is what sharp makes of the whole image. */
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { scaleCrop } from "#rbnet/backend/reference/crops";
import { Random } from "#rbnet/data/random";
import { encodedCropRoom, finishedCrop, planCrop, planSquareCrop, squareCropRoom, wordsOf } from "#rbnet/pixels/crops";
import { RegionResizer } from "#rbnet/pixels/resize";
import { AWKWARD_CROPS, awkwardWords, cropWords, pieceOf, placeOf, roughPixels } from "./awkward-crops.js";

/** How far values are apart at most, and the share of them that are the same. */
function compare(one: Uint8Array, other: Uint8Array): { readonly most: number; readonly same: number } {
  expect(one.length).toBe(other.length);
  let [most, same] = [0, 0];
  for (const [i, value] of one.entries()) {
    most = Math.max(most, Math.abs(value - (other[i] as number)));
    if (value === other[i]) same++;
  }
  return { most, same: same / one.length };
}

async function scaledBySharp(crop: (typeof AWKWARD_CROPS)[number]): Promise<Uint8Array> {
  const [width, height, fullWidth, fullHeight, left, top, size] = crop;
  return sharp(roughPixels(width, height), { raw: { width, height, channels: 3 } })
    .resize(fullWidth, fullHeight, { fit: "fill" })
    .extract({ left, top, width: size, height: size })
    .raw()
    .toBuffer();
}

describe("crops of encoded images", () => {
  it("are the decoder's bytes, whichever way they are scaled", async () => {
    for (const crop of AWKWARD_CROPS) {
      const made = scaleCrop(awkwardWords(crop), 0, crop[6]);
      expect(compare(made, await scaledBySharp(crop)), `${crop}`).toEqual({ most: 0, same: 1 });
    }
  });

  it("are so at any place of any image", async () => {
    const random = new Random(5);
    let [most, same] = [0, 0];
    const rounds = 60;
    for (let round = 0; round < rounds; round++) {
      const size = 24;
      const [width, height] = [20 + random.integer(200), 20 + random.integer(200)];
      const [fullWidth, fullHeight] = [width, height].map((length) => {
        const least = Math.max(size, Math.ceil(length / 3.9));
        return least + random.integer(2 * length);
      }) as [number, number];
      const crop = [width, height, fullWidth, fullHeight, random.integer(fullWidth - size + 1)] as const;
      const whole = [...crop, random.integer(fullHeight - size + 1), size] as const;
      const found = compare(scaleCrop(awkwardWords(whole), 0, size), await scaledBySharp(whole));
      most = Math.max(most, found.most);
      same += found.same / rounds;
    }
    // 1,000 such crops were the same to the last byte; a place between two phases may round otherwise on another machine.
    expect(most).toBeLessThanOrEqual(2);
    expect(same).toBeGreaterThan(0.999);
  });

  it("need no more of the image than the filters reach", () => {
    const place = placeOf([500, 375, 320, 240, 60, 10, 224]);
    const plan = planCrop(500, 375, place, encodedCropRoom(224, 1));
    // 1.5625 pixels make one: the first lies at 94.5 of the row, the last at 443, and five pixels more on each side count.
    expect(plan?.piece).toEqual({ left: 89, top: 11, width: 359, height: 359 });
  });

  it("are left to the decoder where they are reduced four times, or need more room", () => {
    const room = encodedCropRoom(32, 1);
    const place = { left: 0, top: 0, size: 32 };
    expect(planCrop(128, 100, { ...place, fullWidth: 32, fullHeight: 32 }, room)).toBeUndefined();
    expect(planCrop(127, 100, { ...place, fullWidth: 32, fullHeight: 32 }, room)).toBeDefined();
    expect(planCrop(127, 127, { ...place, fullWidth: 32, fullHeight: 32 }, room)).toBeDefined();
    expect(planCrop(127, 127, { ...place, fullWidth: 32, fullHeight: 32 }, { ...room, bytes: 40_000 })).toBeUndefined();
    expect(planCrop(127, 127, { ...place, fullWidth: 32, fullHeight: 32 }, { ...room, between: 4000 })).toBeUndefined();
    // Of a large batch less is left to each, but never less than a crop that is scaled.
    expect(encodedCropRoom(32, 4).bytes).toBe(room.bytes);
    expect(encodedCropRoom(32, 20_000)).toEqual({ ...room, bytes: 4 * Math.floor(2 ** 29 / 80_000) });
    expect(encodedCropRoom(32, 2 ** 22).bytes).toBe(4 * wordsOf(finishedCrop(32)));
  });
});

describe("crops of squares in memory", () => {
  it("are those of RegionResizer, to a level of brightness", () => {
    const random = new Random(2);
    for (const [side, size] of [
      [32, 13],
      [64, 48],
      [20, 31],
      [150, 16],
      [1, 5],
    ] as const) {
      const pixels = roughPixels(side, side);
      for (let round = 0; round < 6; round++) {
        const [width, height] = [side * (0.1 + 0.9 * random.uniform()), side * (0.1 + 0.9 * random.uniform())];
        const region = { width, height, left: (side - width) * random.uniform(), top: (side - height) * random.uniform() };
        const plan = planSquareCrop(side, region, size);
        expect(4 * wordsOf(plan)).toBeLessThanOrEqual(squareCropRoom(side, size).bytes);
        const expected = new Uint8Array(size * size * 3);
        new RegionResizer(size).resize(pixels, 0, side, region, expected);
        const made = scaleCrop(cropWords(plan, pieceOf(pixels, side, plan.piece)), 0, size);
        const { most, same } = compare(made, expected);
        expect(most, `${side} to ${size}`).toBeLessThanOrEqual(1);
        expect(same).toBeGreaterThan(0.6);
      }
    }
  });
});
