/**
 * What the kernels of the contract (kernels.ts) take besides tensors and numbers: what a backend has prepared for them, and the terms of a
 * computation. Letters are those of that page.
 */
import type { Tensor, WindowGeometry } from "../tensor.js";

/** A geometry that a backend has put where its kernels can read it. */
export interface Window {
  readonly geometry: WindowGeometry;
}

/** Signs of a latent weight matrix [K, N], arranged as a backend's products like to read them. */
export interface BinaryWeights {
  readonly inputs: number;
  readonly filters: number;
}

/** What a convolution with real weights is planned for. */
export interface ConvolutionUse {
  /** It multiplies packed signs (latentProduct), not the values of a map. */
  readonly signs: boolean;
  /** The gradient of its input is wanted, too. */
  readonly inputGradient: boolean;
}

/**
 * A convolution with real weights [K, N] on the windows of a map, and what a backend needs while it runs, which all that are planned share.
 */
export interface ConvolutionPlan {
  readonly window: Window;
  readonly filters: number;
}

/** How the gradient passes a sign: `clip` 1 where |x| <= 1; `polynomial` max(0, 2 - 2|x|) (Bi-Real Net, section 3.2). */
export type Estimator = "clip" | "polynomial";

/** How filters n of a row m of [M, N] lie on the output map: row by row, or N = taps * C channels spread over the taps of a window. */
export type OutputLayout = Window | undefined;

/**
 * What follows the product y [M, N] of a layer in one pass: out = activation(scale[n] * y[m, n] + bias[n] + shortcut), laid out by
 * `layout`.
 */
export interface OutputTransform {
  readonly norm: Tensor;
  readonly layout: OutputLayout;
  /** A map float32, as the output's. */
  readonly shortcut: Tensor | undefined;
  readonly activation: Tensor | undefined;
}

/** A map whose signs were taken, sign(x - threshold[c]), and how a gradient passes them. x: map float32; threshold: [C]. */
export interface Binarization {
  readonly x: Tensor;
  readonly threshold: Tensor;
  readonly estimator: Estimator;
}

/** Batch normalization: what is learned, what is remembered of batches, and how. All tensors float32 [N]. */
export interface BatchNormalizationTerms {
  readonly gamma: Tensor;
  readonly beta: Tensor;
  readonly epsilon: number;
  readonly runningMean: Tensor;
  /** Of unbiased variances. */
  readonly runningVariance: Tensor;
  /** How far the running statistics move towards those of the batch. */
  readonly momentum: number;
}

/** Where the gradients of a normalized output's parameters are added. */
export interface NormalizationGradients {
  /** [N]. */
  readonly gamma: Tensor;
  readonly beta: Tensor;
  /** [4, C]; undefined without activation. */
  readonly activation: Tensor | undefined;
}

/** The result of a product [M, N]: of signs, or of real numbers. */
export type ProductResult = Tensor<"dotProduct"> | Tensor;

/**
 * What optimizers update is as long as a multiple of so many elements, or a part that is and starts at one; so are the parts whose flips
 * are counted. No vector and no group of a GPU's threads is then cut.
 */
export const UPDATE_BLOCK = 64;

/** Where the signs (>= 0 is +1) that an update changes are counted, by part of what is updated. */
export interface FlipCount {
  /** [parts + 1]: where each part starts, and where the last one ends. */
  readonly starts: Tensor<"int32">;
  /** [parts]: each gains the flips of its part. */
  readonly totals: Tensor<"accumulator">;
}

export interface AdamStep {
  readonly rate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled decay (AdamW), as a fraction of `rate`. */
  readonly decay: number;
  /** Number of this step, from 1, for the bias correction. */
  readonly step: number;
  /** Latent weights are kept in [-limit, limit]; 0 for no limit. */
  readonly limit: number;
}

/** How much of a loss the difference of two attention maps is. */
export interface AttentionTerm {
  readonly weight: number;
  /** Of the gradient alone. */
  readonly scale: number;
}

/** How much of a loss a cross-entropy is. */
export interface LossTerm {
  readonly weight: number;
  /** Above 1 it brings the likelier classes closer together; the square before the loss keeps gradients as large as at 1. */
  readonly temperature: number;
  /** Of the gradient alone. */
  readonly scale: number;
  /** Add to losses and gradient, and do not replace them. */
  readonly accumulate: boolean;
  /**
   * Losses are less the doubt of the targets: the divergence (Kullback and Leibler, 1951) of p from them, which is 0 where the two agree.
   */
  readonly divergence: boolean;
}

export interface SgdStep {
  readonly rate: number;
  readonly momentum: number;
  /** L2 penalty added to the gradient. */
  readonly decay: number;
  readonly limit: number;
}

/** Crops that are scaled in one call. */
export interface CropTerms {
  /** Words between the two passes that any crop takes at most. */
  readonly between: number;
  /** The same of the crops of this call. */
  readonly betweenNow: number;
}

/** What images that come as bytes have in common. */
export interface ImageTerms {
  /** Pixels of an image's side as it comes. */
  readonly side: number;
  /** Bytes of a pixel, of which the first three are its colours: a word's, where they were scaled on the device. */
  readonly pixelBytes: 3 | 4;
  /** float32 [3 * 256], the normalized value of each byte. */
  readonly table: Tensor;
  readonly mean: readonly [number, number, number];
  readonly standardDeviation: readonly [number, number, number];
  /** Whether gain, lift and saturation are drawn. */
  readonly recolours: boolean;
}
