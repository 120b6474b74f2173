/** A trained network to start from decides which network is trained, and on which pixels; flags that say otherwise are refused. */
import { UserError } from "../errors.js";
import { networkByName } from "../networks/catalogue.js";
import { type NetworkDescription, networkTitle } from "../networks/description.js";
import { firstDifference } from "../training/records/difference.js";
import { variationIn } from "../training/start/recognize.js";
import type { Start } from "../training/start/start.js";
import { flagName } from "./flags.js";
import { type VariationFlags, variationOf } from "./network-flags.js";

/** Of the flags that choose a network, those that a start decides. */
interface NetworkFlags extends VariationFlags {
  readonly network?: string;
  readonly width?: number;
  readonly size?: number;
}

/**
 * The flags with network, width and size of the start.
 *
 * @throws UserError that names the first flag that contradicts it
 */
export function followStart<Flags extends NetworkFlags>(flags: Flags, start: Start): Flags {
  const network = start.networkFor(2);
  const { name, width } = network;
  const own = { network: name, width, size: start.size };
  for (const [flag, value] of Object.entries(own)) {
    const given = flags[flag as keyof typeof own];
    if (given !== undefined && given !== value) throw contradiction(`${flagName(flag)} ${given}`, network, start);
  }
  const contradicted = contradictedVariation(flags, network);
  if (contradicted !== undefined) throw contradiction(contradicted, network, start);
  return { ...flags, ...own };
}

function contradictedVariation(flags: VariationFlags, network: NetworkDescription): string | undefined {
  const variation = variationOf(flags);
  const { stem, units, ...rest } = variation;
  if (network.body !== undefined) return Object.keys(variation).length === 0 ? undefined : "what is varied of a network";
  const given = Object.entries(rest);
  const own = variationIn(network);
  const other = given.find(([field, value]) => own[field as keyof typeof own] !== value);
  if (other !== undefined) return other[0] === "learnThreshold" ? "--fixed-threshold" : `${flagName(other[0])} ${other[1]}`;
  const { name, width, input } = network;
  const asked = networkByName(name, { classes: 2, width, size: input.height, ...variation });
  if (stem !== undefined && firstDifference(asked.stem, network.stem) !== undefined) return `--stem ${stem}`;
  if (units !== undefined && firstDifference(asked.stages, network.stages) !== undefined) return `--units ${units}`;
  return undefined;
}

function contradiction(flag: string, network: NetworkDescription, { from, size }: Start): UserError {
  return new UserError(
    `${flag} contradicts --from ${from}, whose network is ${networkTitle(network)} for images of ${size} x ${size} pixels; ` +
      "leave the flag out, or train without a start",
  );
}
