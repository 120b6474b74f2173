/** The counter against figures that were published or are worked out here by hand, and against the folded network. */
import { describe, expect, it } from "vitest";
import { createCountingBackend } from "#rbnet/backend/counting";
import { networkByName } from "#rbnet/networks/catalogue";
import type { NetworkDescription } from "#rbnet/networks/description";
import { Network } from "#rbnet/networks/network";
import { type NetworkTotals, summarizeOperations, totalsOf } from "#rbnet/networks/summary";

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

  it("counts about 3.1 M for rbnet20 of width 2", () => {
    expect(totals(networkByName("rbnet20", { classes: 10, width: 2 })).ops / 1e6).toBeCloseTo(3.11, 1);
  });

  it("packs a binary parameter in a bit and a real one in four bytes", () => {
    const { packedBytes, floatBytes, binaryParameters, realParameters } = totals(networkByName("rbnet8", { classes: 10 }));
    expect(packedBytes).toBe(binaryParameters / 8 + realParameters * 4);
    expect(floatBytes).toBe(4 * (binaryParameters + realParameters));
  });

  it.each(["reshaped", "3x3"] as const)("is the same for the folded network as for the layers (%s)", async (convolution) => {
    const description = networkByName("rbnet20", { classes: 7, width: 0.5, convolution });
    const network = build(description);
    const folded = summarizeOperations(await network.fold(), description.input);
    expect(totalsOf(folded)).toEqual(totalsOf(network.summary()));
  });
});

describe("a network's name", () => {
  it("that does not exist is answered with those that do", () => {
    expect(() => networkByName("rbnet19", { classes: 10 })).toThrow(
      'there is no network "rbnet19"; the networks are rbnet8, rbnet20',
    );
    expect(() => networkByName("toString", { classes: 10 })).toThrow("there is no network");
  });
});
