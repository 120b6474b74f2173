/**
 * ReActNet-A (Liu et al., ECCV 2020): MobileNetV1 made binary, with shortcuts that have no parameters.
 *
 * A block is two units: a 3x3 binary convolution that keeps the channels, and a 1x1 that keeps or doubles them. Signs at learned
 * thresholds, RPReLU after the shortcut. Where the map is halved the shortcut averages 2x2 pixels, where channels double it
 * repeats them; the paper's two 1x1 convolutions side by side are one with twice the filters.
 * 87.1M operations at 224x224 with 1,000 classes, as published (0.87e8). A form for small images is not in the paper, and none is
 * made up here.
 */
import { grid, type ReActDescription } from "./description.js";
import { channelsAt, formOf, type NetworkOptions } from "./form.js";

/** Channels as multiples of the stem's, and blocks. */
const STAGES = [
  { times: 2, blocks: 1 },
  { times: 4, blocks: 2 },
  { times: 8, blocks: 2 },
  { times: 16, blocks: 6 },
  { times: 32, blocks: 2 },
] as const;

export function reactnetA(options: NetworkOptions): ReActDescription {
  const { width = 1, size = 224 } = options;
  // The widest stage bounds the width; the others have to be halves of it.
  channelsAt(1024, width);
  const channels = channelsAt(32, width);
  const stem = [{ windows: grid(3, 2), channels, depthToSpace: false, activation: "none" } as const];
  const stages = STAGES.map(({ times, blocks }, i) => ({ channels: times * channels, units: 2 * blocks, halve: i > 0 }));
  return { ...formOf("reactnet-a", options, size, stem, stages), body: "reactnet-a", estimator: "polynomial" };
}
