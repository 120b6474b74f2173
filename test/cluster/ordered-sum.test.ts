/** Sums over parts: the same bits however the parts lie on processes, and every element exactly once. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ALONE } from "#rbnet/cluster/alone";
import { roundToBfloat16 } from "#rbnet/cluster/bfloat16";
import { addInOrder, shareOf } from "#rbnet/cluster/ordered-sum";

describe("shares", () => {
  it("divide all parts in the order of the ranks, none with more than one more than another", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 64 }), (count, size) => {
        const shares = Array.from({ length: size }, (_, rank) => shareOf(count, rank, size));
        expect(shares.flatMap(({ first, end }) => Array.from({ length: end - first }, (_, i) => first + i))).toEqual([
          ...Array(count).keys(),
        ]);
        const lengths = shares.map(({ first, end }) => end - first);
        expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

const part = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 8, maxLength: 8 });

const sums = { elements: 8, meansFrom: 8, precision: "float32" } as const;

/** The nearest number of eight significant bits, of two as near the one whose last bit is 0: by arithmetic, not by bits. */
function nearest(value: number): number {
  if (value === 0 || !Number.isFinite(value)) return value;
  // Below the least exponent the spacing stays what it is.
  const unit = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(value))), -126) - 7);
  const below = Math.floor(value / unit);
  const rest = value / unit - below;
  const isUp = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
  const rounded = (isUp ? below + 1 : below) * unit;
  return Math.abs(rounded) >= 2 ** 128 ? Math.sign(rounded) * Number.POSITIVE_INFINITY : rounded;
}

describe("bfloat16", () => {
  const float = fc.oneof(
    fc.float(),
    fc.float({ min: Math.fround(-4e-38), max: Math.fround(4e-38) }),
    fc.integer({ min: -600, max: 600 }),
  );

  it("is the nearest of its numbers, and what is no number stays none", () => {
    fc.assert(
      fc.property(fc.array(float, { minLength: 1, maxLength: 9 }), (numbers) => {
        const values = Float32Array.from(numbers);
        const rounded = values.slice();
        roundToBfloat16(rounded);
        // A sign of nothing is no difference.
        expect([...rounded].map((value) => value + 0)).toEqual([...values].map((value) => nearest(value) + 0));
      }),
    );
    const nothing = new Float32Array(new Uint32Array([0x7f800001, 0xffffffff]).buffer);
    roundToBfloat16(nothing);
    expect([...nothing]).toEqual([Number.NaN, Number.NaN]);
  });

  it("is what parts and their sums are rounded to, while means are not", () => {
    const form = { elements: 3, meansFrom: 2, precision: "bfloat16" } as const;
    const sum = ALONE.openSum(form, { count: 2, first: 0, end: 2 });
    // 1 + 2^-9 is 1 in eight bits; 257 is 256 or 258.
    sum.own[0]!.set([1 + 2 ** -9, 256, 1 + 2 ** -9]);
    sum.own[1]!.set([1 + 2 ** -9, 1, 1 + 2 ** -9]);
    sum.add(1, 3);
    sum.add(0, 1);
    expect([...sum.total]).toEqual([2, 256, 1 + 2 ** -9]);
  });
});

describe("an ordered sum", () => {
  it("is the same in stretches as at once, rounded once from float64", () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), fc.integer({ min: 0, max: 8 }), (parts, cut) => {
        const sum = ALONE.openSum(sums, { count: parts.length, first: 0, end: parts.length });
        for (const [index, values] of parts.entries()) sum.own[index]?.set(values);
        sum.add(cut, 8);
        sum.add(0, cut);
        const expected = Array.from({ length: 8 }, (_, i) => Math.fround(parts.reduce((total, values) => total + values[i], 0)));
        expect([...sum.total].map((value) => value + 0)).toEqual(expected.map((value) => value + 0));
      }),
    );
  });

  it("has means behind the sums, and the mean of equal numbers is that number", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), fc.integer({ min: 1, max: 9 }), (value, parts) => {
        const total = new Float32Array(2);
        const values = new Float32Array(2 * parts).fill(value);
        addInOrder(values, { parts, stride: 2 }, total, { from: 0, end: 2, meansFrom: 1 });
        expect(total[1]).toBe(value);
      }),
    );
  });
});
