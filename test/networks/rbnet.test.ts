/** The networks are the tables that their descriptions promise: block patterns, maps, units and the paper's count of operations. */
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { UserError } from "#rbnet/errors";
import type { LayerSummary } from "#rbnet/layers/layer";
import { networkByName } from "#rbnet/networks/catalogue";
import { blockPattern, type NetworkDescription } from "#rbnet/networks/description";
import { Network } from "#rbnet/networks/network";
import { rbnet8, rbnet18, rbnet20, rbnet34 } from "#rbnet/networks/rbnet";
import { shapeName, type Windows } from "#rbnet/runtime/windows";
import { NO_VALUES } from "../layers/prepared.js";

/** Takes no memory: enough to build a network of any size and count it. */
function weightless(): Backend {
  return {
    ...createReferenceBackend(),
    allocate: (type, shape) => ({ type, shape }),
    view: ({ type }, shape) => ({ type, shape }),
    write: () => undefined,
    binaryWeights: (inputs, filters) => ({ inputs, filters }),
  };
}

function summaryOf(description: NetworkDescription): readonly LayerSummary[] {
  return new Network(weightless(), description, NO_VALUES).summary();
}

const totalOf = (layers: readonly LayerSummary[], count: "binaryMacs" | "realMacs" | "binaryParameters"): number =>
  layers.reduce((sum, layer) => sum + layer[count], 0);
const unitsOf = (layers: readonly LayerSummary[]) => layers.filter(({ kind }) => kind.startsWith("binary"));
const sizeOf = ({ output }: LayerSummary): string => `${output.height}x${output.width}x${output.channels}`;

/** d2 is a dilation of 2; s1 a grid of blocks that is shifted. */
function code(windows: Windows): string {
  if (windows.kind !== "blocks") return shapeName(windows);
  return windows.shift === 1 ? "s1" : `d${windows.dilation}`;
}

describe("blockPattern", () => {
  it.each([
    { side: 56, pattern: "d1 d2 d4 s1 d1 d2" },
    { side: 32, pattern: "d1 d2 d4 s1 d1 d2" },
    { side: 28, pattern: "d1 d2 s1 d1 d2 s1" },
    { side: 16, pattern: "d1 d2 d4 s1 d1 d2" },
    { side: 14, pattern: "d1 s1 d1 s1 d1 s1" },
    { side: 8, pattern: "d1 d2 d4 s1 d1 d2" },
    { side: 7, pattern: "d1 s1 d1 s1 d1 s1" },
  ])("on $side x $side is $pattern", ({ side, pattern }) => {
    expect([0, 1, 2, 3, 4, 5].map((index) => code(blockPattern(index, side, side))).join(" ")).toBe(pattern);
  });

  it("never leaves a stage's units all on one grid, and dilates only where both sides divide", () => {
    for (const [height, width] of [
      [28, 28],
      [14, 14],
      [8, 6],
      [5, 8],
      [2, 2],
    ] as const) {
      const patterns = [0, 1, 2, 3].map((index) => blockPattern(index, height, width));
      expect(new Set(patterns.map(code)).size, `${height}x${width}`).toBeGreaterThan(1);
      for (const pattern of patterns) {
        if (pattern.kind !== "blocks") throw new Error("a block pattern is made of blocks");
        if (pattern.dilation > 1) expect([height % (2 * pattern.dilation), width % (2 * pattern.dilation)]).toEqual([0, 0]);
      }
    }
  });
});

