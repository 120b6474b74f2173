/**
 * What the networks of this folder have in common: their options, and the two layouts that the field trains, for large images and
 * for small ones.
 */
import { UserError } from "../errors.js";
import { grid, type NetworkForm, type Stage, type StemLayer } from "./description.js";

export interface NetworkOptions {
  /** The class names of the data, or how many there are. */
  readonly classes: number | readonly string[];
  /** Multiplies the channels of the stages; default 1. */
  readonly width?: number;
  /** Side of the input images in pixels; default that of the data set the network was made for. */
  readonly size?: number;
}

/** Wider networks overflow the integers of a binary product: a 3x3 sums 9 C signs, and 4x4 blocks, from half the channels, 8 C. */
const MAXIMUM_CHANNELS = 1024;

/** Channels of a layer that has `base` at width 1. */
export function channelsAt(base: number, width: number): number {
  const count = Math.round(base * width);
  if (!(count >= 1 && count <= MAXIMUM_CHANNELS))
    throw new UserError(
      `a width of ${width} gives a layer of ${count} channels, but 1 to ${MAXIMUM_CHANNELS} are possible; choose a width nearer to 1`,
    );
  return count;
}

/** All stages but the first halve the map. */
export function stagesOf(channels: readonly number[], units: readonly number[], width: number): readonly Stage[] {
  return channels.map((count, i) => ({ channels: channelsAt(count, width), units: units[i] ?? 0, halve: i > 0 }));
}

/** A network on square colour images. */
export function formOf(
  name: string,
  { classes, width = 1 }: NetworkOptions,
  size: number,
  stem: readonly StemLayer[],
  stages: readonly Stage[],
): NetworkForm {
  const input = { height: size, width: size, channels: 3 };
  return { name, width, input, classes: typeof classes === "number" ? classes : classes.length, stem, stages };
}

/** Convolutions in the four stages of ResNet-18 and ResNet-34. */
export const RESNET18 = [4, 4, 4, 4] as const;
export const RESNET34 = [6, 8, 12, 6] as const;

/**
 * ResNet for large images: a 7x7 stem with a stride of 2 and a 3x3 max pool, then four stages of 64, 128, 256, 512 channels on
 * 56, 28, 14, 7 pixels.
 */
export function imageNetForm(
  name: string,
  units: readonly number[],
  activation: NonNullable<StemLayer["activation"]>,
  options: NetworkOptions,
): NetworkForm {
  const { width = 1, size = 224 } = options;
  const channels = channelsAt(64, width);
  const stem = [{ windows: grid(7, 2), channels, depthToSpace: false, activation, maxPool: grid(3, 2) }];
  return formOf(name, options, size, stem, stagesOf([64, 128, 256, 512], units, width));
}

/** ResNet-20 for small images: a 3x3 stem, then three stages of 16, 32, 64 channels and six convolutions on 32, 16, 8 pixels. */
export function cifarForm(name: string, activation: NonNullable<StemLayer["activation"]>, options: NetworkOptions): NetworkForm {
  const { width = 1, size = 32 } = options;
  const stem = [{ windows: grid(3, 1), channels: channelsAt(16, width), depthToSpace: false, activation }];
  return formOf(name, options, size, stem, stagesOf([16, 32, 64], [6, 6, 6], width));
}
