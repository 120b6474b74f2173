/**
 * What a layer is: parameters, shapes, counts, a forward and a backward written next to each other, and its folded form.
 *
 * A layer is built once (it declares its parameters), bound to a batch size (what it saves between forward and backward is allocated),
 * and then run any number of times without allocating.
 */
import type { BinaryWeights } from "../backend/terms.js";
import type { Operation } from "../runtime/operations.js";
import type { MapShape } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import type { Parameter, State, ValuesOf } from "./parameters.js";

/**
 * What binary convolutions multiply signs by: the signs of latent weights, or, in a first stage of training, the latent weights themselves.
 */
export type WeightForm = "binary" | "real";

/** One row of `summary`. Counts are per image, in multiply-accumulates. */
export interface LayerSummary {
  readonly name: string;
  readonly kind: string;
  readonly output: MapShape;
  readonly binaryParameters: number;
  readonly realParameters: number;
  readonly binaryMacs: number;
  readonly realMacs: number;
}

/** How many signs a binary layer saw in its last forward, and on the device how many of them were +1. */
export interface SignCount {
  readonly name: string;
  readonly signs: number;
  /** [1]. */
  readonly positive: Tensor<"accumulator">;
}

/** Collects the operations of the folded network; values are numbered, 0 is the input. */
export interface Folding {
  /** Appends an operation and returns the number of its value. */
  add(operation: Operation): number;
  /** The values of a parameter or state. */
  readonly valuesOf: ValuesOf;
  /** The packed signs of latent weights, [filters, words(K)], taken by way of `weights`. They are there when the network is folded. */
  readonly signsOf: (latent: Parameter, weights: BinaryWeights) => Uint32Array;
}

/** Memory that layers use in turn; what is not given, a layer allocates for itself. */
export interface SharedMemory {
  /** dotProduct, for a result that is not kept until the backward pass. */
  readonly result?: Tensor<"dotProduct">;
  /** float32, for what lasts no longer than a forward or backward call. */
  readonly spare?: Tensor;
  /** float32, for an output that is computed again before the backward pass needs it; only for layers that have `recompute`. */
  readonly out?: Tensor;
}

export interface Layer {
  readonly parameters: readonly Parameter[];
  readonly states: readonly State[];
  readonly output: MapShape;
  /** Elements of a dotProduct result that the backward pass can compute again from packed signs, instead of keeping it. */
  recomputable?(images: number): number;
  /**
   * Elements of float32 that a call needs as long as it runs: for gradients that the layer's own memory is too small for, or a
   * product on its way.
   */
  spareElements?(images: number): number;
  /** Allocates for `images` images a batch. `weights`: of binary convolutions; default binary. */
  bind(images: number, shared?: SharedMemory, weights?: WeightForm): void;
  /** x: [images, height, width, channels] float32. The result lives until the next forward, and what was saved until backward. */
  forward(x: Tensor): Tensor;
  /** Computes the output of the last forward again, to the same memory and bits, while input and parameters are as they were. */
  recompute?(): void;
  /**
   * gradient: of the output; it is overwritten. Adds to the parameters' gradients and returns the gradient of the input, or
   * undefined for a first layer, which has none.
   */
  backward(gradient: Tensor): Tensor | undefined;
  summary(): readonly LayerSummary[];
  /** Appends the folded form on value `input`; returns the number of the output's value. */
  fold(folding: Folding, input: number): number;
  /** Counts the signs of the binary inputs in the last forward, for each binary product. */
  countSigns?(): readonly SignCount[];
}
