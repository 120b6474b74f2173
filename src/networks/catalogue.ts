/** The networks by the names that a command line knows. */
import { UserError } from "../errors.js";
import { birealnet18, birealnet20, birealnet34, reactnet18, reactnet20 } from "./birealnet.js";
import type { BinaryDescription, NetworkDescription, Stage, StemKind } from "./description.js";
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

/** Of a stage; more are taken for a slip. The deepest network here has 12. */
const MAXIMUM_UNITS = 100;

/** What may be changed of a network of binary units, one thing at a time: the way from a plain binary network to RB-Net. */
export type Variation = Partial<
  Pick<
    BinaryDescription,
    "convolution" | "estimator" | "activation" | "blocks" | "halving" | "shortcut" | "gated" | "learnThreshold"
  >
> & {
  /** In place of the network's own. */
  readonly stem?: StemKind;
  /** Units of each stage, or one number for all of them. */
  readonly units?: readonly number[];
};

export type NamedNetworkOptions = NetworkOptions & Variation;

/** @throws UserError where there is no network of this name, or it cannot be built of this width or with this variation */
export function networkByName(name: string, options: NamedNetworkOptions): NetworkDescription {
  const { convolution, estimator, activation, blocks, halving, shortcut, gated, learnThreshold, stem, units, ...rest } = options;
  const build = Object.hasOwn(NETWORKS, name) ? NETWORKS[name] : undefined;
  if (build === undefined) throw new UserError(`there is no network "${name}"; the networks are ${networkNames.join(", ")}`);
  const description = build(rest);
  const variation = { convolution, estimator, activation, blocks, halving, shortcut, gated, learnThreshold, stem, units };
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
  const { stem, units, ...fields } = variation;
  const chosen = { ...description, ...fields };
  if (chosen.convolution !== "reshaped" && (fields.blocks !== undefined || fields.halving !== undefined))
    throw new UserError(
      `${name} has ${chosen.convolution} convolutions, and ${fields.blocks !== undefined ? "blocks" : "halving"} is ` +
        `said of reshaped ones; choose convolution "reshaped" too, or leave it away`,
    );
  return {
    ...chosen,
    ...(stem === undefined ? {} : { stem: patchStem(description) }),
    ...(units === undefined ? {} : { stages: withUnits(description, units) }),
  };
}

function withUnits({ name, stages }: NetworkDescription, units: readonly number[]): readonly Stage[] {
  if (units.length !== 1 && units.length !== stages.length)
    throw new UserError(
      `${name} has ${stages.length} stages, and units are given for ${units.length}; give one number for each, or one`,
    );
  const wrong = units.find((count) => !Number.isInteger(count) || count < 1 || count > MAXIMUM_UNITS);
  if (wrong !== undefined)
    throw new UserError(`a stage of ${wrong} units is not possible; give whole numbers from 1 to ${MAXIMUM_UNITS}`);
  return stages.map((stage, i) => ({ ...stage, units: units[i] ?? units[0] ?? stage.units }));
}
