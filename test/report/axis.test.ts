/** Scales: every value on the paper, round numbers beside it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { epochAxis, linearAxis, logarithmicAxis } from "#rbnet/report/axis";

describe("an axis", () => {
  it("puts all values between its ends, and few round ticks", () => {
    const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(value, value, (a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        fc.pre(to - from > 1e-9 * Math.max(1, Math.abs(from), Math.abs(to)));
        const { place, ticks } = linearAxis(from, to);
        expect(place(from)).toBeGreaterThan(-1e-6);
        expect(place(to)).toBeLessThan(1 + 1e-6);
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        expect(ticks.length).toBeLessThanOrEqual(8);
      }),
    );
  });

  it("has ticks that people would choose", () => {
    expect(linearAxis(0.31, 0.88).ticks).toEqual([0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
    expect(linearAxis(0, 0.002).ticks).toEqual([0, 0.0005, 0.001, 0.0015, 0.002]);
    expect(logarithmicAxis(2e-4, 0.03).ticks).toEqual([1e-4, 1e-3, 1e-2, 1e-1]);
    expect(epochAxis(30).ticks).toEqual([1, 5, 10, 15, 20, 25, 30]);
  });

  it("stands a single value, and a single epoch in the middle", () => {
    expect(linearAxis(3, 3).place(3)).toBeGreaterThanOrEqual(0);
    expect(linearAxis(0, 0).ticks.length).toBeGreaterThan(1);
    expect(epochAxis(1).place(1)).toBe(0.5);
  });
});
