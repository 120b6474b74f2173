/** The counter against figures that were published or are worked out here by hand, and against the folded network. */
import { describe, expect, it } from "vitest";
import { createCountingBackend } from "#rbnet/backend/wasm/counting";
import { networkByName, type Variation } from "#rbnet/networks/catalogue";
import type { NetworkDescription } from "#rbnet/networks/description";
import { Network } from "#rbnet/networks/network";
import { type NetworkTotals, summarizeOperations, totalsOf } from "#rbnet/networks/summary";
import type { ActivationKind } from "#rbnet/runtime/activation";

function build(description: NetworkDescription): Network {
  return new Network(createCountingBackend(), description, { normal: (count) => new Float32Array(count) });
}

function totals(description: NetworkDescription): NetworkTotals {
  return totalsOf(build(description).summary());
}

describe("the count of operations", () => {
  it("finds the 1.676 G binary multiply-accumulates of ResNet-18's 3x3 body", () => {
    // Sixteen convolutions: each stage has three of 9 C^2 at its size, and one, 9 C^2 or 9 C/2 C, that leads into it.
    const stage = (side: number, channels: number, before: number): number =>
      side * side * 9 * channels * (3 * channels + before);
    const byHand = stage(56, 64, 64) + stage(28, 128, 64) + stage(14, 256, 128) + stage(7, 512, 256);
    const { binaryMacs } = totals(networkByName("rbnet18", { classes: 1000, convolution: "3x3" }));
    expect(binaryMacs).toBe(byHand);
    expect(binaryMacs / 1e9).toBeCloseTo(1.676, 3);
  });

  it("counts the three full-precision shortcuts and the classifier of Bi-Real Net-18 as published", () => {
    const rows = build(networkByName("rbnet18", { classes: 1000, convolution: "3x3" })).summary();
    const shortcuts = rows.filter(({ name }) => name.endsWith(".shortcut"));
    expect(shortcuts.map(({ realMacs }) => realMacs)).toEqual([28 * 28 * 64 * 128, 14 * 14 * 128 * 256, 7 * 7 * 256 * 512]);
    expect(rows.at(-1)?.realMacs).toBe(512 * 1000);
  });

  it("keeps rbnet18 with 1,000 classes within 52.0 M operations", () => {
    const { ops, binaryMacs, realMacs } = totals(networkByName("rbnet18", { classes: 1000 }));
    expect(ops).toBe(binaryMacs / 64 + realMacs);
    expect(ops).toBeLessThanOrEqual(52.0e6);
    expect(ops).toBeGreaterThan(48e6);
  });

  it("counts resnet18 as published: 1.81 G multiply-accumulates, 11,689,512 parameters", () => {
    const { ops, binaryMacs, realParameters } = totals(networkByName("resnet18", { classes: 1000 }));
    expect(binaryMacs).toBe(0);
    expect(ops / 1.81e9).toBeGreaterThan(0.99);
    expect(ops / 1.81e9).toBeLessThan(1.01);
    expect(realParameters).toBe(11_689_512);
  });

  it("counts resnet34 with 21,797,672 parameters, as published", () => {
    expect(totals(networkByName("resnet34", { classes: 1000 })).realParameters).toBe(21_797_672);
  });

  it.each(["xnornet18", "birealnet18", "reactnet18"])("counts 164.0 M operations for %s", (name) => {
    expect(totals(networkByName(name, { classes: 1000 })).ops / 1e6).toBeCloseTo(164.0, 1);
  });

  it("counts xnornet18 less than 2 % below the published 1.67e8, which has scales of inputs and outputs besides", () => {
    const { ops } = totals(networkByName("xnornet18", { classes: 1000 }));
    expect(ops / 1.67e8).toBeGreaterThan(0.98);
    expect(ops / 1.67e8).toBeLessThan(1);
  });

  it("has in xnornet18 the binary weights of ResNet-18's 3x3 convolutions, and a threshold a channel before every other", () => {
    const convolutions = (channels: number, before: number): number => 9 * channels * (3 * channels + before);
    const byHand = convolutions(64, 64) + convolutions(128, 64) + convolutions(256, 128) + convolutions(512, 256);
    const [xnornet, birealnet] = ["xnornet18", "birealnet18"].map((name) => totals(networkByName(name, { classes: 1000 })));
    expect(xnornet?.binaryParameters).toBe(byHand);
    const thresholds = 2 * 64 + (64 + 128) + (128 + 256) + (256 + 512);
    expect((xnornet?.realParameters ?? 0) - (birealnet?.realParameters ?? 0)).toBe(thresholds);
  });

  it("counts real2binary18 within 1 % of the published 1.65e8: 164.0 M, the gates' layers, and a multiplication for each result", () => {
    const [real2binary, birealnet] = ["real2binary18", "birealnet18"].map((name) =>
      totals(networkByName(name, { classes: 1000 })),
    );
    const ops = real2binary?.ops ?? 0;
    expect(Math.abs(ops / 1.65e8 - 1)).toBeLessThan(0.01);
    // Each stage has three gates of C -> C / 8 -> C and one that leads into it.
    const gates = (channels: number, before: number): number =>
      3 * 2 * channels * (channels / 8) + (before / 8) * (before + channels);
    const layers = gates(64, 64) + gates(128, 64) + gates(256, 128) + gates(512, 256);
    const results = 4 * (56 * 56 * 64 + 28 * 28 * 128 + 14 * 14 * 256 + 7 * 7 * 512);
    expect(ops - (birealnet?.ops ?? 0)).toBe(layers + results);
    expect(real2binary?.binaryParameters).toBe(birealnet?.binaryParameters);
  });

  it("counts reactnet-a within 1 % of the published 0.87e8, with the weights of MobileNet's blocks and nothing real in shortcuts", () => {
    const rows = build(networkByName("reactnet-a", { classes: 1000 })).summary();
    const { ops, binaryParameters, realMacs } = totalsOf(rows);
    expect(Math.abs(ops / 0.87e8 - 1)).toBeLessThan(0.01);
    const block = (before: number, channels: number): number => 9 * before * before + before * channels;
    const doubled = [32, 64, 128, 256, 512].reduce((sum, before) => sum + block(before, 2 * before), 0);
    expect(binaryParameters).toBe(doubled + block(128, 128) + block(256, 256) + 5 * block(512, 512) + block(1024, 1024));
    expect(realMacs).toBe(112 * 112 * 27 * 32 + 1024 * 1000);
    expect(rows.filter(({ kind }) => kind.startsWith("binary")).length).toBe(26);
  });

  it("halves and doubles reactnet-a where its paper does, at any width", () => {
    const sizes = (width: number): string[] =>
      build(networkByName("reactnet-a", { classes: 2, width, size: 64 }))
        .summary()
        .filter(({ kind }) => kind.startsWith("binary"))
        .map(({ output }) => `${output.height}x${output.channels}`);
    expect(sizes(1).slice(0, 6)).toEqual(["32x32", "32x64", "16x64", "16x128", "16x128", "16x128"]);
    expect(sizes(1).slice(-4)).toEqual(["2x512", "2x1024", "2x1024", "2x1024"]);
    expect(sizes(0.3).at(-1)).toBe("2x320");
    expect(() => networkByName("reactnet-a", { classes: 2, width: 1.1 })).toThrow("width");
  });

  it.each([
    ["quicknet-s", 33.3, 34.0],
    ["quicknet", 57.3, 58.6],
    ["quicknet-l", 86.2, 87.5],
  ] as const)("counts %s as Larq's code does but for its depthwise convolutions of 3x3: %d of %d M", (name, ours, published) => {
    const description = networkByName(name, { classes: 1000 });
    const { ops } = totals(description);
    expect(ops / 1e6).toBeCloseTo(ours, 1);
    // One in the stem, on a quarter of the channels, and one where each stage but the first begins.
    const channels = description.stages.map((stage) => stage.channels);
    const [first = 0, second = 0, third = 0] = channels;
    const depthwise = 9 * ((56 * 56 * first) / 4 + 28 * 28 * first + 14 * 14 * second + 7 * 7 * third);
    expect((ops + depthwise) / 1e6).toBeCloseTo(published, 1);
  });

  it("has in quicknet the binary weights of sixteen 3x3 convolutions that keep the channels, and nothing real between them", () => {
    const rows = build(networkByName("quicknet", { classes: 1000 })).summary();
    expect(totalsOf(rows).binaryParameters).toBe(4 * 9 * (64 ** 2 + 128 ** 2 + 256 ** 2 + 512 ** 2));
    const real = rows.filter(({ realMacs }) => realMacs > 0).map(({ name, realMacs }) => [name, realMacs]);
    expect(real).toEqual([
      ["stem1", 112 * 112 * 27 * 16],
      ["stem2", 56 * 56 * 16 * 64],
      ["stage2.transition", 28 * 28 * 64 * 128],
      ["stage3.transition", 14 * 14 * 128 * 256],
      ["stage4.transition", 7 * 7 * 256 * 512],
      ["classifier", 512 * 1000],
    ]);
  });

  it.each([
    ["rbnet-s", 20.3],
    ["rbnet-m", 51.6],
    ["rbnet-l", 86.4],
  ] as const)("counts %s within its budget: %d M", (name, millions) => {
    expect(totals(networkByName(name, { classes: 1000 })).ops / 1e6).toBeCloseTo(millions, 1);
  });

  it("has nothing real in the family but stem, classifier and the gates of the two late stages", () => {
    for (const name of ["rbnet-s", "rbnet-m", "rbnet-l"]) {
      const rows = build(networkByName(name, { classes: 1000 })).summary();
      const real = rows.filter(({ realMacs }) => realMacs > 0).map((row) => row.name);
      expect(real.filter((part) => !/^(stem1|classifier|stage[34]\.unit\d+(\.gate\.\w+)?)$/.test(part))).toEqual([]);
      expect(rows[0]?.realMacs).toBe(56 * 56 * 48 * 48);
    }
  });

  it("keeps stages of the family multiples of each other at any width, which shortcuts without parameters need", () => {
    for (const width of [0.25, 0.3, 1.1]) {
      const channels = networkByName("rbnet-m", { classes: 2, width }).stages.map((stage) => stage.channels);
      expect(channels).toEqual([2, 4, 8, 16].map((times) => times * Math.round(48 * width)));
    }
    expect(() => networkByName("rbnet-m", { classes: 2, width: 1.4 })).toThrow("width of 1.4 gives a layer of 1075 channels");
  });

  it("counts as parameters of an activation what it learns", () => {
    const of = (activation: ActivationKind | "none"): number =>
      totals(networkByName("rbnet20", { classes: 10, activation })).realParameters;
    const channels = 6 * (16 + 32 + 64);
    for (const [activation, rows] of [
      ["relu", 0],
      ["prelu", 1],
      ["rprelu", 3],
      ["balanced", 4],
    ] as const)
      expect(of(activation) - of("none"), activation).toBe(rows * channels);
  });

  it("counts nothing real in shortcuts that repeat channels", () => {
    const [projected, repeated] = (["projection", "repeated"] as const).map((shortcut) =>
      totals(networkByName("rbnet20", { classes: 10, width: 1.25, shortcut })),
    );
    const projections = 16 * 16 * 20 * 40 + 8 * 8 * 40 * 80;
    expect((projected?.realMacs ?? 0) - (repeated?.realMacs ?? 0)).toBe(projections);
    expect((projected?.ops ?? 0) - (repeated?.ops ?? 0)).toBe(projections);
    // Weights of the two, and a scale and a bias of their normalization.
    expect((projected?.realParameters ?? 0) - (repeated?.realParameters ?? 0)).toBe(20 * 40 + 40 * 80 + 2 * (40 + 80));
    expect(repeated?.binaryParameters).toBe(projected?.binaryParameters);
  });

  it("gates the later half of the stages, and counts a multiplication for each result there besides the gates' layers", () => {
    const of = (name: string, gated?: boolean | "late"): readonly string[] =>
      build(networkByName(name, { classes: 10, ...(gated === undefined ? {} : { gated }) }))
        .summary()
        .filter(({ name: layer }) => layer.endsWith(".gate.expand"))
        .map(({ name: layer }) => layer.split(".")[0] ?? "");
    const [all, late] = [["stage1", "stage2", "stage3"], ["stage3"]].map((stages) =>
      stages.flatMap((stage) => Array.from({ length: 6 }, () => stage)),
    );
    expect(of("rbnet20")).toEqual([]);
    expect(of("rbnet20", "late")).toEqual(late);
    expect(of("rbnet20", true)).toEqual(all);
    expect(of("real2binary20", false)).toEqual([]);
    expect(new Set(of("rbnet18", "late"))).toEqual(new Set(["stage3", "stage4"]));
    const results = 8 * 8 * 64 + 5 * 8 * 8 * 64;
    const layers = 32 * 4 + 4 * 64 + 5 * (64 * 8 + 8 * 4 * 64);
    const [gated, plain] = (["late", false] as const).map((gate) =>
      totals(networkByName("rbnet20", { classes: 10, gated: gate })),
    );
    // A block that is shifted reaches over the border: 5 x 5 blocks of four pixels for 8 x 8 pixels.
    const shifted = 1 * (100 - 64) * 64;
    expect((gated?.realMacs ?? 0) - (plain?.realMacs ?? 0)).toBe(results + layers + shifted);
  });

  /** What the earlier code of two of RB-Net's authors has, as far as its own options go. */
  const EARLIER: Variation = { stem: "patches", halving: "4x4", shortcut: "repeated", blocks: "fixed" };

  it("counts 52.3 M for what the authors' earlier code has, at width 1.5", () => {
    const stem = 56 * 56 * 48 * 96;
    const classifier = 768 * 1000;
    // Three units a stage on blocks of four pixels, 4 C to 4 C, and one that halves: 16 C / 2 to 4 C. A map of 7 x 7 has blocks for 8 x 8.
    const stage = (blocks: number, channels: number): number =>
      blocks * (3 * 16 * channels ** 2 + (16 * channels * 4 * channels) / 2);
    const first = 28 * 28 * 4 * 16 * 96 ** 2;
    const binary = first + stage(14 * 14, 192) + stage(7 * 7, 384) + stage(4 * 4, 768);
    const { ops, binaryMacs, realMacs } = totals(networkByName("rbnet18", { classes: 1000, width: 1.5, ...EARLIER }));
    expect(realMacs).toBe(stem + classifier);
    expect(binaryMacs).toBe(binary);
    expect(ops / 1e6).toBeCloseTo(52.3, 1);
  });

  it.each([
    { blocks: "fixed", width: 95 / 64 },
    { blocks: "alternating", width: 94 / 64 },
  ] as const)("counts at most 52.0 M for it with $blocks blocks at width $width, the widest", ({ blocks, width }) => {
    const of = (factor: number): number =>
      totals(networkByName("rbnet18", { classes: 1000, width: factor, ...EARLIER, blocks })).ops;
    expect(of(width)).toBeLessThanOrEqual(52.0e6);
    expect(of(width + 1 / 64)).toBeGreaterThan(52.0e6);
  });

  it("counts four times the binary multiply-accumulates of 2x2 blocks for 4x4, 9 / 4 for 3x3, where a unit halves the map", () => {
    const halving = (kind: "2x2" | "4x4" | "3x3"): readonly number[] =>
      build(networkByName("rbnet20", { classes: 10, halving: kind }))
        .summary()
        .filter(({ name }) => /^stage[23]\.unit1$/.test(name))
        .map(({ binaryMacs }) => binaryMacs);
    expect(halving("2x2")).toEqual([16 * 16 * 4 * 16 * 32, 8 * 8 * 4 * 32 * 64]);
    expect(halving("4x4")).toEqual(halving("2x2").map((count) => 4 * count));
    expect(halving("3x3")).toEqual(halving("2x2").map((count) => (9 / 4) * count));
  });

  it("counts a stem of patches by its pixels: 48 values to each of 56 x 56, 12 to each of 2 x 2 at once where the map is kept", () => {
    const stem = (name: string): readonly [number, number, string | undefined][] =>
      build(networkByName(name, { classes: 2, stem: "patches" }))
        .summary()
        .filter((row) => row.name.startsWith("stem"))
        .map(({ realMacs, realParameters, output }) => [realMacs, realParameters, `${output.height}x${output.channels}`]);
    // Weights, two values of a normalization a filter, and four of an activation a channel.
    expect(stem("rbnet18")).toEqual([[56 * 56 * 48 * 64, 48 * 64 + 2 * 64 + 4 * 64, "56x64"]]);
    expect(stem("rbnet20")).toEqual([[16 * 16 * 12 * 64, 12 * 64 + 2 * 64 + 4 * 16, "32x16"]]);
    expect(stem("rbnet8")).toEqual([[16 * 16 * 12 * 16, 12 * 16 + 2 * 16 + 4 * 16, "16x16"]]);
    // Bi-Real Net's has no activation, and a max pool to take the place of.
    expect(stem("birealnet18")).toEqual([[56 * 56 * 48 * 64, 48 * 64 + 2 * 64, "56x64"]]);
  });

  it("counts about 3.1 M for rbnet20 of width 2", () => {
    expect(totals(networkByName("rbnet20", { classes: 10, width: 2 })).ops / 1e6).toBeCloseTo(3.11, 1);
  });

  it("packs a binary parameter in a bit and a real one in four bytes", () => {
    const { packedBytes, floatBytes, binaryParameters, realParameters } = totals(networkByName("rbnet8", { classes: 10 }));
    expect(packedBytes).toBe(binaryParameters / 8 + realParameters * 4);
    expect(floatBytes).toBe(4 * (binaryParameters + realParameters));
  });

  it.each<[string, Variation]>([
    ["rbnet20", {}],
    ["rbnet20", { convolution: "3x3" }],
    ["resnet20", {}],
    ["reactnet20", {}],
    ["reactnet-a", {}],
    ["rbnet-m", {}],
    ["real2binary20", {}],
    ["real2binary20", { convolution: "reshaped" }],
    ["rbnet20", { activation: "prelu" }],
    ["rbnet20", { shortcut: "repeated" }],
    ["rbnet20", { stem: "patches", halving: "4x4" }],
    ["rbnet20", { halving: "3x3" }],
    ["rbnet20", { units: [1, 2, 5] }],
    ["rbnet18", EARLIER],
  ])("is the same for the folded network as for the layers (%s, %o)", async (name, variation) => {
    const description = networkByName(name, { classes: 7, width: 0.5, ...variation });
    const network = build(description);
    const folded = summarizeOperations(await network.fold(), description.input);
    expect(totalsOf(folded)).toEqual(totalsOf(network.summary()));
  });

  it("is that of as many units as are asked for, in each stage or in all", () => {
    const binaryMacs = (units: readonly number[]): number =>
      totalsOf(build(networkByName("rbnet20", { classes: 10, units })).summary()).binaryMacs;
    expect(binaryMacs([6])).toBe(binaryMacs([6, 6, 6]));
    expect(networkByName("rbnet20", { classes: 10, units: [6] })).toEqual(networkByName("rbnet20", { classes: 10 }));
    // Where no block reaches over the border, a unit of C channels has 4 C^2 multiply-accumulates a pixel.
    const dilated = 8 * 8 * 4 * 64 * 64;
    expect(binaryMacs([6, 6, 6]) - binaryMacs([6, 6, 5])).toBe(dilated);
  });

  it("has the thresholds in the folded network, which holds them learned or not", async () => {
    const description = networkByName("birealnet20", { classes: 7 });
    const network = build(description);
    const [folded, own] = [totalsOf(summarizeOperations(await network.fold(), description.input)), totalsOf(network.summary())];
    expect(folded.ops).toBe(own.ops);
    expect(folded.realParameters - own.realParameters).toBe(6 * 16 + (16 + 5 * 32) + (32 + 5 * 64));
  });
});

describe("a network's name", () => {
  it("that does not exist is answered with those that do", () => {
    expect(() => networkByName("rbnet19", { classes: 10 })).toThrow(
      'there is no network "rbnet19"; the networks are rbnet8, rbnet20',
    );
    expect(() => networkByName("resnet20", { classes: 10, activation: "prelu" })).toThrow("its activation cannot be changed");
    expect(() => networkByName("birealnet20", { classes: 10, halving: "4x4" })).toThrow(
      'birealnet20 has 3x3 convolutions, and halving is said of reshaped ones; choose convolution "reshaped" too',
    );
    expect(() => networkByName("toString", { classes: 10 })).toThrow("there is no network");
    expect(() => networkByName("rbnet18", { classes: 10, units: [4, 8] })).toThrow(
      "rbnet18 has 4 stages, and units are given for 2; give one number for each, or one",
    );
    for (const wrong of [0, 1.5, 101])
      expect(() => networkByName("rbnet8", { classes: 10, units: [2, wrong, 2] })).toThrow(
        `a stage of ${wrong} units is not possible; give whole numbers from 1 to 100`,
      );
  });
});
