/** Numbers as people read them. */
import { describe, expect, it } from "vitest";
import { formatBytes, formatCount, formatDuration, formatInteger, formatShare } from "#rbnet/quantities";

describe("a number", () => {
  it.each([
    [0, "0"],
    [999, "999"],
    [1000, "1.00 K"],
    [999_499, "999 K"],
    [999_500, "1.00 M"],
    [1_676_279_808, "1.68 G"],
    [50_667_520, "50.7 M"],
    [0.25, "0.3"],
    [5e15, "5000 T"],
  ])("%d reads %s", (value, text) => expect(formatCount(value)).toBe(text));

  it("of bytes has its unit in decimal", () =>
    expect([17, 338_984, 2_673_314_816].map(formatBytes)).toEqual(["17 B", "339 KB", "2.67 GB"]));

  it.each([
    [0.04, "0.0 s"],
    [9.96, "10.0 s"],
    [59.4, "59 s"],
    [59.6, "1 min 00 s"],
    [3599.7, "1 h 00 min"],
    [3725, "1 h 02 min"],
    [Number.POSITIVE_INFINITY, "unknown"],
  ])("of %d seconds reads %s", (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  it("of a share has one decimal, of images a comma", () =>
    expect([formatShare(0.87129), formatInteger(12345.6)]).toEqual(["87.1 %", "12,346"]));
});
