/**
 * RB-Net (IEEE TCSVT 2022): residual networks of reshaped point-wise convolutions and balanced activations.
 *
 * rbnet18 / rbnet34 at 224x224: a 3x3 stride-2 full-precision stem to 16 channels, a full-precision reshaped convolution (stride 2) to 64 channels at 56x56,
 * then four stages of 64, 128, 256, 512 channels with the units of ResNet-18 (4, 4, 4, 4) or ResNet-34 (6, 8, 12, 6), counting one unit a convolution.
 * rbnet20 at 32x32: a 3x3 stem, then three stages of 16, 32, 64 channels times `width`, six units each.
 * rbnet8: a stride-2 stem, so that all maps are half as large, and two units a stage: learns simple pictures in seconds, for first tries.
 */
import { UserError } from "../errors.js";
import { grid, HALVING_BLOCKS, type NetworkDescription, type Stage } from "./description.js";

export interface RbnetOptions {
  /** The class names of the data, or how many there are. */
  readonly classes: number | readonly string[];
  /** Multiplies the channels of the stages; default 1. */
  readonly width?: number;
  /** Side of the input images in pixels; default that of the data set the network was made for. */
  readonly size?: number;
}

const SHARED = { convolution: "reshaped", estimator: "polynomial", learnThreshold: true } as const;

/** Wider networks overflow the integers of a binary product. */
const MAXIMUM_CHANNELS = 1024;

/** Channels of a layer that has `base` at width 1. */
function channelsAt(base: number, width: number): number {
  const count = Math.round(base * width);
  if (!(count >= 1 && count <= MAXIMUM_CHANNELS))
    throw new UserError(
      `a width of ${width} gives a layer of ${count} channels, but 1 to ${MAXIMUM_CHANNELS} are possible; choose a width nearer to 1`,
    );
  return count;
}

function stagesOf(channels: readonly number[], units: readonly number[], width: number): readonly Stage[] {
  return channels.map((count, i) => ({ channels: channelsAt(count, width), units: units[i] ?? 0, halve: i > 0 }));
}

function countOf(classes: RbnetOptions["classes"]): number {
  return typeof classes === "number" ? classes : classes.length;
}

/** Three stages on small images; the stem keeps the map or halves it. */
function small(name: string, units: number, stride: 1 | 2, { classes, width = 1, size = 32 }: RbnetOptions): NetworkDescription {
  const stages = stagesOf([16, 32, 64], [units, units, units], width);
  const input = { height: size, width: size, channels: 3 };
  const stem = [{ windows: grid(3, stride), channels: channelsAt(16, width), depthToSpace: false }];
  return { name, width, input, classes: countOf(classes), stem, stages, ...SHARED };
}

/** Four stages on large images. */
function large(name: string, units: readonly number[], { classes, width = 1, size = 224 }: RbnetOptions): NetworkDescription {
  const stem = [
    { windows: grid(3, 2), channels: channelsAt(16, width), depthToSpace: false },
    { windows: HALVING_BLOCKS, channels: channelsAt(64, width), depthToSpace: false },
  ];
  const input = { height: size, width: size, channels: 3 };
  return { name, width, input, classes: countOf(classes), stem, stages: stagesOf([64, 128, 256, 512], units, width), ...SHARED };
}

export function rbnet18(options: RbnetOptions): NetworkDescription {
  return large("rbnet18", [4, 4, 4, 4], options);
}

export function rbnet34(options: RbnetOptions): NetworkDescription {
  return large("rbnet34", [6, 8, 12, 6], options);
}

export function rbnet20(options: RbnetOptions): NetworkDescription {
  return small("rbnet20", 6, 1, options);
}

export function rbnet8(options: RbnetOptions): NetworkDescription {
  return small("rbnet8", 2, 2, options);
}
