/**
 * The deployed network: a flat list of operations on numbered values. Value 0 is the input image; operation i produces value i + 1.
 * Batch normalization and scales are folded, binary weights are packed. This is what a model file holds and what every evaluation runs.
 */
import type { Activation } from "./activation.js";
import type { Windows } from "./windows.js";

/** What follows a product, per filter n (c is the channel that n is laid on): activation(scale[n] * factor[n] * y + bias[n] + shortcut). */
export interface Epilogue {
  /** Value of one pixel with a factor for each filter; none is 1. */
  readonly factors?: number;
  readonly scale: Float32Array;
  readonly bias: Float32Array;
  /** Value that is added, of the output's shape. */
  readonly shortcut?: number;
  /** Of the output's channels. */
  readonly activation?: Activation;
  /** Filters are laid over the taps of each window (depth to space) instead of being channels of one pixel a window. */
  readonly depthToSpace: boolean;
}

export const denseActivations = ["relu", "sigmoid"] as const;
export type DenseActivation = (typeof denseActivations)[number];

/** Named by the layer that it was, such as `stage1.unit2`; no two have the same name. */
export type Operation =
  | {
      readonly kind: "binaryConvolution";
      readonly name: string;
      readonly input: number;
      readonly windows: Windows;
      readonly filters: number;
      /** A value is +1 where it is at least its channel's threshold. */
      readonly threshold: Float32Array;
      /** Packed signs, [filters, words(taps * channels)]. */
      readonly weights: Uint32Array;
      readonly epilogue: Epilogue;
    }
  | {
      readonly kind: "realConvolution";
      readonly name: string;
      readonly input: number;
      readonly windows: Windows;
      readonly filters: number;
      /** [taps * channels, filters] */
      readonly weights: Float32Array;
      /** Where it is there, the input's signs against it are multiplied: a network in its first stage of training, which no file holds. */
      readonly threshold?: Float32Array;
      readonly epilogue: Epilogue;
    }
  | { readonly kind: "averagePool"; readonly name: string; readonly input: number; readonly size: number }
  | { readonly kind: "maxPool"; readonly name: string; readonly input: number; readonly windows: Windows }
  /** All channels `times` times, one after the other. */
  | { readonly kind: "repeatChannels"; readonly name: string; readonly input: number; readonly times: number }
  | {
      readonly kind: "dense";
      readonly name: string;
      readonly input: number;
      readonly filters: number;
      /** [inputs, filters] */
      readonly weights: Float32Array;
      readonly bias: Float32Array;
      readonly activation?: DenseActivation;
    };
