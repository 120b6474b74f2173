/**
 * Binary convolution: signs of the input against learned thresholds, times signs of latent weights, by XNOR and popcount.
 *
 *   y[m, n] = sum over k of sign(x - threshold[c]) * sign(latent[k, n])          an integer, |y| <= K
 *
 * With windows of kind `blocks` it is RB-Net's reshaped point-wise convolution (the abstract of the paper: spatial information is
 * rearranged into depth, then a point-wise convolution runs); with `grid` it is the 3x3 of the networks it is compared with.
 * Backward, the sign of the input passes gradients by the chosen estimator and the sign of a weight where |latent| <= 1.
 *
 * In the first of two stages of training the latent weights stand for their signs. Per filter n, binary weights differ from them
 * by their scale, which the normalization that follows takes away, and by what a sign rounds off; the optimizer keeps them in
 * [-1, 1], so they all learn.
 *
 *   y[m, n] = sum over k of sign(x - threshold[c]) * latent[k, n]                real
 */
import type { Backend } from "../backend/device.js";
import type { BinaryWeights, ConvolutionPlan, Estimator, ProductResult, Window } from "../backend/terms.js";
import { elementsOf, geometryOf, type MapShape, tapCount, type Windows, windowMap } from "../runtime/windows.js";
import { type Tensor, windowCount, wordsFor } from "../tensor.js";
import { constant } from "./initializer.js";
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

/** What is allocated for a batch size. */
type Bound = BoundProduct & {
  readonly window: Window;
  /** Packed signs of the input, [M, words(K)]. */
  readonly columns: Tensor<"uint32">;
};

/** What gives the result [M, N], by the weights that it is bound to. */
type BoundProduct =
  | {
      readonly weights: "binary";
      readonly result: Tensor<"dotProduct">;
      /** Its memory is others' too, and does not last until backward. */
      readonly passing: boolean;
    }
  | { readonly weights: "real"; readonly result: Tensor; readonly plan: ConvolutionPlan };

export class BinaryConvolution {
  readonly latent: Parameter;
  readonly threshold: Parameter;
  readonly windowMap: MapShape;
  readonly inputs: number;
  private readonly signs: BinaryWeights;
  private readonly positive: Tensor<"accumulator">;
  private bound: Bound | undefined;

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
    const window = backend.window(geometry);
    const columns = backend.allocate("uint32", [rows, wordsFor(inputs)]);
    const shape = [rows, options.filters];
    if (weights === "real") {
      const plan = backend.planConvolution(window, options.filters, { signs: true, inputGradient: true });
      this.bound = { window, columns, weights, plan, result: backend.allocate("float32", shape) };
    } else {
      const result = passing === undefined ? backend.allocate("dotProduct", shape) : backend.view(passing, shape);
      this.bound = { window, columns, weights, result, passing: passing !== undefined };
    }
  }

  /** What the last bind multiplies the weights by. */
  get windows(): Window {
    return this.ready.window;
  }

  /** sums: [2, N], the batch statistics of the result, where they are wanted. */
  forward(x: Tensor, sums: Tensor<"accumulator"> | undefined): ProductResult {
    const { backend, latent, signs, ready } = this;
    const { window, columns } = ready;
    backend.binarizeColumns(x, this.threshold.value, window, columns);
    if (ready.weights === "binary") {
      backend.binarizeWeights(latent.value, signs, true);
      backend.binaryProduct(columns, signs, ready.result, sums);
    } else {
      backend.latentProduct(columns, latent.value, ready.plan, ready.result);
      if (sums !== undefined) backend.columnMoments(ready.result, sums);
    }
    return ready.result;
  }

  /** The result of the last forward, computed again where its memory did not last: a product of bits costs less than the memory. */
  recall(): ProductResult {
    const { backend, signs, ready } = this;
    if (ready.weights === "binary" && ready.passing) backend.binaryProduct(ready.columns, signs, ready.result, undefined);
    return ready.result;
  }

  /** dy: float32 [M, N]; dx: gains the input's gradient. x: the input of the forward. */
  backward(dy: Tensor, x: Tensor, dx: Tensor): void {
    const { backend, latent, threshold, signs, ready } = this;
    backend.binaryWeightGradient(dy, ready.columns, latent.value, latent.gradient);
    const input = { x, threshold: threshold.value, estimator: this.options.estimator };
    if (ready.weights === "binary") backend.binaryInputGradient(dy, signs, ready.window, input, dx, threshold.gradient);
    else backend.latentInputGradient(dy, latent.value, ready.plan, input, dx, threshold.gradient);
  }

  /** Of the last forward; padding counts as -1. */
  countSigns(): Omit<SignCount, "name"> {
    const { backend, positive, inputs } = this;
    const { window, columns } = this.ready;
    backend.fill(positive, 0);
    backend.countPositive(columns, inputs, positive);
    return { signs: windowCount(window.geometry) * inputs, positive };
  }

  private get ready(): Bound {
    if (this.bound === undefined) throw new Error("a binary convolution is used before bind");
    return this.bound;
  }

  /** What the convolution multiplies by, as it is bound. */
  get weightForm(): WeightForm {
    return this.bound?.weights ?? "binary";
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
