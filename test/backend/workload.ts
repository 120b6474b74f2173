/** Every kernel once, on shapes large enough to be shared among threads and odd enough to leave remainders everywhere. */
import type { Backend } from "#rbnet/backend/device";
import { type ConvolutionPlan, UPDATE_BLOCK } from "#rbnet/backend/terms";
import {
  type ElementType,
  elementCount,
  type Shape,
  type Tensor,
  type WindowGeometry,
  windowCount,
  windowSize,
  wordsFor,
} from "#rbnet/tensor";
import { put } from "./agreement.js";
import { Draw } from "./shapes.js";

const C = 33;
const GEOMETRY: WindowGeometry = {
  images: 5,
  height: 15,
  width: 13,
  channels: C,
  kernel: 2,
  step: 1,
  rows: [-1, 1, 3, 5, 7, 9, 11, 13],
  columns: [0, 2, 4, 6, 8, 10, 12],
};
const MAP = [5, 15, 13, C] as const;
const M = windowCount(GEOMETRY);
const K = windowSize(GEOMETRY);
const N = 4 * C;
/** Elements to update: more than a chunk. */
const U = 70 * UPDATE_BLOCK;

export interface Workload {
  /** Runs every kernel once, from where the last run left the tensors. */
  run(): void;
  readonly results: Readonly<Record<string, Tensor<ElementType>>>;
}