describe("rbnet", () => {
  it("refuses a width that leaves a stage without channels, and says what it found", () => {
    expect(() => rbnet20({ classes: 10, width: 0.02 })).toThrow(UserError);
    expect(() => rbnet18({ classes: 10, width: 0 })).toThrow(/width/);
    expect(() => rbnet20({ classes: 10, width: Number.NaN })).toThrow(UserError);
    expect(() => rbnet20({ classes: 10, width: 100 })).toThrow(UserError);
  });

  it.each([
    { make: rbnet18, units: [4, 4, 4, 4] },
    { make: rbnet34, units: [6, 8, 12, 6] },
  ])("$make.name: stages of $units units on 56, 28, 14 and 7 pixels", ({ make, units }) => {
    const layers = summaryOf(make({ classes: 1000 }));
    expect(unitsOf(layers).map(sizeOf)).toEqual(
      ["56x56x64", "28x28x128", "14x14x256", "7x7x512"].flatMap((size, stage) => Array<string>(units[stage]).fill(size)),
    );
    expect(layers.slice(0, 2).map(sizeOf)).toEqual(["112x112x16", "56x56x64"]);
    expect(sizeOf(layers.at(-1)!)).toBe("1x1x1000");
  });

  it.each([
    { make: rbnet20, width: 1, units: 6, sides: [32, 16, 8], channels: [16, 32, 64] },
    { make: rbnet20, width: 2, units: 6, sides: [32, 16, 8], channels: [32, 64, 128] },
    { make: rbnet8, width: 1, units: 2, sides: [16, 8, 4], channels: [16, 32, 64] },
  ])(
    "$make.name at width $width: three stages of $units units, $channels channels",
    ({ make, width, units, sides, channels }) => {
      const layers = summaryOf(make({ classes: ["a", "b", "c"], width }));
      expect(unitsOf(layers).map(sizeOf)).toEqual(
        sides.flatMap((side, stage) => Array<string>(units).fill(`${side}x${side}x${channels[stage]}`)),
      );
      expect(sizeOf(layers.at(-1)!)).toBe("1x1x3");
    },
  );

  it("rbnet18 with 1,000 classes counts at most 52.0M operations", () => {
    const layers = summaryOf(rbnet18({ classes: 1000 }));
    const operations = totalOf(layers, "binaryMacs") / 64 + totalOf(layers, "realMacs");
    expect(operations).toBeGreaterThan(45e6);
    expect(operations).toBeLessThanOrEqual(52e6);
  });

  it("with ordinary 3x3 convolutions is ResNet-18's body: 1.676G binary multiply-accumulates, 19.3M in real shortcuts", () => {
    const layers = summaryOf({ ...rbnet18({ classes: 1000 }), convolution: "3x3" });
    const body = 56 ** 2 * 9 * 64 ** 2 * (4 + 3 * 3.5);
    expect(totalOf(layers, "binaryMacs")).toBe(body);
    expect(body / 1e9).toBeCloseTo(1.676, 3);
    const shortcuts = layers.filter(({ name }) => name.endsWith(".shortcut"));
    expect(totalOf(shortcuts, "realMacs")).toBe(3 * 28 ** 2 * 64 * 128);
  });

  it("a reshaped unit on an even map costs 4/9 of the 3x3 it replaces and holds 16/9 of its weights", () => {
    const [reshaped, ordinary] = (["reshaped", "3x3"] as const).map(
      (convolution) => unitsOf(summaryOf({ ...rbnet20({ classes: 10 }), convolution }))[1],
    );
    expect(reshaped.binaryMacs / ordinary.binaryMacs).toBeCloseTo(4 / 9, 12);
    expect(reshaped.binaryParameters / ordinary.binaryParameters).toBeCloseTo(16 / 9, 12);
  });

  it.each([
    { description: rbnet20({ classes: 2, size: 30 }), found: "15 x 15" },
    { description: rbnet18({ classes: 2, size: 200 }), found: "25 x 25" },
  ])("refuses a size whose maps cannot be halved ($found)", ({ description, found }) => {
    expect(() => summaryOf(description)).toThrow(UserError);
    expect(() => summaryOf(description)).toThrow(found);
  });
});

describe("units", () => {
  const gammasOf = async (description: NetworkDescription): Promise<readonly number[]> => {
    using backend = createReferenceBackend();
    const { parameters } = new Network(backend, description, NO_VALUES);
    const gammas = parameters.filter(({ name }) => /^stage\d+\.unit\d+\.normalization\.gamma$/.test(name));
    const values = await Promise.all(gammas.map(({ value }) => backend.read(value)));
    return [...new Set(values.flatMap((all) => [...all]))].map((gamma) => Number(gamma.toFixed(6)));
  };

  it("start close to their shortcuts, and closer where nothing normalizes these on the way", async () => {
    const options = { classes: 2, width: 0.5 } as const;
    expect(await gammasOf(networkByName("rbnet8", options))).toEqual([0.25]);
    expect(await gammasOf(networkByName("rbnet8", { ...options, shortcut: "repeated" }))).toEqual([0.08]);
  });
});
