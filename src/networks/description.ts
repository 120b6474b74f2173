/**
 * A network as its paper's table of the architecture would say it: what a user names on the command line, what a checkpoint and a
 * model file record, and what is built from it.
 */
import type { Estimator } from "../backend/terms.js";
import type { ActivationKind } from "../runtime/activation.js";
import type { MapShape, Windows } from "../runtime/windows.js";

/** How binary convolutions see the map: the paper's reshaped point-wise convolution, or the ordinary 3x3 it replaces. */
export const binaryConvolutionKinds = ["reshaped", "3x3"] as const;
export type BinaryConvolutionKind = (typeof binaryConvolutionKinds)[number];

/**
 * Which 2x2 blocks the reshaped convolutions of a stage see: the same grid in all; a grid that is shifted by one pixel in every
 * other; pixels of a block 1, 2 and 4 apart in turn; or `alternating`, the dilations and the shift in turn. A fixed grid never
 * exchanges information across its borders.
 */
export const blockPatterns = ["fixed", "shifted", "dilated", "alternating"] as const;
export type BlockPattern = (typeof blockPatterns)[number];

/**
 * How a unit that halves the map or has more channels carries its input: through a full-precision 1x1 convolution, or as it is,
 * with its channels repeated.
 */
export const shortcutKinds = ["projection", "repeated"] as const;
export type ShortcutKind = (typeof shortcutKinds)[number];

/**
 * What a reshaped unit multiplies where it halves the map: 2x2 blocks to a pixel of the new map each; 4x4 blocks, whose results
 * are laid on four pixels of it (16 C C' binary multiply-accumulates a pixel, where the 2x2 blocks have 4 and the 3x3 has 9); or
 * the 3x3 that reshaping replaces.
 */
export const halvingKinds = ["2x2", "4x4", "3x3"] as const;
export type HalvingKind = (typeof halvingKinds)[number];

/** What a network's own stem can be exchanged for: space to depth, and a full-precision 1x1 convolution. */
export const stemKinds = ["patches"] as const;
export type StemKind = (typeof stemKinds)[number];

/**
 * Which units re-scale the channels of their product by what their input holds: all or none, or `late`, those of the later half of
 * the stages (of three the last), where a gate costs least: its layers grow with the channels, its multiplications with the map.
 */
export type Gated = boolean | "late";

export interface StemLayer {
  readonly windows: Windows;
  readonly channels: number;
  readonly depthToSpace: boolean;
  /** Default: balanced. */
  readonly activation?: ActivationKind | "none";
  /** What the largest values are taken of after the layer; default none. */
  readonly maxPool?: Windows;
  /** Side of the tiles whose average is taken after the layer; default none. */
  readonly averagePool?: number;
}

export interface Stage {
  readonly channels: number;
  /** Convolutions with 3x3 taps or in their place. */
  readonly units: number;
  /** The first unit halves the map. */
  readonly halve: boolean;
}

/** What all networks are: a stem, stages of units, an average pool and a classifier. */
export interface NetworkForm {
  /** As on the command line, such as `rbnet20`. */
  readonly name: string;
  /** Multiplies the channels of every stage. */
  readonly width: number;
  readonly input: MapShape;
  readonly classes: number;
  readonly stem: readonly StemLayer[];
  readonly stages: readonly Stage[];
}

/** Binary units with a shortcut each: RB-Net, Bi-Real Net, Real-to-Binary, ReActNet on ResNet, and what lies between them. */
export interface BinaryDescription extends NetworkForm {
  readonly body?: undefined;
  readonly convolution: BinaryConvolutionKind;
  readonly estimator: Estimator;
  readonly learnThreshold: boolean;
  /** Default: balanced. */
  readonly activation?: ActivationKind | "none";
  /** Of reshaped convolutions; default alternating. */
  readonly blocks?: BlockPattern;
  /** Of reshaped convolutions that halve the map; default 2x2. */
  readonly halving?: HalvingKind;
  /** Where a unit's shortcut is not its input; default projection. */
  readonly shortcut?: ShortcutKind;
  /** Whether what a unit's input holds re-scales the channels of its product; default false. */
  readonly gated?: Gated;
}

/** Full-precision basic blocks: two 3x3 convolutions and a shortcut around both. */
export interface ResNetDescription extends NetworkForm {
  readonly body: "resnet";
  /**
   * How a block that changes the map's shape carries its input: by a 1x1 convolution with a stride, or by one on the average of 2x2 pixels.
   */
  readonly shortcut: "strided" | "averaged";
}

/** Blocks of two 3x3 binary convolutions and a shortcut around both. */
export interface XnorDescription extends NetworkForm {
  readonly body: "xnor";
  readonly estimator: Estimator;
}

/**
 * MobileNet's blocks as two binary units, a 3x3 and a 1x1, whose shortcuts have no parameters; channels of a stage are a multiple
 * of those before.
 */
export interface ReActDescription extends NetworkForm {
  readonly body: "reactnet-a";
  readonly estimator: Estimator;
}

/** Units of 3x3 binary convolutions that keep the map; what halves it stands before the units of a stage. */
export interface QuickNetDescription extends NetworkForm {
  readonly body: "quicknet";
  readonly estimator: Estimator;
}

export type NetworkDescription = BinaryDescription | ResNetDescription | XnorDescription | ReActDescription | QuickNetDescription;

/**
 * The windows of unit `index` of a stage, with stride 1, on maps of `height` x `width`. Blocks are dilated as far as the map
 * divides by twice the dilation.
 */
export function blockPattern(index: number, height: number, width: number, pattern: BlockPattern = "alternating"): Windows {
  const dilations = [1, 2, 4].filter(
    (dilation) => dilation === 1 || (height % (2 * dilation) === 0 && width % (2 * dilation) === 0),
  );
  const dilated = dilations.map((dilation): Windows => ({ kind: "blocks", dilation, shift: 0 }));
  const patterns: Readonly<Record<BlockPattern, readonly Windows[]>> = {
    fixed: [HALVING_BLOCKS],
    shifted: [HALVING_BLOCKS, SHIFTED_BLOCKS],
    dilated,
    alternating: [...dilated, SHIFTED_BLOCKS],
  };
  const chosen = patterns[pattern];
  return chosen[index % chosen.length] ?? HALVING_BLOCKS;
}

/** Whether units of stage number `stage`, from 0, are gated. */
export function gatedIn({ stages, gated = false }: BinaryDescription, stage: number): boolean {
  return gated === "late" ? stage >= Math.ceil(stages.length / 2) : gated;
}

/** The windows of a unit that halves its map. */
export function halvingWindows(halving: HalvingKind = "2x2"): Windows {
  return { "2x2": HALVING_BLOCKS, "4x4": HALVING_PATCHES, "3x3": grid(3, 2) }[halving];
}

/** The 2x2 blocks that halve a map. */
export const HALVING_BLOCKS: Windows = { kind: "blocks", dilation: 1, shift: 0 };
const HALVING_PATCHES: Windows = { kind: "patches", size: 4 };
const SHIFTED_BLOCKS: Windows = { kind: "blocks", dilation: 1, shift: 1 };

export function grid(kernel: number, stride: number): Windows {
  return { kind: "grid", kernel, stride, padding: kernel >> 1 };
}

/** As a person would name it: `rbnet20`, or `rbnet20 (width 1.5)`. */
export function networkTitle({ name, width }: Pick<NetworkDescription, "name" | "width">): string {
  return width === 1 ? name : `${name} (width ${width})`;
}
