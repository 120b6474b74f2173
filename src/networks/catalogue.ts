/** The networks by the names that a command line knows. */
import { UserError } from "../errors.js";
import { birealnet18, birealnet20, birealnet34, reactnet18, reactnet20 } from "./birealnet.js";
import type { BinaryDescription, NetworkDescription, StemKind } from "./description.js";
import { rbnetL, rbnetM, rbnetS } from "./family.js";
import type { NetworkOptions } from "./form.js";
import { patchStem } from "./patch-stem.js";
import { quicknet, quicknetL, quicknetS } from "./quicknet.js";
import { rbnet8, rbnet18, rbnet20, rbnet34 } from "./rbnet.js";
import { reactnetA } from "./reactnet-a.js";
import { real2binary18, real2binary20 } from "./real2binary.js";
import { resnet18, resnet20, resnet34 } from "./resnet.js";
import { xnornet18, xnornet20 } from "./xnornet.js";

const NETWORKS: Readonly<Record<string, (options: NetworkOptions) => NetworkDescription>> = {
  rbnet8,
  rbnet20,
  rbnet18,
  rbnet34,
  "rbnet-s": rbnetS,
  "rbnet-m": rbnetM,
  "rbnet-l": rbnetL,
  resnet20,
  resnet18,
  resnet34,
  xnornet20,
  xnornet18,
  birealnet20,
  birealnet18,
  birealnet34,
  real2binary20,
  real2binary18,
  reactnet20,
  reactnet18,
  "reactnet-a": reactnetA,
  "quicknet-s": quicknetS,
  quicknet,
  "quicknet-l": quicknetL,
};

export const networkNames: readonly string[] = Object.keys(NETWORKS);

/** What may be changed of a network of binary units, one thing at a time: the way from a plain binary network to RB-Net. */
export type Variation = Partial<
  Pick<
    BinaryDescription,
    "convolution" | "estimator" | "activation" | "blocks" | "halving" | "shortcut" | "gated" | "learnThreshold"
  >
> & {
  /** In place of the network's own. */
  readonly stem?: StemKind;
};

export type NamedNetworkOptions = NetworkOptions & Variation;

/** @throws UserError where there is no network of this name, or it cannot be built of this width or with this variation */
export function networkByName(name: string, options: NamedNetworkOptions): NetworkDescription {
  const { convolution, estimator, activation, blocks, halving, shortcut, gated, learnThreshold, stem, ...rest } = options;
  const build = Object.hasOwn(NETWORKS, name) ? NETWORKS[name] : undefined;
  if (build === undefined) throw new UserError(`there is no network "${name}"; the networks are ${networkNames.join(", ")}`);
  const description = build(rest);
  const variation = { convolution, estimator, activation, blocks, halving, shortcut, gated, learnThreshold, stem };
  const given = Object.entries(variation).filter(([, value]) => value !== undefined);
  if (given.length === 0) return description;
  return varied(description, Object.fromEntries(given));
}

function varied(description: NetworkDescription, variation: Variation): NetworkDescription {
  const { name, body } = description;
  if (body !== undefined)
    throw new UserError(
      `${name} is what its paper says, and its ${Object.keys(variation).join(", ")} cannot be changed; choose a ` +
        "network of residual binary units, such as rbnet20",
    );
  const { stem, ...fields } = variation;
  const chosen = { ...description, ...fields };
  if (chosen.convolution !== "reshaped" && (fields.blocks !== undefined || fields.halving !== undefined))
    throw new UserError(
      `${name} has ${chosen.convolution} convolutions, and ${fields.blocks !== undefined ? "blocks" : "halving"} is ` +
        `said of reshaped ones; choose convolution "reshaped" too, or leave it away`,
    );
  return stem === undefined ? chosen : { ...chosen, stem: patchStem(description) };
}
