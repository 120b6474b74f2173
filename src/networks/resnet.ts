/**
 * ResNet (He et al., CVPR 2016) in full precision: the network that binary ones imitate, their teacher, and what they are measured against.
 *
 * A block: 3x3 convolution - BN - ReLU - 3x3 convolution - BN - + shortcut - ReLU.
 * resnet18 / resnet34 at 224x224: the shortcut of a block that halves the map is a 1x1 convolution with a stride of 2 and a BN,
 * as in torchvision, whose parameters and 1.81G multiply-accumulates (resnet18) these have.
 * resnet20 at 32x32: the layout of the paper's network for CIFAR-10, times `width`. Where the paper's shortcut drops pixels and
 * pads channels by zeros, this one averages 2x2 pixels and has a 1x1 convolution and a BN, like those of all binary networks
 * here, so that they differ in the blocks alone.
 */
import type { ResNetDescription } from "./description.js";
import { cifarForm, imageNetForm, type NetworkOptions, RESNET18, RESNET34 } from "./form.js";

export function resnet18(options: NetworkOptions): ResNetDescription {
  return { ...imageNetForm("resnet18", RESNET18, "relu", options), body: "resnet", shortcut: "strided" };
}

export function resnet34(options: NetworkOptions): ResNetDescription {
  return { ...imageNetForm("resnet34", RESNET34, "relu", options), body: "resnet", shortcut: "strided" };
}

export function resnet20(options: NetworkOptions): ResNetDescription {
  return { ...cifarForm("resnet20", "relu", options), body: "resnet", shortcut: "averaged" };
}
