/**
 * Binary convolution: signs of the input against learned thresholds, times signs of latent weights, by XNOR and popcount.
 *
 *   y[m, n] = sum over k of sign(x - threshold[c]) * sign(latent[k, n])          an integer, |y| <= K
 *
 * With windows of kind `blocks` it is RB-Net's reshaped point-wise convolution (the abstract of the paper: spatial information is
 * rearranged into depth, then a point-wise convolution runs); with `grid` it is the 3x3 of the networks it is compared with.
 * Backward, the sign of the input passes gradients by the chosen estimator and the sign of a weight where |latent| <= 1. In the first of two
 * stages of training the latent weights stand for their signs (LatentProduct); the optimizer keeps them in [-1, 1], so they all learn.
 */
import type { Backend } from "../backend/device.js";
import type { BinaryWeights, Estimator, ProductResult, Window } from "../backend/kernels.js";
import { elementsOf, geometryOf, type MapShape, tapCount, type Windows, windowMap } from "../runtime/windows.js";
import { type Tensor, windowCount, wordsFor } from "../tensor.js";
import { constant } from "./initializer.js";
import { LatentProduct } from "./latent-product.js";
import type { Folding, SignCount, WeightForm } from "./layer.js";
import { type Declarations, fixedParameter, type Parameter } from "./parameters.js";

export interface BinaryConvolutionOptions {
  readonly name: string;
  readonly input: MapShape;
  readonly filters: number;
  readonly windows: Windows;
  readonly estimator: Estimator;
  /** Thresholds stay 0 otherwise. */
  readonly learnThreshold: boolean;
}

export class BinaryConvolution {
  readonly latent: Parameter;
  readonly threshold: Parameter;
  readonly windowMap: MapShape;
  readonly inputs: number;
  private readonly signs: BinaryWeights;
  private readonly positive: Tensor<"accumulator">;
  private window: Window | undefined;
  private columns: Tensor<"uint32"> | undefined;
  private result: Tensor<"dotProduct"> | undefined;
  /** Where weights are real. */
  private latentProduct: LatentProduct | undefined;
  /** The result's memory is others' too, and does not last until backward. */
  private passing = false;

  constructor(
    private readonly backend: Backend,
    readonly options: BinaryConvolutionOptions,
    declarations: Declarations,
  ) {
    const { name, input, filters, windows, learnThreshold } = options;
    this.inputs = tapCount(windows) * input.channels;
    this.windowMap = windowMap(windows, input, filters);
    this.latent = declarations.parameter(
      `${name}.latent`,
      "latent",
      [this.inputs, filters],
      declarations.initializer.normal(this.inputs * filters, 1 / Math.sqrt(this.inputs)),
    );
    const zeros = constant(input.channels, 0);
    this.threshold = learnThreshold
      ? declarations.parameter(`${name}.threshold`, "other", [input.channels], zeros)
      : fixedParameter(backend, `${name}.threshold`, [input.channels], zeros);
    this.signs = backend.binaryWeights(this.inputs, filters, true);
    this.positive = backend.allocate("accumulator", [1]);
  }

  get parameters(): readonly Parameter[] {
    return this.options.learnThreshold ? [this.latent, this.threshold] : [this.latent];
  }

  resultElements(images: number): number {
    return images * elementsOf(this.windowMap);
  }

  /** `passing`: memory for the result of binary weights that does not last until backward. */
  bind(images: number, passing?: Tensor<"dotProduct">, weights: WeightForm = "binary"): void {
    const { backend, inputs, options } = this;
    const geometry = geometryOf(options.windows, images, options.input);
    const rows = windowCount(geometry);
    this.window = backend.window(geometry);
    this.columns = backend.allocate("uint32", [rows, wordsFor(inputs)]);
    const shape = [rows, options.filters];
    if (weights === "real") {
      this.passing = false;
      this.result = undefined;
      const result = backend.allocate("float32", shape);
      this.latentProduct = new LatentProduct(backend, { ...options, images }, this.latent, this.threshold, result);
      return;
    }
    this.latentProduct = undefined;
    this.passing = passing !== undefined;
    this.result = passing === undefined ? backend.allocate("dotProduct", shape) : backend.view(passing, shape);
  }

  /** What the last bind multiplies the weights by. */
  get windows(): Window {
    if (this.window === undefined) throw new Error("windows before bind");
    return this.window;
  }

  /** sums: [2, N], the batch statistics of the result, where they are wanted. */
  forward(x: Tensor, sums: Tensor<"accumulator"> | undefined): ProductResult {
    const { backend, window, columns, result, latentProduct } = this;
    if (window === undefined || columns === undefined) throw new Error("forward before bind");
    backend.binarizeColumns(x, this.threshold.value, window, columns);
    if (latentProduct !== undefined) {
      latentProduct.forward(columns, sums);
      return latentProduct.result;
    }
    if (result === undefined) throw new Error("forward before bind");
    backend.binarizeWeights(this.latent.value, this.signs, true);
    backend.binaryProduct(columns, this.signs, result, sums);
    return result;
  }

  /** The result of the last forward, computed again where its memory did not last: a product of bits costs less than the memory. */
  recall(): ProductResult {
    const { backend, columns, result, latentProduct } = this;
    if (latentProduct !== undefined) return latentProduct.result;
    if (columns === undefined || result === undefined) throw new Error("recall before bind");
    if (this.passing) backend.binaryProduct(columns, this.signs, result, undefined);
    return result;
  }

  /** dy: float32 [M, N]; dx: gains the input's gradient. x: the input of the forward. */
  backward(dy: Tensor, x: Tensor, dx: Tensor): void {
    const { backend, window, columns, latentProduct } = this;
    if (window === undefined || columns === undefined) throw new Error("backward before bind");
    backend.binaryWeightGradient(dy, columns, this.latent.value, this.latent.gradient);
    if (latentProduct !== undefined) {
      latentProduct.inputGradient(dy, x, dx);
      return;
    }
    const binarization = { x, threshold: this.threshold.value, estimator: this.options.estimator };
    backend.binaryInputGradient(dy, this.signs, window, binarization, dx, this.threshold.gradient);
  }

  /** Of the last forward; padding counts as -1. */
  countSigns(): Omit<SignCount, "name"> {
    const { backend, columns, positive, inputs } = this;
    if (columns === undefined) throw new Error("signs are counted before bind");
    backend.fill(positive, 0);
    backend.countPositive(columns, inputs, positive);
    return { signs: (columns.shape[0] ?? 1) * inputs, positive };
  }

  /** What the convolution multiplies by, as it is bound. */
  get weightForm(): WeightForm {
    return this.latentProduct === undefined ? "binary" : "real";
  }

  foldThreshold({ valuesOf }: Folding): Float32Array {
    const { learnThreshold, input } = this.options;
    return learnThreshold ? valuesOf(this.threshold) : constant(input.channels, 0);
  }

  foldWeights({ signsOf }: Folding): Uint32Array {
    return signsOf(this.latent, this.signs);
  }

  get counts(): { binaryParameters: number; realParameters: number; binaryMacs: number; realMacs: number } {
    const { height, width, channels } = this.windowMap;
    const weights = this.inputs * channels;
    return {
      binaryParameters: weights,
      realParameters: this.options.learnThreshold ? this.options.input.channels : 0,
      binaryMacs: height * width * weights,
      realMacs: 0,
    };
  }
}
