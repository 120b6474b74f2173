/**
 * Real-to-Binary (Martinez et al., ICLR 2020): the body of Bi-Real Net, with data-driven channel re-scaling of every binary
 * product (its section 4.3, ChannelGate) and PReLU.
 *
 * The paper's order is normalization - sign - convolution - re-scaling - PReLU - shortcut. Here normalization follows the
 * re-scaling, and PReLU the shortcut, as in the other binary networks of this folder, which this one differs from in nothing
 * else: a learned threshold is what normalization before a sign comes to, and what it does to the mean of a map, the first layer
 * of the gate can do. The paper's training (three stages, attention matching) is no part of the network.
 *
 * real2binary18 counts 165.8M operations at 224x224: Bi-Real Net's 164.0M, 0.3M for the gates' layers, and 1.5M for the
 * multiplication of the products. RB-Net's abstract says 1.65e8, which is this count within 1 %. The 1.83e8 of ReActNet's README
 * is 17M more than the multiply-accumulates of these layers; it is what 1.56e8 real and 1.68e9 / 64 binary operations come to, a
 * count that has more than multiply-accumulates in it.
 */
import type { BinaryDescription } from "./description.js";
import { cifarForm, imageNetForm, type NetworkOptions, RESNET18 } from "./form.js";

const REAL2BINARY = {
  convolution: "3x3",
  estimator: "polynomial",
  learnThreshold: true,
  activation: "prelu",
  gated: true,
} as const;

export function real2binary18(options: NetworkOptions): BinaryDescription {
  return { ...imageNetForm("real2binary18", RESNET18, REAL2BINARY.activation, options), ...REAL2BINARY };
}

export function real2binary20(options: NetworkOptions): BinaryDescription {
  return { ...cifarForm("real2binary20", REAL2BINARY.activation, options), ...REAL2BINARY };
}
