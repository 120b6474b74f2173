/**
 * Full-precision convolution, for the few places that a binary network keeps real: the stem, the shortcuts, and RB-Net's reshaped
 * point-wise convolution with real weights (windows of kind `blocks`). It yields a matrix, one row a window; see NormalizedOutput for what follows.
 */
import type { Backend, Window } from "../backend/kernels.js";
import { geometryOf, isPointwise, type MapShape, tapCount, type Windows, windowMap } from "../runtime/windows.js";
import { elementCount, type Tensor, windowCount } from "../tensor.js";
import type { Initializer } from "./initializer.js";
import { type Parameter, parameter } from "./layer.js";

/** What is allocated for a batch size. */
interface Bound {
  readonly images: number;
  readonly placement: Window;
  readonly result: Tensor;
  /** Weights as [N, K], where the input's gradient is wanted. */
  readonly transposed: Tensor | undefined;
  /** None for a 1 x 1 convolution. */
  readonly slice: Slice | undefined;
}

interface Slice {
  /** Images in it; divides the batch. */
  readonly size: number;
  readonly window: Window;
  readonly columns: Tensor;
}

export interface RealConvolutionOptions {
  readonly name: string;
  readonly input: MapShape;
  readonly filters: number;
  readonly windows: Windows;
}

/** Images whose columns exist at a time: few enough to stay in the cache, enough to share among threads, */
const SLICE = 16;
/** and no more than 32 MB of them where the maps are large. */
const SLICE_ELEMENTS = 1 << 23;

/** Largest divisor of `images` that keeps to both; `elements`: of an image's columns. */
function sliceOf(images: number, elements: number): number {
  let size = Math.max(1, Math.min(SLICE, images, Math.floor(SLICE_ELEMENTS / elements)));
  while (images % size !== 0) size--;
  return size;
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
    initializer: Initializer,
  ) {
    const { name, input, filters, windows } = options;
    this.inputs = tapCount(windows) * input.channels;
    this.windowMap = windowMap(windows, input, filters);
    const values = initializer.normal(this.inputs * filters, Math.sqrt(2 / this.inputs));
    this.weights = parameter(backend, `${name}.weights`, "weight", [this.inputs, filters], values);
  }

  /** `result`: memory for the result, float32 [M, N], where the caller plans it. */
  bind(images: number, needsInputGradient: boolean, result?: Tensor): void {
    const { backend, inputs } = this;
    const { input, filters, windows } = this.options;
    const rows = images * this.windowMap.height * this.windowMap.width;
    this.bound = {
      images,
      placement: backend.window(geometryOf(windows, images, input)),
      result: result ?? backend.allocate("float32", [rows, filters]),
      transposed: needsInputGradient ? backend.allocate("float32", [filters, inputs]) : undefined,
      slice: isPointwise(windows) ? undefined : this.bindSlice(images),
    };
  }

  private bindSlice(images: number): Slice {
    const { backend, inputs } = this;
    const { input, windows } = this.options;
    const size = sliceOf(images, this.windowMap.height * this.windowMap.width * inputs);
    const geometry = geometryOf(windows, size, input);
    return { size, window: backend.window(geometry), columns: backend.allocate("float32", [windowCount(geometry), inputs]) };
  }

  /** The windows, for laying filters back over their taps. */
  get placement(): Window {
    return this.ready.placement;
  }

  /** x: [images, height, width, channels] -> [M, N]; sums: float64 [2, N], the batch statistics of the result. */
  forward(x: Tensor, sums: Tensor): Tensor {
    const { backend } = this;
    const { result, slice } = this.ready;
    if (slice === undefined) {
      backend.product(x, this.weights.value, result, { transposeA: false, accumulate: false });
    } else {
      this.forSlices(slice, x, result, (part, rows) => {
        backend.gatherColumns(part, slice.window, slice.columns);
        backend.product(slice.columns, this.weights.value, rows, { transposeA: false, accumulate: false });
      });
    }
    backend.columnStatistics(result, sums);
    return result;
  }

  /** dy: [M, N]; dx gets the input's gradient, where it is wanted. x: the input of the forward, which dx may be for a 1 x 1 convolution. */
  backward(dy: Tensor, x: Tensor, dx: Tensor | undefined): void {
    const { backend, weights } = this;
    const { transposed, slice } = this.ready;
    if (dx !== undefined) {
      if (transposed === undefined) throw new Error("the input's gradient was not planned for");
      backend.transpose(weights.value, transposed);
    }
    if (slice === undefined) {
      // A 1 x 1 convolution's columns are its input.
      backend.product(x, dy, weights.gradient, { transposeA: true, accumulate: true });
      if (dx !== undefined && transposed !== undefined)
        backend.product(dy, transposed, dx, { transposeA: false, accumulate: false });
      return;
    }
    this.forSlices(slice, x, dy, (part, rows) => {
      backend.gatherColumns(part, slice.window, slice.columns);
      backend.product(slice.columns, rows, weights.gradient, { transposeA: true, accumulate: true });
    });
    if (dx === undefined || transposed === undefined) return;
    backend.fill(dx, 0);
    this.forSlices(slice, dx, dy, (part, rows) => {
      backend.product(rows, transposed, slice.columns, { transposeA: false, accumulate: false });
      backend.scatterColumns(slice.columns, slice.window, part);
    });
  }

  /** Calls `use` with the part of a map and of a matrix [M, N] that each slice of images has. */
  private forSlices(slice: Slice, map: Tensor, matrix: Tensor, use: (part: Tensor, rows: Tensor) => void): void {
    const { backend } = this;
    const { input, filters } = this.options;
    const shape = [slice.size, input.height, input.width, input.channels];
    const rows = [slice.columns.shape[0] ?? 0, filters];
    for (let first = 0, index = 0; first < this.ready.images; first += slice.size, index++) {
      use(backend.view(map, shape, index * elementCount(shape)), backend.view(matrix, rows, index * elementCount(rows)));
    }
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
