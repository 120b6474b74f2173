/**
 * Which network a trained one is, by the names of the catalogue: so that a training from it can build the same for other classes. A model
 * file says name and width for people, and its operations what was varied; a checkpoint has the description as it was built.
 */
import { z } from "zod";
import { UserError } from "../../errors.js";
import { type NamedNetworkOptions, networkByName, type Variation } from "../../networks/catalogue.js";
import {
  type BinaryDescription,
  binaryConvolutionKinds,
  blockPattern,
  blockPatterns,
  type Gated,
  gatedIn,
  halvingKinds,
  type NetworkDescription,
  type Stage,
} from "../../networks/description.js";
import { activationKinds } from "../../runtime/activation.js";
import type { Model } from "../../runtime/model.js";
import { valueShapes } from "../../runtime/operation-shapes.js";
import type { Operation } from "../../runtime/operations.js";
import type { MapShape, Windows } from "../../runtime/windows.js";
import { firstDifference } from "../records/difference.js";

/** What a description that was written down has to have, whatever else it says. */
const writtenSchema = z.looseObject({
  name: z.string(),
  width: z.number(),
  input: z.looseObject({ height: z.number() }),
  stem: z.unknown(),
  stages: z.array(z.looseObject({ units: z.number() })),
  convolution: z.enum(binaryConvolutionKinds).optional(),
  estimator: z.enum(["polynomial", "clip"]).optional(),
  activation: z.enum([...activationKinds, "none"]).optional(),
  blocks: z.enum(blockPatterns).optional(),
  halving: z.enum(halvingKinds).optional(),
  shortcut: z.string().optional(),
  gated: z.union([z.boolean(), z.literal("late")]).optional(),
  learnThreshold: z.boolean().optional(),
});

/**
 * The network of a checkpoint for `classes` classes.
 *
 * @param from names the checkpoint in messages
 * @throws UserError where no name and options of the catalogue give this network
 */
export function writtenNetwork(written: unknown, classes: number, from: string): NetworkDescription {
  const parsed = writtenSchema.safeParse(written);
  if (!parsed.success) throw new UserError(`the checkpoint ${from} is damaged: its network is malformed; give another start`);
  const { name, width, input, stem, stages, ...found } = parsed.data;
  const options = { classes, width, size: input.height };
  const plain = named(name, options, from);
  const variation: Record<string, unknown> = {};
  if (plain.body === undefined) {
    for (const field of [
      "convolution",
      "estimator",
      "activation",
      "blocks",
      "halving",
      "shortcut",
      "gated",
      "learnThreshold",
    ] as const)
      if (found[field] !== undefined && found[field] !== plain[field]) variation[field] = found[field];
    if (firstDifference(stem, plain.stem) !== undefined) variation.stem = "patches";
    Object.assign(variation, unitsIn(stages, plain));
  }
  const network = named(name, { ...options, ...variation }, from);
  const difference = firstDifference({ ...parsed.data, classes }, network);
  if (difference !== undefined)
    throw new UserError(
      `the start ${from} is a network of its own and not the ${name} of this rbnet (${difference.place} is ${difference.there} ` +
        `there, ${difference.now} here); train from it in the API, with its description`,
    );
  return network;
}

/**
 * The network of a model for `classes` classes, as far as its operations show it: whether all of it is so is seen where it is unfolded.
 *
 * @param from names the model in messages
 * @throws UserError where the catalogue has no network of its name
 */
export function modelNetwork(
  { network: { name, width }, size, operations }: Model,
  classes: number,
  from: string,
): NetworkDescription {
  const options = { classes, width, size };
  const plain = named(name, options, from);
  if (plain.body !== undefined) return plain;
  return named(name, { ...options, ...variationOf(operations, plain) }, from);
}

function named(name: string, options: NamedNetworkOptions, from: string): NetworkDescription {
  try {
    return networkByName(name, options);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`the start ${from} is of a network that cannot be built here: ${error.message}`, { cause: error });
  }
}

type Unit = Operation & { readonly kind: "binaryConvolution" };

/** A unit with its place in its stage, from 0, and the maps that it reads and gives. */
interface PlacedUnit {
  readonly unit: Unit;
  readonly index: number;
  /** Number of its stage, from 0. */
  readonly stage: number;
  readonly from: MapShape;
  readonly to: MapShape;
}

