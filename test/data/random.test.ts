/** Random streams: decided by their keys alone, and plainly random in what is drawn. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "#rbnet/data/random";

const key = fc.integer({ min: -(2 ** 53) + 1, max: 2 ** 53 - 1 });

describe("Random", () => {
  it("draws the same numbers for the same keys", () => {
    fc.assert(
      fc.property(fc.array(key, { maxLength: 4 }), (keys) => {
        const one = new Random(...keys);
        const other = new Random(...keys);
        for (let draw = 0; draw < 5; draw++) expect(one.uniform()).toBe(other.uniform());
      }),
    );
  });

  it("draws other numbers when any key, their order or their number changes", () => {
    const streams = [[], [0], [0, 0], [1], [1, 0], [0, 1], [-1], [2 ** 32], [2 ** 32 + 1], [1, 2, 3], [3, 2, 1], [1, 2, 4]];
    const first = streams.map((keys) => new Random(...keys).uniform());
    expect(new Set(first).size).toBe(streams.length);
  });

  it("gives neighbouring streams unrelated, uniform first draws", () => {
    const bins = new Array<number>(16).fill(0);
    let product = 0;
    let last = 0.5;
    for (let image = 0; image < 16_000; image++) {
      const draw = new Random(7, 3, image).uniform();
      bins[Math.floor(draw * 16)]!++;
      product += (draw - 0.5) * (last - 0.5);
      last = draw;
    }
    const chiSquared = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquared).toBeLessThan(40); // 15 degrees of freedom: above 40 once in 2,000
    expect(Math.abs(product / 16_000)).toBeLessThan(0.003);
  });

  it("draws integers over the whole range and nothing beyond", () => {
    const random = new Random(1);
    const seen = new Set(Array.from({ length: 400 }, () => random.integer(7)));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it("draws normals of mean 0 and standard deviation 1", () => {
    const random = new Random(2);
    const draws = Array.from({ length: 50_000 }, () => random.normal());
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
    const variance = draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length;
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(Math.abs(variance - 1)).toBeLessThan(0.03);
  });

  it("shuffles to a permutation, every place equally likely", () => {
    const places = new Array<number>(5).fill(0);
    for (let seed = 0; seed < 5000; seed++) {
      const array = Uint32Array.from([0, 1, 2, 3, 4]);
      new Random(seed).shuffle(array);
      expect([...array].sort()).toEqual([0, 1, 2, 3, 4]);
      places[array.indexOf(0)]!++;
    }
    for (const count of places) expect(Math.abs(count - 1000)).toBeLessThan(130);
  });

  it("refuses a key that is no integer, which would silently collide", () => {
    expect(() => new Random(0.5)).toThrow("safe integer");
    expect(() => new Random(Number.NaN)).toThrow("safe integer");
  });
});
