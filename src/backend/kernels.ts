/**
 * The contract between layers and backends: every kernel's signature, shapes and meaning on one page, in groups that every implementation's
 * files follow. What kernels take besides tensors is on the page beside it, terms.ts; what else a device does, on device.ts.
 *
 * Results do not depend on the number of threads. Arguments are trusted: layers check shapes once, when a network is bound to a batch size.
 *
 * Letters: a map is [images, height, width, channels]; M windows (rows of a matrix), K values under a window, N filters.
 * `norm` is float32 [4, N]: scale, bias, mean, inverse deviation. `activation` is float32 [4, C]: from, left, right, to.
 */
import type { ElementType, Tensor } from "../tensor.js";
import type {
  AdamStep,
  AttentionTerm,
  BatchNormalizationTerms,
  Binarization,
  BinaryWeights,
  ConvolutionPlan,
  FlipCount,
  LossTerm,
  NormalizationGradients,
  OutputLayout,
  OutputTransform,
  ProductResult,
  SgdStep,
  Window,
} from "./terms.js";

/** Binary convolution. */
export interface BinaryKernels {
  /**
   * columns[m, k] = sign bit of x at tap k of window m against threshold[c]; padding is 0 (that is -1). x: map float32; threshold: [C];
   * columns: uint32 [M, words(K)].
   */
  binarizeColumns(x: Tensor, threshold: Tensor, window: Window, columns: Tensor<"uint32">): void;
  /** Takes the signs (>= 0 is +1) of latent float32 [K, N]. `gradient` also prepares the form that binaryInputGradient reads. */
  binarizeWeights(latent: Tensor, weights: BinaryWeights, gradient: boolean): void;
  /**
   * y[m, n] = sum over k of columns[m, k] * weights[k, n] in +-1: dotProduct [M, N]. `sums`: accumulator [2, N] gets sum and sum of squares
   * of y by filter, exactly.
   */
  binaryProduct(
    columns: Tensor<"uint32">,
    weights: BinaryWeights,
    y: Tensor<"dotProduct">,
    sums: Tensor<"accumulator"> | undefined,
  ): void;
  /** binaryProduct and normalizeActivate (below) in one, without y in memory. Arguments as theirs. */
  binaryUnit(columns: Tensor<"uint32">, weights: BinaryWeights, transform: OutputTransform, out: Tensor): void;
  /**
   * gradient[k, n] += sum over m of dy[m, n] * columns[m, k] in +-1, where |latent[k, n]| <= 1. dy: float32 [M, N]; gradient, latent:
   * float32 [K, N].
   */
  binaryWeightGradient(dy: Tensor, columns: Tensor<"uint32">, latent: Tensor, gradient: Tensor): void;
  /** dx += estimator'(x - threshold) * (dy * weights^T laid back on the map); dThreshold[c] -= the same, summed over c's pixels. */
  binaryInputGradient(
    dy: Tensor,
    weights: BinaryWeights,
    window: Window,
    signs: Binarization,
    dx: Tensor,
    dThreshold: Tensor,
  ): void;
  /**
   * y[m, n] = sum over k of columns[m, k] in +-1 * latent[k, n]: float32 [M, N]. What binaryProduct is while latent weights stand for their
   * signs.
   */
  latentProduct(columns: Tensor<"uint32">, latent: Tensor, plan: ConvolutionPlan, y: Tensor): void;
  /** As binaryInputGradient, with latent float32 [K, N] for the weights. */
  latentInputGradient(
    dy: Tensor,
    latent: Tensor,
    plan: ConvolutionPlan,
    signs: Binarization,
    dx: Tensor,
    dThreshold: Tensor,
  ): void;
  /** total[0] += number of +1 in `columns` (M rows of `bits` valid bits). total: accumulator [1]. */
  countPositive(columns: Tensor<"uint32">, bits: number, total: Tensor<"accumulator">): void;
}

