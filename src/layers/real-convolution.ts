/**
 * Full-precision convolution, for the few places that a binary network keeps real: the stem, the shortcuts, and RB-Net's reshaped
 * point-wise convolution with real weights (windows of kind `blocks`). It yields a matrix, one row a window; see NormalizedOutput
 * for what follows.
 */
import type { Backend } from "../backend/device.js";
import type { ConvolutionPlan, Window } from "../backend/terms.js";
import { geometryOf, type MapShape, tapCount, type Windows, windowMap } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import type { Declarations, Parameter } from "./parameters.js";

/** What is allocated for a batch size. */
interface Bound {
  readonly plan: ConvolutionPlan;
  readonly result: Tensor;
}

export interface RealConvolutionOptions {
  readonly name: string;
  readonly input: MapShape;
  readonly filters: number;
  readonly windows: Windows;
}

/** y[m, n] = sum over k of columns[m, k] * weights[k, n]. weights: [K, N] float32, K = taps * channels. */
export class RealConvolution {
  readonly weights: Parameter;
  readonly windowMap: MapShape;
  readonly inputs: number;
  private bound: Bound | undefined;

  constructor(
    private readonly backend: Backend,
    readonly options: RealConvolutionOptions,
    declarations: Declarations,
  ) {
    const { name, input, filters, windows } = options;
    this.inputs = tapCount(windows) * input.channels;
    this.windowMap = windowMap(windows, input, filters);
    const values = declarations.initializer.normal(this.inputs * filters, Math.sqrt(2 / this.inputs));
    this.weights = declarations.parameter(`${name}.weights`, "weight", [this.inputs, filters], values);
  }

  /** `result`: memory for the result, float32 [M, N], where the caller plans it. */
  bind(images: number, inputGradient: boolean, result?: Tensor): void {
    const { backend } = this;
    const { input, filters, windows } = this.options;
    const rows = images * this.windowMap.height * this.windowMap.width;
    const window = backend.window(geometryOf(windows, images, input));
    this.bound = {
      plan: backend.planConvolution(window, filters, { signs: false, inputGradient }),
      result: result ?? backend.allocate("float32", [rows, filters]),
    };
  }

  /** What the last bind multiplies the weights by. */
  get windows(): Window {
    return this.ready.plan.window;
  }

  /** x: [images, height, width, channels] -> [M, N]; sums: accumulator [2, N], the batch statistics of the result. */
  forward(x: Tensor, sums: Tensor<"accumulator">): Tensor {
    const { plan, result } = this.ready;
    this.backend.convolution(x, this.weights.value, plan, result);
    this.backend.columnMoments(result, sums);
    return result;
  }

  /** dy: [M, N]; dx gets the input's gradient, where it is wanted, and may be x, the input of the forward. */
  backward(dy: Tensor, x: Tensor, dx: Tensor | undefined): void {
    const { backend, weights } = this;
    const { plan } = this.ready;
    backend.convolutionWeightGradient(dy, x, plan, weights.gradient);
    if (dx !== undefined) backend.convolutionInputGradient(dy, weights.value, plan, dx);
  }

  private get ready(): Bound {
    if (this.bound === undefined) throw new Error("a convolution is used before bind");
    return this.bound;
  }

  get counts(): { binaryParameters: number; realParameters: number; binaryMacs: number; realMacs: number } {
    const { height, width, channels } = this.windowMap;
    const perWindow = this.inputs * channels;
    return { binaryParameters: 0, realParameters: perWindow, binaryMacs: 0, realMacs: height * width * perWindow };
  }
}
