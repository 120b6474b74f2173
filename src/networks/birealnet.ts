/**
 * Bi-Real Net (Liu et al., ECCV 2018) and ReActNet on the same body (Liu et al., ECCV 2020): what RB-Net is measured against. A
 * 3x3 binary convolution each has a shortcut of its own, and a shortcut that halves the map averages 2x2 pixels and has a
 * full-precision 1x1 convolution.
 *
 * birealnet18 / birealnet34 / birealnet20: signs at 0, nothing after the shortcut. 164.0M operations (birealnet18 at 224x224).
 * reactnet18 / reactnet20: signs at learned thresholds, RPReLU after the shortcut.
 * The stem has the activation of the units. Scales of binary weights are left to the batch normalization, as in all networks here.
 */
import type { BinaryDescription } from "./description.js";
import { cifarForm, imageNetForm, type NetworkOptions, RESNET18, RESNET34 } from "./form.js";

const BIREAL = { convolution: "3x3", estimator: "polynomial", learnThreshold: false, activation: "none" } as const;
const REACT = { convolution: "3x3", estimator: "polynomial", learnThreshold: true, activation: "rprelu" } as const;

export function birealnet18(options: NetworkOptions): BinaryDescription {
  return { ...imageNetForm("birealnet18", RESNET18, BIREAL.activation, options), ...BIREAL };
}

export function birealnet34(options: NetworkOptions): BinaryDescription {
  return { ...imageNetForm("birealnet34", RESNET34, BIREAL.activation, options), ...BIREAL };
}

export function birealnet20(options: NetworkOptions): BinaryDescription {
  return { ...cifarForm("birealnet20", BIREAL.activation, options), ...BIREAL };
}

export function reactnet18(options: NetworkOptions): BinaryDescription {
  return { ...imageNetForm("reactnet18", RESNET18, REACT.activation, options), ...REACT };
}

export function reactnet20(options: NetworkOptions): BinaryDescription {
  return { ...cifarForm("reactnet20", REACT.activation, options), ...REACT };
}