/** Convolution with real weights. A dense layer is one on maps of one pixel. */
export interface RealKernels {
  /**
   * y[m, n] = sum over k of columns[m, k] * weights[k, n], with columns[m, k] = x at tap k of window m, 0 for padding. x: map float32; y:
   * float32 [M, N].
   */
  convolution(x: Tensor, weights: Tensor, plan: ConvolutionPlan, y: Tensor): void;
  /** dx = dy * weights^T laid back on the map. dy: float32 [M, N]; dx: map float32. */
  convolutionInputGradient(dy: Tensor, weights: Tensor, plan: ConvolutionPlan, dx: Tensor): void;
  /** gradient[k, n] += sum over m of columns[m, k] * dy[m, n], with the columns of `convolution`. gradient: float32 [K, N]. */
  convolutionWeightGradient(dy: Tensor, x: Tensor, plan: ConvolutionPlan, gradient: Tensor): void;
  /** matrix[m, n] += bias[n]. */
  addBias(matrix: Tensor, bias: Tensor): void;
  /** total[n] += sum over m of matrix[m, n]. */
  sumColumns(matrix: Tensor, total: Tensor): void;
}

/** Batch normalization, shortcut and activation. */
export interface NormalizationKernels {
  /** sums[0, n] = sum and sums[1, n] = sum of squares over m of y[m, n]; y float32 [M, N], sums accumulator [2, N]. */
  columnMoments(y: Tensor, sums: Tensor<"accumulator">): void;
  /** Batch statistics, the sums of columnMoments or binaryProduct over `count` rows, -> norm; the running statistics move towards them. */
  normalizationForward(sums: Tensor<"accumulator">, count: number, terms: BatchNormalizationTerms, norm: Tensor): void;
  /**
   * u = scale[n] * y[m, n] + bias[n] + shortcut, laid out by `layout`; out = activation(u):
   * slope * (u - from[c]) + to[c] with slope right[c] where u > from[c] and left[c] elsewhere; out = u without activation.
   * y: dotProduct or float32 [M, N]; out: map float32. Values that `layout` lays outside the map are dropped. y may lie beside out.
   */
  normalizeActivate(y: ProductResult, transform: OutputTransform, out: Tensor): void;
  /**
   * Backward of normalizeActivate up to its normalization: replaces `gradient` (of out) by the gradient of u, which is also that of the
   * shortcut. sums: accumulator [5, N] over m, of du; du * yHat; dOut * (u - from) where left; the same where right; dOut, with yHat = (y -
   * mean) * inverse deviation.
   */
  activateBackward(gradient: Tensor, y: ProductResult, transform: OutputTransform, sums: Tensor<"accumulator">): void;
  /**
   * Adds to `gradients`, and writes coefficients float32 [3, N] such that
   * dy[m, n] = coefficients[0, n] * du + coefficients[1, n] * y[m, n] + coefficients[2, n]. `count` is M.
   */
  normalizationBackward(
    sums: Tensor<"accumulator">,
    count: number,
    norm: Tensor,
    gamma: Tensor,
    gradients: NormalizationGradients,
    coefficients: Tensor,
  ): void;
  /** dy [M, N] from the gradient du on the map (0 where `layout` lies outside) and the coefficients above. y may lie beside dy. */
  normalizationGradient(du: Tensor, y: ProductResult, coefficients: Tensor, layout: OutputLayout, dy: Tensor): void;
}

export interface PoolingKernels {
  /** Mean over size x size tiles. x: [I, H, W, C] -> out: [I, H / size, W / size, C]; rows and columns that fill no tile are dropped. */
  averagePool(x: Tensor, size: number, out: Tensor): void;
  /** dx = dOut / size^2, spread over each tile, 0 elsewhere; dx += with `accumulate`. */
  averagePoolGradient(dOut: Tensor, size: number, dx: Tensor, accumulate: boolean): void;
  /** out[m, c] = the largest x[c] at the taps of window m that lie on the map, 0 where none does. x: map float32 -> out: [M, C]. */
  maxPool(x: Tensor, window: Window, out: Tensor): void;
  /**
   * dx = the sum over windows of dOut[m, c], at the first of window m's taps where x[c] is largest; 0 elsewhere. dOut: [M, C]; x, dx: maps.
   */
  maxPoolGradient(dOut: Tensor, x: Tensor, window: Window, dx: Tensor): void;
}

