/**
 * A network as its paper's table of the architecture would say it: what a user names on the command line, what a checkpoint and a model file record,
 * and what is built from it.
 */
import type { Estimator } from "../backend/kernels.js";
import type { MapShape, Windows } from "../runtime/windows.js";

/** How binary convolutions see the map: the paper's reshaped point-wise convolution, or the ordinary 3x3 it replaces. */
export type BinaryConvolutionKind = "reshaped" | "3x3";

export interface StemLayer {
  readonly windows: Windows;
  readonly channels: number;
  readonly depthToSpace: boolean;
}

export interface Stage {
  readonly channels: number;
  readonly units: number;
  /** The first unit halves the map. */
  readonly halve: boolean;
}

export interface NetworkDescription {
  /** As on the command line, such as `rbnet20`. */
  readonly name: string;
  /** Multiplies the channels of every stage. */
  readonly width: number;
  readonly input: MapShape;
  readonly classes: number;
  readonly stem: readonly StemLayer[];
  readonly stages: readonly Stage[];
  readonly convolution: BinaryConvolutionKind;
  readonly estimator: Estimator;
  readonly learnThreshold: boolean;
}

/**
 * The block pattern of unit `index` of a stage on maps of `height` x `width`: in turn, pixels of a block 1, 2 and 4 apart, as far as the map divides by
 * twice that, and the grid shifted by one pixel. A fixed grid would never exchange information across its borders.
 */
export function blockPattern(index: number, height: number, width: number): Windows {
  const dilations = [1, 2, 4].filter(
    (dilation) => dilation === 1 || (height % (2 * dilation) === 0 && width % (2 * dilation) === 0),
  );
  const patterns: Windows[] = dilations.map((dilation) => ({ kind: "blocks", dilation, shift: 0 }));
  patterns.push({ kind: "blocks", dilation: 1, shift: 1 });
  return patterns[index % patterns.length] ?? HALVING_BLOCKS;
}

/** The 2x2 blocks that halve a map. */
export const HALVING_BLOCKS: Windows = { kind: "blocks", dilation: 1, shift: 0 };

export function grid(kernel: number, stride: number): Windows {
  return { kind: "grid", kernel, stride, padding: kernel >> 1 };
}
