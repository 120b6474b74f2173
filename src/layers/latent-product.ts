/**
 * What a binary convolution computes in the first of two stages of training: signs of the input times the latent weights as they are.
 *
 *   y[m, n] = sum over k of sign(x - threshold[c]) * latent[k, n]          real; a tap outside the map is -1, as for binary weights
 *
 * Per filter n, binary weights differ from this by their scale, which the normalization that follows takes away, and by what a sign rounds off.
 */
import type { Backend } from "../backend/device.js";
import type { Estimator } from "../backend/kernels.js";
import type { MapShape, Windows } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import type { Parameter } from "./parameters.js";
import { Slices } from "./slices.js";

export interface LatentProductOptions {
  readonly images: number;
  readonly input: MapShape;
  readonly windows: Windows;
  readonly estimator: Estimator;
}

export class LatentProduct {
  private readonly slices: Slices;
  /** Latent weights as [N, K]. */
  private readonly transposed: Tensor;

  /** `result`: float32 [M, N], which lasts until the next forward. */
  constructor(
    private readonly backend: Backend,
    private readonly options: LatentProductOptions,
    private readonly latent: Parameter,
    private readonly threshold: Parameter,
    readonly result: Tensor,
  ) {
    const { images, input, windows } = options;
    const [inputs = 0, filters = 0] = latent.value.shape;
    this.slices = new Slices(backend, windows, input, images);
    this.transposed = backend.allocate("float32", [filters, inputs]);
  }

  /** columns: packed signs, [M, words(K)]; sums: [2, N], the batch statistics of the result, where they are wanted. */
  forward(columns: Tensor<"uint32">, sums: Tensor<"accumulator"> | undefined): void {
    const { backend, latent, result, slices } = this;
    slices.each((part) => {
      backend.expandSigns(part(columns), slices.columns);
      backend.product(slices.columns, latent.value, part(result), { transposeA: false, accumulate: false });
    });
    if (sums !== undefined) backend.columnMoments(result, sums);
  }

  /** dy: float32 [M, N]; dx and the threshold's gradient gain theirs. x: the input of the forward. */
  inputGradient(dy: Tensor, x: Tensor, dx: Tensor): void {
    const { backend, latent, threshold, transposed, slices } = this;
    const { estimator } = this.options;
    backend.transpose(latent.value, transposed);
    slices.each((part) => {
      backend.product(part(dy), transposed, slices.columns, { transposeA: false, accumulate: false });
      const signs = { x: part(x), threshold: threshold.value, estimator };
      backend.signGradient(slices.columns, slices.window, signs, part(dx), threshold.gradient);
    });
  }
}
