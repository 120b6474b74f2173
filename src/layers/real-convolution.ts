/**
 * Full-precision convolution, for the few places that a binary network keeps real: the stem, the shortcuts, and RB-Net's reshaped
 * point-wise convolution with real weights (windows of kind `blocks`). It yields a matrix, one row a window; see NormalizedOutput for what follows.
 */
import type { Backend } from "../backend/device.js";
import type { Window } from "../backend/kernels.js";
import { geometryOf, isPointwise, type MapShape, tapCount, type Windows, windowMap } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import type { Declarations, Parameter } from "./parameters.js";
import { Slices } from "./slices.js";

/** What is allocated for a batch size. */
interface Bound {
  readonly layout: Window;
  readonly result: Tensor;
  /** Weights as [N, K], where the input's gradient is wanted. */
  readonly transposed: Tensor | undefined;
  /** None for a 1 x 1 convolution. */
  readonly slices: Slices | undefined;
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
  bind(images: number, needsInputGradient: boolean, result?: Tensor): void {
    const { backend, inputs } = this;
    const { input, filters, windows } = this.options;
    const rows = images * this.windowMap.height * this.windowMap.width;
    this.bound = {
      layout: backend.window(geometryOf(windows, images, input)),
      result: result ?? backend.allocate("float32", [rows, filters]),
      transposed: needsInputGradient ? backend.allocate("float32", [filters, inputs]) : undefined,
      slices: isPointwise(windows) ? undefined : new Slices(backend, windows, input, images),
    };
  }

  /** The windows, for laying filters back over their taps. */
  get layout(): Window {
    return this.ready.layout;
  }

  /** x: [images, height, width, channels] -> [M, N]; sums: accumulator [2, N], the batch statistics of the result. */
  forward(x: Tensor, sums: Tensor<"accumulator">): Tensor {
    const { backend } = this;
    const { result, slices } = this.ready;
    if (slices === undefined) {
      backend.product(x, this.weights.value, result, { transposeA: false, accumulate: false });
    } else {
      slices.each((part) => {
        backend.gatherColumns(part(x), slices.window, slices.columns);
        backend.product(slices.columns, this.weights.value, part(result), { transposeA: false, accumulate: false });
      });
    }
    backend.columnMoments(result, sums);
    return result;
  }

  /** dy: [M, N]; dx gets the input's gradient, where it is wanted. x: the input of the forward, which dx may be for a 1 x 1 convolution. */
  backward(dy: Tensor, x: Tensor, dx: Tensor | undefined): void {
    const { backend, weights } = this;
    const { transposed, slices } = this.ready;
    if (dx !== undefined) {
      if (transposed === undefined) throw new Error("the input's gradient was not planned for");
      backend.transpose(weights.value, transposed);
    }
    if (slices === undefined) {
      // A 1 x 1 convolution's columns are its input.
      backend.product(x, dy, weights.gradient, { transposeA: true, accumulate: true });
      if (dx !== undefined && transposed !== undefined)
        backend.product(dy, transposed, dx, { transposeA: false, accumulate: false });
      return;
    }
    slices.each((part) => {
      backend.gatherColumns(part(x), slices.window, slices.columns);
      backend.product(slices.columns, part(dy), weights.gradient, { transposeA: true, accumulate: true });
    });
    if (dx === undefined || transposed === undefined) return;
    backend.fill(dx, 0);
    slices.each((part) => {
      backend.product(part(dy), transposed, slices.columns, { transposeA: false, accumulate: false });
      backend.scatterColumns(slices.columns, slices.window, part(dx));
    });
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
