/** Quantiles of small samples, by hand. */
import { describe, expect, it } from "vitest";
import { median, quantile } from "#rbnet/quantile";

describe("quantiles", () => {
  it("are the middle of an odd number, and the mean of two in the middle of an even one, which a bad value does not move", () => {
    expect([median([3, 1, 100]), median([4, 1, 2, 100]), median([5])]).toEqual([3, 3, 5]);
  });

  it("are the smallest value that enough do not exceed", () => {
    const values = Array.from({ length: 20 }, (_, index) => 20 - index);
    expect([quantile(values, 0.5), quantile(values, 0.95), quantile(values, 1), quantile(values, 0)]).toEqual([10, 19, 20, 1]);
  });

  it("leave the values as they are, and refuse none", () => {
    const values = [2, 10, 1];
    expect(median(values)).toBe(2);
    expect(values).toEqual([2, 10, 1]);
    expect(() => median([])).toThrow("no values");
  });
});
