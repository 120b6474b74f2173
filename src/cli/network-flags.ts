/** The flags that choose a network and what varies in it: the way from a plain binary network to RB-Net, one step at a time. */
import { type Command, Option } from "commander";
import type { Variation } from "../networks/catalogue.js";
import { binaryConvolutionKinds, blockPatterns, halvingKinds, shortcutKinds, stemKinds } from "../networks/description.js";
import { activationKinds } from "../runtime/activation.js";
import { listOf, readPositive } from "./flags.js";

/** As commander hands them over; undefined where a flag was not given. */
export interface VariationFlags
  extends Pick<Variation, "convolution" | "activation" | "blocks" | "halving" | "shortcut" | "gated" | "stem" | "units"> {
  readonly fixedThreshold?: boolean;
}

/** Names of the flags as commander has them. */
export const variationFlagNames = [
  "convolution",
  "activation",
  "blocks",
  "halving",
  "shortcut",
  "gated",
  "stem",
  "units",
  "fixedThreshold",
] as const;

export function addVariationFlags(command: Command): Command {
  return command
    .addOption(
      new Option("--convolution <kind>", "what the binary layers are (default: the network's)").choices(binaryConvolutionKinds),
    )
    .addOption(
      new Option("--activation <kind>", "after each binary layer (default: the network's)").choices([...activationKinds, "none"]),
    )
    .addOption(
      new Option("--blocks <pattern>", "of reshaped convolutions, along a stage (default: alternating)").choices(blockPatterns),
    )
    .addOption(
      new Option("--halving <kind>", "what reshaped convolutions that halve the map see (default: 2x2)").choices(halvingKinds),
    )
    .addOption(new Option("--shortcut <kind>", "of units that halve the map (default: projection)").choices(shortcutKinds))
    .addOption(
      new Option("--gated [late]", "units weigh their channels by their input: all, or those of late stages").choices(["late"]),
    )
    .option("--no-gated", "units do not (default: the network's)")
    .addOption(
      new Option("--stem <kind>", "patches: space to depth, and a 1x1 convolution (default: the network's)").choices(stemKinds),
    )
    .option(
      "--units <counts>",
      "of each stage, such as 4,8,8,4, or one number for all (default: the network's)",
      listOf(readPositive),
    )
    .option("--fixed-threshold", "take signs at 0 instead of at learned thresholds");
}

/** What was asked for; nothing that was not. */
export function variationOf({
  convolution,
  activation,
  blocks,
  halving,
  shortcut,
  gated,
  stem,
  units,
  fixedThreshold,
}: VariationFlags): Variation {
  return {
    ...(convolution === undefined ? {} : { convolution }),
    ...(activation === undefined ? {} : { activation }),
    ...(blocks === undefined ? {} : { blocks }),
    ...(halving === undefined ? {} : { halving }),
    ...(shortcut === undefined ? {} : { shortcut }),
    ...(gated === undefined ? {} : { gated }),
    ...(stem === undefined ? {} : { stem }),
    ...(units === undefined ? {} : { units }),
    ...(fixedThreshold === true ? { learnThreshold: false } : {}),
  };
}