/** What the operations have otherwise than the plain network. */
function variationOf(operations: readonly Operation[], plain: BinaryDescription): Variation {
  const units = placedUnits(operations, plain);
  const [first] = units;
  if (first === undefined) return {};
  const shows = (part: string): boolean => operations.some(({ name }) => /^stage\d+\./.test(name) && name.endsWith(part));
  const halves = units.find(({ from, to }) => to.height < from.height);
  const shortcut = shows(".shortcut")
    ? "projection"
    : shows(".shortcut.pool") || shows(".shortcut.repeat")
      ? "repeated"
      : undefined;
  const kept = units.filter(({ from, to }) => to.height === from.height);
  const reshaped = first.unit.windows.kind !== "grid";
  const found: Variation = {
    convolution: reshaped ? "reshaped" : "3x3",
    activation: first.unit.epilogue.activation?.kind ?? "none",
    learnThreshold: units.some(({ unit }) => unit.threshold.some((value) => value !== 0)),
    ...(shortcut === undefined ? {} : { shortcut }),
    ...(reshaped ? { blocks: patternOf(kept) } : {}),
    ...(reshaped && halves !== undefined ? { halving: halvingOf(halves.unit.windows) } : {}),
    gated: gatedOf(units, plain),
    ...(sameWindows(operations[0], plain) ? {} : { stem: "patches" as const }),
    ...unitsIn(unitsByStage(units, plain), plain),
  };
  const usual = variationIn(plain);
  return Object.fromEntries(Object.entries(found).filter(([field, value]) => value !== usual[field as keyof typeof usual]));
}

/** What can be varied of a network, as this one has it; of its stem and its units nothing. */
export function variationIn(network: BinaryDescription): Required<Omit<Variation, "stem" | "units" | "estimator">> {
  const { convolution, activation = "balanced", learnThreshold, shortcut = "projection" } = network;
  const { blocks = "alternating", halving = "2x2", gated = false } = network;
  return { convolution, activation, learnThreshold, shortcut, blocks, halving, gated };
}

/** The units of the stages, where they are as many stages as the plain network's, but others. */
function unitsIn(stages: readonly Pick<Stage, "units">[], plain: BinaryDescription): Pick<Variation, "units"> {
  const units = stages.map((stage) => stage.units);
  const isPlain = units.every((count, stage) => count === plain.stages[stage]?.units);
  return units.length !== plain.stages.length || isPlain ? {} : { units };
}

function unitsByStage(units: readonly PlacedUnit[], { stages }: BinaryDescription): readonly Pick<Stage, "units">[] {
  return stages.map((_, stage) => ({ units: units.filter((unit) => unit.stage === stage).length }));
}

function placedUnits(operations: readonly Operation[], { input }: BinaryDescription): readonly PlacedUnit[] {
  const shapes = valueShapes(operations, input);
  return operations.flatMap((unit, at) => {
    const [, stage, number] = /^stage(\d+)\.unit(\d+)$/.exec(unit.name) ?? [];
    const [from, to] = [shapes[unit.input], shapes[at + 1]];
    if (number === undefined || unit.kind !== "binaryConvolution" || from === undefined || to === undefined) return [];
    return [{ unit, index: Number(number) - 1, stage: Number(stage) - 1, from, to }];
  });
}

/** The first pattern that all units show; where none does, none is claimed. */
function patternOf(units: readonly PlacedUnit[]): NonNullable<Variation["blocks"]> {
  const shown = (pattern: (typeof blockPatterns)[number]): boolean =>
    units.every(
      ({ unit, index, from }) =>
        firstDifference(unit.windows, blockPattern(index, from.height, from.width, pattern)) === undefined,
    );
  return shown("alternating") ? "alternating" : (blockPatterns.find(shown) ?? "alternating");
}

function gatedOf(units: readonly PlacedUnit[], plain: BinaryDescription): Gated {
  const shown = (gated: Gated): boolean =>
    units.every(({ unit, stage }) => (unit.epilogue.factors !== undefined) === gatedIn({ ...plain, gated }, stage));
  return shown(false) ? false : shown("late") ? "late" : true;
}

function halvingOf(windows: Windows): NonNullable<Variation["halving"]> {
  return windows.kind === "grid" ? "3x3" : windows.kind === "blocks" ? "2x2" : "4x4";
}

function sameWindows(operation: Operation | undefined, { stem }: BinaryDescription): boolean {
  const windows = operation !== undefined && "windows" in operation ? operation.windows : undefined;
  return firstDifference(windows, stem[0]?.windows) === undefined;
}
