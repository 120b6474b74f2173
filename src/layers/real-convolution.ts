/**
 * Full-precision convolution, for the few places that a binary network keeps real: the stem, the shortcuts, and RB-Net's reshaped
 * point-wise convolution with real weights (windows of kind `blocks`). It yields a matrix, one row a window; see NormalizedOutput for what follows.
 */
import type { Backend, Window } from "../backend/kernels.js";
import { geometryOf, type MapShape, tapCount, type Windows, windowMap } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import { windowCount } from "../tensor.js";
import type { Initializer } from "./initializer.js";
import { type Parameter, parameter } from "./layer.js";

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
  private window: Window | undefined;
  private columns: Tensor | undefined;
  private columnGradient: Tensor | undefined;
  private transposed: Tensor | undefined;
  private result: Tensor | undefined;

  constructor(
    private readonly backend: Backend,
    readonly options: RealConvolutionOptions,
    initializer: Initializer,
  ) {
    const { name, input, filters, windows } = options;
    this.inputs = tapCount(windows) * input.channels;
    this.windowMap = windowMap(windows, input, filters);
    this.weights = parameter(backend, `${name}.weights`, "weight", [this.inputs, filters], initializer.normal(this.inputs * filters, Math.sqrt(2 / this.inputs)));
  }

  bind(images: number, needsInputGradient: boolean): void {
    const { backend, inputs } = this;
    const { input, filters, windows } = this.options;
    const geometry = geometryOf(windows, images, input);
    const rows = windowCount(geometry);
    this.window = backend.window(geometry);
    this.result = backend.allocate("float32", [rows, filters]);
    // A 1 x 1 convolution's columns are its input.
    if (!this.isPointwise) this.columns = backend.allocate("float32", [rows, inputs]);
    if (needsInputGradient) {
      this.columnGradient = backend.allocate("float32", [rows, inputs]);
      this.transposed = backend.allocate("float32", [filters, inputs]);
    }
  }

  private get isPointwise(): boolean {
    const { windows } = this.options;
    return windows.kind === "grid" && windows.kernel === 1 && windows.stride === 1 && windows.padding === 0;
  }

  /** The windows, for laying filters back over their taps. */
  get placement(): Window | undefined {
    return this.window;
  }

  forward(x: Tensor, sums: Tensor): Tensor {
    const { backend, columns, window, result } = this;
    if (window === undefined || result === undefined) throw new Error("forward before bind");
    if (columns !== undefined) backend.gatherColumns(x, window, columns);
    backend.product(columns ?? x, this.weights.value, result, { transposeA: false, accumulate: false });
    backend.columnStatistics(result, sums);
    return result;
  }

  /** dy: [M, N]; dx gains the input's gradient, where it is wanted. x: the input of the forward. */
  backward(dy: Tensor, x: Tensor, dx: Tensor | undefined): void {
    const { backend, columns, window, columnGradient, transposed } = this;
    backend.product(columns ?? x, dy, this.weights.gradient, { transposeA: true, accumulate: true });
    if (dx === undefined) return;
    if (window === undefined || columnGradient === undefined || transposed === undefined) throw new Error("the input's gradient was not planned for");
    backend.transpose(this.weights.value, transposed);
    backend.product(dy, transposed, columnGradient, { transposeA: false, accumulate: false });
    backend.scatterColumns(columnGradient, window, dx);
  }

  get counts(): { binaryParameters: number; realParameters: number; binaryMacs: number; realMacs: number } {
    const { height, width, channels } = this.windowMap;
    const perWindow = this.inputs * channels;
    return { binaryParameters: 0, realParameters: perWindow, binaryMacs: 0, realMacs: height * width * perWindow };
  }
}
