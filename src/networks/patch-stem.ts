/**
 * A stem by space to depth: the image in patches that do not overlap, each through one full-precision 1x1 convolution, down to
 * the map that the network's own stem ends with. At 224x224, 48 values to 64 channels on 56x56 pixels are 9.6M
 * multiply-accumulates, where a 7x7 convolution has 118M.
 */
import { type MapShape, windowMap } from "../runtime/windows.js";
import { HALVING_BLOCKS, type NetworkForm, type StemLayer } from "./description.js";

/** Where the own stem keeps the map, the four pixels of 2x2 patches are laid back (depth to space). */
export function patchStem({ stem, input }: Pick<NetworkForm, "stem" | "input">): readonly StemLayer[] {
  const last = stem.at(-1);
  if (last === undefined) throw new Error("a network has a stem");
  const { channels, activation } = last;
  const size = Math.ceil(input.height / stem.reduce(outputOf, input).height);
  const layer = { channels, ...(activation === undefined ? {} : { activation }) };
  if (size === 1) return [{ ...layer, windows: HALVING_BLOCKS, depthToSpace: true }];
  return [{ ...layer, windows: { kind: "patches", size }, depthToSpace: false }];
}

function outputOf(map: MapShape, { windows, channels, depthToSpace, maxPool }: StemLayer): MapShape {
  const out = depthToSpace ? { ...map, channels } : windowMap(windows, map, channels);
  return maxPool === undefined ? out : windowMap(maxPool, out, channels);
}
