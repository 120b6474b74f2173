/**
 * RB-Net (IEEE TCSVT 2022): residual networks of reshaped point-wise convolutions and balanced activations.
 *
 * rbnet18 / rbnet34 at 224x224: a 3x3 stride-2 full-precision stem to 16 channels, a full-precision reshaped convolution
 * (stride 2) to 64 channels at 56x56, then four stages of 64, 128, 256, 512 channels with the units of ResNet-18 (4, 4, 4, 4) or
 * ResNet-34 (6, 8, 12, 6), counting one unit a convolution. rbnet20 at 32x32: a 3x3 stem, then three stages of 16, 32, 64
 * channels times `width`, six units each. rbnet8: a stride-2 stem, so that all maps are half as large, and two units a stage:
 * learns simple pictures in seconds, for first tries.
 */
import { type BinaryDescription, grid, HALVING_BLOCKS } from "./description.js";
import { channelsAt, formOf, type NetworkOptions, RESNET18, RESNET34, stagesOf } from "./form.js";

const SHARED = { convolution: "reshaped", estimator: "polynomial", learnThreshold: true } as const;

/** Three stages on small images; the stem keeps the map or halves it. */
function small(name: string, units: number, stride: 1 | 2, options: NetworkOptions): BinaryDescription {
  const { width = 1, size = 32 } = options;
  const stages = stagesOf([16, 32, 64], [units, units, units], width);
  const stem = [{ windows: grid(3, stride), channels: channelsAt(16, width), depthToSpace: false }];
  return { ...formOf(name, options, size, stem, stages), ...SHARED };
}

/** Four stages on large images. */
function large(name: string, units: readonly number[], options: NetworkOptions): BinaryDescription {
  const { width = 1, size = 224 } = options;
  const stem = [
    { windows: grid(3, 2), channels: channelsAt(16, width), depthToSpace: false },
    { windows: HALVING_BLOCKS, channels: channelsAt(64, width), depthToSpace: false },
  ];
  return { ...formOf(name, options, size, stem, stagesOf([64, 128, 256, 512], units, width)), ...SHARED };
}

export function rbnet18(options: NetworkOptions): BinaryDescription {
  return large("rbnet18", RESNET18, options);
}

export function rbnet34(options: NetworkOptions): BinaryDescription {
  return large("rbnet34", RESNET34, options);
}

export function rbnet20(options: NetworkOptions): BinaryDescription {
  return small("rbnet20", 6, 1, options);
}

export function rbnet8(options: NetworkOptions): BinaryDescription {
  return small("rbnet8", 2, 2, options);
}
