/**
 * rbnet-s, rbnet-m, rbnet-l: RB-Net's units in the layout that later binary networks have come to, within 20M, 52M and 87M
 * operations at 224x224. Nearly all real multiply-accumulates are the stem's and the classifier's: shortcuts have none, and gates are
 * where they cost least. What that saves is spent on binary ones.
 *
 * The stem takes patches of 4x4 pixels to 48 channels, as many as a patch has values, so that nothing of it is lost. Stages of 48,
 * 96, 192, 384 channels (rbnet-s) or twice as many; blocks of 4x4 pixels halve maps.
 */
import type { BinaryDescription } from "./description.js";
import { channelsAt, formOf, type NetworkOptions } from "./form.js";

const SHARED = {
  convolution: "reshaped",
  estimator: "polynomial",
  learnThreshold: true,
  halving: "4x4",
  shortcut: "repeated",
  gated: "late",
} as const;

const PATCH = { side: 4, values: 48 } as const;

/** `times`: channels of the first stage as a multiple of the stem's; each of the other stages doubles them. */
function member(name: string, times: number, units: readonly number[], options: NetworkOptions): BinaryDescription {
  const { width = 1, size = 224 } = options;
  // The widest stage bounds the width; the others have to be multiples of each other.
  const widths = units.map((_, stage) => times * 2 ** stage);
  channelsAt(PATCH.values * Math.max(...widths), width);
  const channels = channelsAt(PATCH.values, width);
  const stem = [{ windows: { kind: "patches", size: PATCH.side }, channels, depthToSpace: false } as const];
  const stages = units.map((count, stage) => ({ channels: channels * (widths[stage] ?? 1), units: count, halve: stage > 0 }));
  return { ...formOf(name, options, size, stem, stages), ...SHARED };
}

export function rbnetS(options: NetworkOptions): BinaryDescription {
  return member("rbnet-s", 1, [4, 4, 8, 4], options);
}

export function rbnetM(options: NetworkOptions): BinaryDescription {
  return member("rbnet-m", 2, [4, 5, 5, 4], options);
}

export function rbnetL(options: NetworkOptions): BinaryDescription {
  return member("rbnet-l", 2, [6, 10, 12, 6], options);
}
