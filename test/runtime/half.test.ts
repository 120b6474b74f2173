/** Float16 of the model file: every one of its 65,536 numbers, and the nearest of them to any other. */
import { describe, expect, it } from "vitest";
import { Random } from "#rbnet/data/random";
import { fromHalf, LARGEST_HALF, toHalf } from "#rbnet/runtime/half";

const isNaNBits = (bits: number): boolean => (bits & 0x7fff) > 0x7c00;

describe("float16", () => {
  it("knows the numbers that the standard gives as examples", () => {
    const examples = [
      [0x0000, 0],
      [0x3c00, 1],
      [0x3555, 0.333251953125],
      [0xc000, -2],
      [0x7bff, LARGEST_HALF],
      [0x0400, 2 ** -14],
      [0x0001, 2 ** -24],
      [0x7c00, Number.POSITIVE_INFINITY],
    ] as const;
    for (const [bits, value] of examples) {
      expect(fromHalf(bits)).toBe(value);
      expect(toHalf(value)).toBe(bits);
    }
    expect(Object.is(fromHalf(0x8000), -0)).toBe(true);
    expect(fromHalf(toHalf(Number.NaN))).toBeNaN();
  });

  it("gives every number back", () => {
    for (let bits = 0; bits < 65_536; bits++) if (!isNaNBits(bits)) expect(toHalf(fromHalf(bits))).toBe(bits);
  });

  it("takes the nearest of two neighbours, and the even one from their middle", () => {
    const random = new Random(3);
    for (let attempt = 0; attempt < 20_000; attempt++) {
      const bits = random.integer(0x7bff);
      const [low, high] = [fromHalf(bits), fromHalf(bits + 1)];
      const share = random.uniform();
      const value = low + share * (high - low);
      const nearest = value - low < high - value ? bits : bits + 1;
      if (value - low !== high - value) expect(toHalf(value)).toBe(nearest);
      expect(toHalf(-(low + high) / 2)).toBe(0x8000 | (bits % 2 === 0 ? bits : bits + 1));
    }
  });

  it("has nothing beyond its largest but infinity", () => {
    expect(toHalf(65_519)).toBe(0x7bff);
    expect(toHalf(65_520)).toBe(0x7c00);
    expect(toHalf(-1e300)).toBe(0xfc00);
  });
});
