/** Sums over parts: the same bits however the parts lie on processes, and every element exactly once. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ALONE } from "#rbnet/cluster/alone";
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

describe("an ordered sum", () => {
  it("is the same in stretches as at once, rounded once from float64", () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), fc.integer({ min: 0, max: 8 }), (parts, cut) => {
        const sum = ALONE.openSum(8, { count: parts.length, first: 0, end: parts.length }, 8);
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
