/** Batch normalization, shortcut, balanced activation and depth to space of the reference. */
import type { Tensor } from "../../tensor.js";
import type { NormalizationKernels } from "../kernels.js";
import type { OutputTransform, ProductResult } from "../terms.js";
import { elements, matrixShape } from "./memory.js";
import { forEachPlaced } from "./window.js";

/** The balanced activation of channel c: its slope at v = u - from[c] depends on the side. Without parameters it is the identity. */
function activationOf(activation: Tensor | undefined) {
  if (activation === undefined) return { from: () => 0, slope: () => 1, to: () => 0 };
  const [, C] = matrixShape(activation);
  const values = elements(activation);
  return {
    from: (c: number) => values[c],
    slope: (c: number, v: number) => values[(v > 0 ? 2 : 1) * C + c],
    to: (c: number) => values[3 * C + c],
  };
}

/** Visits the elements that `layout` lays on the map with u, the value before the activation. */
function forEachSum(
  y: ProductResult,
  { norm, layout, shortcut }: OutputTransform,
  visit: (u: number, yHat: number, n: number, c: number, at: number) => void,
): void {
  const [, N] = matrixShape(y);
  const Y = elements(y);
  const P = elements(norm);
  const S = shortcut === undefined ? undefined : elements(shortcut);
  forEachPlaced(y, layout, (m, n, c, at) => {
    if (at === undefined) return;
    const value = Y[m * N + n];
    const u = P[n] * value + P[N + n] + (S === undefined ? 0 : S[at]);
    visit(u, (value - P[2 * N + n]) * P[3 * N + n], n, c, at);
  });
}

export const normalizationKernels: NormalizationKernels = {
  columnMoments(y, sums) {
    const [M, N] = matrixShape(y);
    const Y = elements(y);
    const S = elements(sums).fill(0);
    for (let m = 0; m < M; m++) {
      for (let n = 0; n < N; n++) {
        S[n] += Y[m * N + n];
        S[N + n] += Y[m * N + n] ** 2;
      }
    }
  },

  normalizationForward(sums, count, { gamma, beta, epsilon, runningMean, runningVariance, momentum }, norm) {
    const [, N] = matrixShape(norm);
    const S = elements(sums);
    const P = elements(norm);
    const [G, B, runningMeans, runningVariances] = [gamma, beta, runningMean, runningVariance].map(elements);
    for (let n = 0; n < N; n++) {
      const mean = S[n] / count;
      // Rounding may leave a constant column a hair below 0.
      const variance = Math.max(0, S[N + n] / count - mean ** 2);
      const inverse = 1 / Math.sqrt(variance + epsilon);
      P[n] = G[n] * inverse;
      P[N + n] = B[n] - G[n] * inverse * mean;
      P[2 * N + n] = mean;
      P[3 * N + n] = inverse;
      // A single value has no unbiased variance; its 0 is taken as it is.
      const unbiased = count > 1 ? (variance * count) / (count - 1) : variance;
      runningMeans[n] += momentum * (mean - runningMeans[n]);
      runningVariances[n] += momentum * (unbiased - runningVariances[n]);
    }
  },

  normalizeActivate(y, transform, out) {
    const { from, slope, to } = activationOf(transform.activation);
    const OUT = elements(out);
    forEachSum(y, transform, (u, _yHat, _n, c, at) => {
      const v = u - from(c);
      OUT[at] = slope(c, v) * v + to(c);
    });
  },

  activateBackward(gradient, y, transform, sums) {
    const [, N] = matrixShape(y);
    const { from, slope } = activationOf(transform.activation);
    const G = elements(gradient);
    const S = elements(sums).fill(0);
    forEachSum(y, transform, (u, yHat, n, c, at) => {
      const v = u - from(c);
      const dOut = G[at];
      const du = slope(c, v) * dOut;
      S[n] += du;
      S[N + n] += du * yHat;
      S[(v > 0 ? 3 : 2) * N + n] += dOut * v;
      S[4 * N + n] += dOut;
      G[at] = du;
    });
  },

  normalizationBackward(sums, count, norm, gamma, gradients, coefficients) {
    const [, N] = matrixShape(norm);
    const S = elements(sums);
    const P = elements(norm);
    const Q = elements(coefficients);
    const [G, DG, DB] = [gamma, gradients.gamma, gradients.beta].map(elements);
    for (let n = 0; n < N; n++) {
      const du = S[n];
      const duHat = S[N + n];
      const mean = P[2 * N + n];
      const inverse = P[3 * N + n];
      DB[n] += du;
      DG[n] += duHat;
      // dy = gamma * inverse * (du - mean(du) - yHat * mean(du * yHat)), sorted by du, y and 1
      Q[n] = G[n] * inverse;
      Q[N + n] = (-G[n] * inverse ** 2 * duHat) / count;
      Q[2 * N + n] = (-G[n] * inverse * (du - mean * inverse * duHat)) / count;
    }
    if (gradients.activation === undefined) return;
    const [, C] = matrixShape(gradients.activation);
    const DA = elements(gradients.activation);
    for (let n = 0; n < N; n++) {
      const c = n % C;
      DA[c] -= S[n];
      DA[C + c] += S[2 * N + n];
      DA[2 * C + c] += S[3 * N + n];
      DA[3 * C + c] += S[4 * N + n];
    }
  },

  normalizationGradient(du, y, coefficients, layout, dy) {
    const [, N] = matrixShape(y);
    const DU = elements(du);
    const Y = elements(y);
    const Q = elements(coefficients);
    const DY = elements(dy);
    forEachPlaced(y, layout, (m, n, _c, at) => {
      DY[m * N + n] = Q[n] * (at === undefined ? 0 : DU[at]) + Q[N + n] * Y[m * N + n] + Q[2 * N + n];
    });
  },
};
