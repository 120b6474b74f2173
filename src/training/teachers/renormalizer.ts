/** From pixels that were normalized by the data's statistics to pixels as a teacher was trained on them. */
import type { Channels } from "../../pixels/square.js";

export interface Statistics {
  readonly mean: Channels;
  readonly standardDeviation: Channels;
}

/** Rewrites pixels that were normalized by the data's statistics as the teacher wants them: value * scale[c] + shift[c]. */
export interface Renormalizer {
  readonly scale: Channels;
  readonly shift: Channels;
}

export function renormalizer(from: Statistics, to: Statistics): Renormalizer {
  const scale = ([0, 1, 2] as const).map((c) => from.standardDeviation[c] / to.standardDeviation[c]);
  const shift = ([0, 1, 2] as const).map((c) => (from.mean[c] - to.mean[c]) / to.standardDeviation[c]);
  return { scale: scale as unknown as Channels, shift: shift as unknown as Channels };
}