/** What a network is judged by, image by image. */
export interface LossKernels {
  /** out[i] = softmax(scores[i] / temperature). float32 [I, classes]; out may be scores. A score of -Infinity has a probability of 0. */
  softmax(scores: Tensor, temperature: number, out: Tensor): void;
  /**
   * losses[i] (+)= -weight * T^2 * sum over classes of targets * log p (with `divergence`: of targets * (log p - log targets)), with p =
   * softmax(logits / T) and T the temperature; gradient (+)= scale * weight * T * (m * p - targets), that of
   * scale * losses, with m the sum of an image's targets: 1, or what the image counts. All float32 [I, classes], losses [I].
   */
  softmaxCrossEntropy(logits: Tensor, targets: Tensor, term: LossTerm, losses: Tensor, gradient: Tensor): void;
  /**
   * out[i, p] = q[i, p] / |q[i]|, with q[i, p] the sum over c of x[i, p, c]^2 at pixel p and |q[i]| the root of the sum of its squares; 0
   * where all of x[i] is. x: map float32; out: float32 [I, H * W].
   */
  attentionMap(x: Tensor, out: Tensor): void;
  /**
   * Attention matching (Real-to-Binary, section 4.2, after Zagoruyko and Komodakis 2017): losses[i] += weight * |a[i] - wanted[i]| with a
   * the attention map of x and the root of the sum of squares as distance; gradient += that of scale * losses, 0 where the two agree or all
   * of x[i] is 0. x, gradient: maps float32; wanted: float32 [I, H * W]; losses: [I].
   */
  attentionMatch(x: Tensor, wanted: Tensor, term: AttentionTerm, losses: Tensor, gradient: Tensor): void;
  /** total[0] += factor * the sum of losses. losses: [I]; total: accumulator [1]. */
  sumLosses(losses: Tensor, factor: number, total: Tensor<"accumulator">): void;
  /**
   * total[0] += number of images whose label has the highest score, before all classes behind it that have the same. scores: [I, classes];
   * labels: [I]; total: accumulator [1].
   */
  countCorrect(scores: Tensor, labels: Tensor<"int32">, total: Tensor<"accumulator">): void;
}

/** Channels that are weighed by image or repeated. */
export interface ChannelKernels {
  /**
   * out[m, c] = x[m, c] * factors[i, c], rows m of image i. x: dotProduct or float32 [M, C], a map or the rows of its windows; factors:
   * [images, C]; out: float32, may be x.
   */
  multiplyChannels(x: ProductResult, factors: Tensor, out: Tensor): void;
  /** dx = dOut * factors; dFactors[i, c] = the sum over rows m of image i of dOut[m, c] * x[m, c]. dx may be dOut. */
  multiplyChannelsGradient(dOut: Tensor, x: ProductResult, factors: Tensor, dx: Tensor, dFactors: Tensor): void;
  /** out[m, t * C + c] = x[m, c] for t from 0 to times - 1. x: float32 [M, C]; out: [M, times * C]. */
  repeatChannels(x: Tensor, times: number, out: Tensor): void;
  /** dx[m, c] = the sum over t of dOut[m, t * C + c]. */
  repeatChannelsGradient(dOut: Tensor, times: number, dx: Tensor): void;
  /** out = 1 / (1 + exp(-x)); out may be x. */
  sigmoid(x: Tensor, out: Tensor): void;
  /** dx = dOut * out * (1 - out); dx may be dOut. */
  sigmoidGradient(dOut: Tensor, out: Tensor, dx: Tensor): void;
}

/** Optimizer steps and averages, on whole blocks (UPDATE_BLOCK); and plain memory work. */
export interface UpdateKernels {
  /** One Adam step; first and second: moments. */
  adam(value: Tensor, gradient: Tensor, first: Tensor, second: Tensor, step: AdamStep, flips: FlipCount | undefined): void;
  /** One step of SGD with (heavy-ball) momentum: velocity = momentum * velocity + gradient + decay * value; value -= rate * velocity. */
  sgd(value: Tensor, gradient: Tensor, velocity: Tensor, step: SgdStep, flips: FlipCount | undefined): void;
  /** average = decay * average + (1 - decay) * value. */
  movingAverage(average: Tensor, value: Tensor, decay: number): void;
  /** float32, int32 or uint32 of any value, accumulator of 0. */
  fill(tensor: Tensor<Exclude<ElementType, "dotProduct">>, value: number): void;
  /** to += from; float32. */
  add(from: Tensor, to: Tensor): void;
  copy<T extends ElementType>(from: Tensor<T>, to: Tensor<T>): void;
}

