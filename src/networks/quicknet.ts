/**
 * QuickNet (Bannink et al., MLSys 2021; Larq Zoo's QuickNetSmall, QuickNet and QuickNetLarge): units of a 3x3 binary convolution
 * that all keep the map. What halves it stands between the stages, where the whole map passes: a max pool made smooth, and a
 * full-precision 1x1 convolution. Signs are at 0, and gradients pass them where |x| <= 1 (there 1.25).
 *
 * A stage ends in a ReLU. Between stem and stages, and where maps are halved, there are depthwise convolutions of 3x3 there, learned
 * in the stem and of binomial weights elsewhere; here it is the average of 2x2 pixels, which counts nothing. A unit there is sign -
 * convolution - ReLU - normalization - shortcut. Here normalization follows the convolution, and a PReLU the shortcut, as in the other
 * binary networks of this folder.
 *
 * 33.3M, 57.3M and 86.2M operations at 224x224, where Larq's code has 34.0M, 58.6M and 87.5M: what is missing are the depthwise
 * convolutions.
 */
import { grid, type QuickNetDescription } from "./description.js";
import { channelsAt, formOf, type NetworkOptions, RESNET18, RESNET34, stagesOf } from "./form.js";

function quick(
  name: string,
  channels: readonly number[],
  units: readonly number[],
  options: NetworkOptions,
): QuickNetDescription {
  const { width = 1, size = 224 } = options;
  const stages = stagesOf(channels, units, width);
  const [first = 0] = channels;
  const stem = [
    { windows: grid(3, 2), channels: channelsAt(first / 4, width), depthToSpace: false, activation: "relu", averagePool: 2 },
    { windows: grid(1, 1), channels: channelsAt(first, width), depthToSpace: false, activation: "none" },
  ] as const;
  return { ...formOf(name, options, size, stem, stages), body: "quicknet", estimator: "clip" };
}

export function quicknetS(options: NetworkOptions): QuickNetDescription {
  return quick("quicknet-s", [32, 64, 256, 512], RESNET18, options);
}

export function quicknet(options: NetworkOptions): QuickNetDescription {
  return quick("quicknet", [64, 128, 256, 512], RESNET18, options);
}

export function quicknetL(options: NetworkOptions): QuickNetDescription {
  return quick("quicknet-l", [64, 128, 256, 512], RESNET34, options);
}
