/**
 * A backend whose binary products can be differentiated by finite differences. At the point where a product first runs its
 * operands are the true signs, so the whole network computes what it computes in training; away from that point a sign moves as
 * its surrogate does:
 *
 *   s(v) = sign(v0) + surrogate(v) - surrogate(v0)
 *
 * The slope of s is the one that the straight-through estimator claims, so finite differences of any layer on this backend are the
 * gradients that its backward must give.
 */
import type { Backend } from "#rbnet/backend/device";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { elements, matrixShape } from "#rbnet/backend/reference/memory";
import { SURROGATE_SIGN, surrogateWeight } from "#rbnet/backend/reference/surrogate";
import { forEachTap } from "#rbnet/backend/reference/window";
import type { Estimator } from "#rbnet/backend/terms";
import { type ElementType, type Shape, type Tensor, windowCount, windowSize } from "#rbnet/tensor";

/** What a padded tap holds: the sign -1, whatever the threshold. */
const PADDING = Number.NaN;

export function createStraightThroughBackend(estimator: Estimator): Backend {
  const reference = createReferenceBackend();
  const origins = new Map<object, Float64Array>();
  const operands = new Map<object, Float64Array>();

  /** Replaces values by their moved signs; `holder` is the tensor or the weights that would hold the bits. */
  const moveSigns = (holder: object, values: Float64Array, surrogate: (value: number) => number): void => {
    const origin = origins.get(holder) ?? values.slice();
    origins.set(holder, origin);
    const moved = values.map((value, i) =>
      Number.isNaN(value) ? -1 : (origin[i] >= 0 ? 1 : -1) + surrogate(value) - surrogate(origin[i]),
    );
    operands.set(holder, moved);
  };

  const operandOf = (holder: object): Float64Array => {
    const operand = operands.get(holder);
    if (operand === undefined) throw new Error("a product reads signs that were never taken");
    return operand;
  };

  return {
    ...reference,
    // A product of moved signs is no whole number.
    allocate<T extends ElementType>(type: T, shape: Shape): Tensor<T> {
      const held: ElementType = type === "dotProduct" ? "accumulator" : type;
      return reference.allocate(held, shape) as Tensor<T>;
    },

    latentProduct(columns, latent, _plan, y) {
      multiply(operandOf(columns), elements(latent), y);
    },

    binarizeColumns(x, threshold, window, columns) {
      const { geometry } = window;
      const K = windowSize(geometry);
      const C = geometry.channels;
      const [X, T] = [elements(x), elements(threshold)];
      const values = new Float64Array(windowCount(geometry) * K).fill(PADDING);
      forEachTap(geometry, (m, tap, pixel) => {
        if (pixel === undefined) return;
        for (let c = 0; c < C; c++) values[m * K + tap * C + c] = X[pixel * C + c] - T[c];
      });
      moveSigns(columns, values, SURROGATE_SIGN[estimator]);
    },

    binarizeWeights(latent, weights) {
      moveSigns(weights, Float64Array.from(elements(latent)), surrogateWeight);
    },

    binaryProduct(columns, weights, y, sums) {
      multiply(operandOf(columns), operandOf(weights), y);
      if (sums !== undefined) reference.columnMoments(y as unknown as Tensor, sums);
    },
  };
}

/** y = A * W. */
function multiply(A: ArrayLike<number>, W: ArrayLike<number>, y: Tensor<ElementType>): void {
  const [M, N] = matrixShape(y);
  const K = W.length / N;
  const Y = elements(y);
  for (let m = 0; m < M; m++) {
    for (let n = 0; n < N; n++) {
      let sum = 0;
      for (let k = 0; k < K; k++) sum += A[m * K + k] * W[k * N + n];
      Y[m * N + n] = sum;
    }
  }
}