export interface Kernels
  extends BinaryKernels,
    RealKernels,
    NormalizationKernels,
    PoolingKernels,
    LossKernels,
    ChannelKernels,
    UpdateKernels {}

/** The kernels that a deployed network runs on: a page has no others. */
export type InferenceKernel =
  | "binarizeColumns"
  | "binaryUnit"
  | "convolution"
  | "addBias"
  | "normalizeActivate"
  | "averagePool"
  | "maxPool"
  | "multiplyChannels"
  | "repeatChannels"
  | "sigmoid";

export type InferenceKernels = Pick<Kernels, InferenceKernel>;

/** A tensor among a call's arguments; undefined where the call has none. */
export type Operand = Tensor<ElementType> | undefined;

/** Every kernel by name, and which operands it writes. It reads all others, and those that gain (+=) or change. */
export const WRITTEN: { readonly [K in keyof Kernels]: (...call: Parameters<Kernels[K]>) => readonly Operand[] } = {
  binarizeColumns: (_x, _threshold, _window, columns) => [columns],
  binarizeWeights: () => [],
  binaryProduct: (_columns, _weights, y, sums) => [y, sums],
  binaryUnit: (_columns, _weights, _transform, out) => [out],
  binaryWeightGradient: (_dy, _columns, _latent, gradient) => [gradient],
  binaryInputGradient: (_dy, _weights, _window, _signs, dx, dThreshold) => [dx, dThreshold],
  latentProduct: (_columns, _latent, _plan, y) => [y],
  latentInputGradient: (_dy, _latent, _plan, _signs, dx, dThreshold) => [dx, dThreshold],
  countPositive: (_columns, _bits, total) => [total],
  convolution: (_x, _weights, _plan, y) => [y],
  convolutionInputGradient: (_dy, _weights, _plan, dx) => [dx],
  convolutionWeightGradient: (_dy, _x, _plan, gradient) => [gradient],
  addBias: (matrix) => [matrix],
  sumColumns: (_matrix, total) => [total],
  columnMoments: (_y, sums) => [sums],
  normalizationForward: (_sums, _count, { runningMean, runningVariance }, norm) => [runningMean, runningVariance, norm],
  normalizeActivate: (_y, _transform, out) => [out],
  activateBackward: (gradient, _y, _transform, sums) => [gradient, sums],
  normalizationBackward: (_sums, _count, _norm, _gamma, gradients, coefficients) => [
    gradients.gamma,
    gradients.beta,
    gradients.activation,
    coefficients,
  ],
  normalizationGradient: (_du, _y, _coefficients, _layout, dy) => [dy],
  averagePool: (_x, _size, out) => [out],
  averagePoolGradient: (_dOut, _size, dx) => [dx],
  maxPool: (_x, _window, out) => [out],
  maxPoolGradient: (_dOut, _x, _window, dx) => [dx],
  softmax: (_scores, _temperature, out) => [out],
  softmaxCrossEntropy: (_logits, _targets, _term, losses, gradient) => [losses, gradient],
  attentionMap: (_x, out) => [out],
  attentionMatch: (_x, _wanted, _term, losses, gradient) => [losses, gradient],
  sumLosses: (_losses, _factor, total) => [total],
  countCorrect: (_scores, _labels, total) => [total],
  multiplyChannels: (_x, _factors, out) => [out],
  multiplyChannelsGradient: (_dOut, _x, _factors, dx, dFactors) => [dx, dFactors],
  repeatChannels: (_x, _times, out) => [out],
  repeatChannelsGradient: (_dOut, _times, dx) => [dx],
  sigmoid: (_x, out) => [out],
  sigmoidGradient: (_dOut, _out, dx) => [dx],
  adam: (value, _gradient, first, second, _step, flips) => [value, first, second, flips?.totals],
  sgd: (value, _gradient, velocity, _step, flips) => [value, velocity, flips?.totals],
  movingAverage: (average) => [average],
  fill: (tensor) => [tensor],
  add: (_from, to) => [to],
  copy: (_from, to) => [to],
};

export const KERNELS = Object.keys(WRITTEN) as readonly (keyof Kernels)[];
