/** The chart of benchmarks' records: every bar is a figure of a record, and nothing of a record is taken for markup. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { chart, type Drawn, readRecords } from "../../bench/chart.js";
import { temporaryFolder } from "../temporary-folder.js";

const record = (name: string, ratios: Record<string, number>, shareOfLimit: number): Drawn => ({
  bench: "inference",
  case: name,
  unit: "ms",
  ours: 10,
  peers: Object.fromEntries(Object.entries(ratios).map(([peer, ratio]) => [peer, 10 * ratio])),
  ratios,
  limit: 10 * shareOfLimit,
  shareOfLimit,
});
const widths = (svg: string): number[] =>
  [...svg.matchAll(/<rect x="420" [^>]*width="([\d.]+)"/g)].map((match) => Number(match[1]));

describe("the chart", () => {
  it("has a bar for every peer, as long as the ratio", () => {
    const svg = chart([record("a", { one: 2, two: 4 }, 0.5), record("b", { one: 8 }, 0.5)]);
    const [first, second, third] = widths(svg);
    expect([second! / first!, third! / first!]).toEqual([2, 4]);
    for (const text of ["a: one", "a: two", "b: one", "2.0 x", "4.0 x", "8.0 x"]) expect(svg).toContain(text);
  });

  it("draws shares of the limit where nothing was compared", () => {
    const svg = chart([record("a", {}, 0.25), record("b", {}, 1)]);
    const [first, second] = widths(svg);
    expect(second! / first!).toBe(4);
    expect(svg).toContain("25 %, 10 ms");
  });

  it("writes names as text", () => {
    expect(chart([record("<script>&", { peer: 1 }, 1)])).toContain("&lt;script&gt;&amp;: peer");
  });

  it("reads the lines of files, and says which is none", () => {
    const path = join(temporaryFolder(), "records.jsonl");
    writeFileSync(path, `${JSON.stringify(record("a", { one: 2 }, 0.5))}\n${JSON.stringify(record("b", {}, 1))}\n`);
    expect(readRecords([path]).map((one) => one.case)).toEqual(["a", "b"]);
    writeFileSync(path, "{}\n");
    expect(() => readRecords([path])).toThrow(/records\.jsonl, line 1 is no record/);
    expect(() => readRecords([join(temporaryFolder(), "none")])).toThrow(/cannot be read \(ENOENT\)/);
  });
});