export function everyKernel(backend: Backend): Workload {
  const draw = new Draw(11);
  const real = (shape: Shape, limit = 1): Tensor => put(backend, "float32", shape, draw.reals(elementCount(shape), limit));
  const accumulator = (shape: Shape): Tensor<"accumulator"> => backend.allocate("accumulator", shape);
  const window = backend.window(GEOMETRY);
  const x = real(MAP, 2);
  const shortcut = real(MAP);
  const [threshold, dThreshold, activation, dActivation] = [real([C]), real([C]), real([4, C]), real([4, C])];
  const [latent, dLatent] = [real([K, N], 1.2), real([K, N])];
  const [gamma, beta, dGamma, dBeta, mean, variance] = Array.from({ length: 6 }, () => real([N])) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const columns = backend.allocate("uint32", [M, wordsFor(K)]);
  const weights = backend.binaryWeights(K, N, true);
  const y = backend.allocate("dotProduct", [M, N]);
  const [sums, realSums, backwardSums, positives] = [
    accumulator([2, N]),
    accumulator([2, N]),
    accumulator([5, N]),
    accumulator([1]),
  ];
  const [norm, coefficients] = [backend.allocate("float32", [4, N]), backend.allocate("float32", [3, N])];
  const [out, unit, gradient, dx, dy] = [real(MAP), real(MAP), real(MAP), real(MAP), real([M, N])];
  const [plan, signsPlan] = [false, true].map((signs) => backend.planConvolution(window, N, { signs, inputGradient: true })) as [
    ConvolutionPlan,
    ConvolutionPlan,
  ];
  const [latentY, realY, dMap, total] = [real([M, N]), real([M, N]), real(MAP), real([N])];
  const [pooled, logits, losses, dLogits] = [real([5, 7, 6, C]), real([M, N]), real([M]), real([M, N])];
  const [largest, dLargest] = [real([M, C]), real(MAP)];
  const [attention, attentionLosses] = [real([MAP[0], MAP[1] * MAP[2]]), real([MAP[0]])];
  const [factors, dFactors, weighed, dWeighed] = [real([5, N]), real([5, N]), real([M, N]), real([M, N])];
  const [repeated, dRepeated] = [real([M, 2 * N]), real([M, N])];
  const [likely, dLikely, likelier] = [real([M, N]), real([M, N]), real([M, N])];
  const targets = put(backend, "float32", [M, N], new Float32Array(M * N).fill(1 / N));
  const [value, slope, first, velocity, average] = [real([U]), real([U]), real([U]), real([U]), real([U])];
  const second = backend.allocate("float32", [U]);
  const starts = put(backend, "int32", [3], Int32Array.of(0, 3 * UPDATE_BLOCK, U));
  const flips = { starts, totals: accumulator([2]) };
  const [lossSum, correct] = [accumulator([1]), accumulator([1])];
  const labels = put(
    backend,
    "int32",
    [M],
    Int32Array.from({ length: M }, (_, m) => m % N),
  );
  const adam = { rate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, decay: 0.01, step: 1, limit: 1 };
  const terms = { gamma, beta, epsilon: 1e-5, runningMean: mean, runningVariance: variance, momentum: 0.1 };
  const transform = { norm, layout: window, shortcut, activation };
  const gradients = { gamma: dGamma, beta: dBeta, activation: dActivation };
  return {
    run() {
      backend.binarizeWeights(latent, weights, true);
      backend.binarizeColumns(x, threshold, window, columns);
      backend.countPositive(columns, K, positives);
      backend.binaryProduct(columns, weights, y, sums);
      backend.normalizationForward(sums, M, terms, norm);
      backend.normalizeActivate(y, transform, out);
      backend.binaryUnit(columns, weights, transform, unit);
      backend.copy(out, gradient);
      backend.activateBackward(gradient, y, transform, backwardSums);
      backend.normalizationBackward(backwardSums, M, norm, gamma, gradients, coefficients);
      backend.normalizationGradient(gradient, y, coefficients, window, dy);
      backend.binaryWeightGradient(dy, columns, latent, dLatent);
      backend.binaryInputGradient(dy, weights, window, { x, threshold, estimator: "polynomial" }, dx, dThreshold);
      backend.latentProduct(columns, latent, signsPlan, latentY);
      backend.latentInputGradient(dy, latent, signsPlan, { x, threshold, estimator: "clip" }, dx, dThreshold);
      backend.convolution(x, latent, plan, realY);
      backend.addBias(realY, beta);
      backend.columnMoments(realY, realSums);
      backend.convolutionWeightGradient(dy, x, plan, dLatent);
      backend.sumColumns(realY, total);
      backend.convolutionInputGradient(dy, latent, plan, dMap);
      backend.add(dMap, dx);
      backend.averagePool(x, 2, pooled);
      backend.averagePoolGradient(pooled, 2, dx, true);
      backend.maxPool(x, window, largest);
      backend.maxPoolGradient(largest, x, window, dLargest);
      backend.add(dLargest, dx);
      backend.multiplyChannels(y, factors, weighed);
      backend.multiplyChannelsGradient(weighed, realY, factors, dWeighed, dFactors);
      backend.multiplyChannels(dWeighed, dFactors, dWeighed);
      backend.repeatChannels(weighed, 2, repeated);
      backend.repeatChannelsGradient(repeated, 2, dRepeated);
      backend.sigmoid(logits, likely);
      backend.sigmoidGradient(weighed, likely, dLikely);
      const term = { weight: 1, temperature: 1, scale: 1, accumulate: false, divergence: true };
      backend.softmaxCrossEntropy(logits, targets, term, losses, dLogits);
      backend.softmax(logits, 2, likelier);
      backend.sumLosses(losses, 0.5, lossSum);
      backend.countCorrect(logits, labels, correct);
      backend.attentionMap(x, attention);
      backend.attentionMatch(out, attention, { weight: 1, scale: 1 }, attentionLosses, gradient);
      backend.adam(value, slope, first, second, adam, flips);
      backend.sgd(value, slope, velocity, { rate: 0.01, momentum: 0.9, decay: 0.01, limit: 0 }, flips);
      backend.movingAverage(average, value, 0.9);
    },
    results: {
      columns,
      y,
      sums,
      positives,
      norm,
      out,
      unit,
      gradient,
      backwardSums,
      coefficients,
      dGamma,
      dBeta,
      dActivation,
      dy,
      dLatent,
      dThreshold,
      latentY,
      realY,
      dMap,
      realSums,
      total,
      dx,
      pooled,
      largest,
      dLargest,
      weighed,
      dWeighed,
      dFactors,
      repeated,
      dRepeated,
      likely,
      dLikely,
      losses,
      dLogits,
      attention,
      attentionLosses,
      likelier,
      lossSum,
      correct,
      latent,
      value,
      first,
      second,
      velocity,
      average,
      flips: flips.totals,
      gamma,
      mean,
      variance,
      beta,
    },
  };
}
