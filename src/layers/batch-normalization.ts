/**
 * Batch normalization (Ioffe and Szegedy, 2015) of a product's result [M, N], per filter n, over the M windows of a batch:
 *
 *   z = gamma * (y - mean) / sqrt(variance + epsilon) + beta
 *
 * It follows every convolution, and any constant scale of binary weights cancels in it; none is kept, therefore. The pass over memory
 * is shared with the activation (NormalizedOutput); this class holds the parameters and statistics.
 */
import type { Backend } from "../backend/device.js";
import type { Tensor } from "../tensor.js";
import { constant } from "./initializer.js";
import type { Folding } from "./layer.js";
import type { Declarations, Parameter, State, ValuesOf } from "./parameters.js";

/** Of all of them; a network is unfolded with it, too. */
export const EPSILON = 1e-5;
const MOMENTUM = 0.1;

export class BatchNormalization {
  readonly gamma: Parameter;
  readonly beta: Parameter;
  readonly runningMean: State;
  readonly runningVariance: State;
  /** [2, N], written by the convolution. */
  readonly sums: Tensor<"accumulator">;
  /** float32 [4, N]: scale, bias, mean, inverse deviation. */
  readonly norm: Tensor;
  /** float32 [3, N] of the backward pass. */
  readonly coefficients: Tensor;
  private readonly backwardSums: Tensor<"accumulator">;
  /** Of the next batch's statistics in the running ones. */
  private momentum = MOMENTUM;
  /** Whether `norm` is that of the running statistics, once and for all. */
  private held = false;

  constructor(
    private readonly backend: Backend,
    name: string,
    private readonly filters: number,
    initialGamma: number,
    declarations: Declarations,
  ) {
    this.gamma = declarations.parameter(`${name}.gamma`, "other", [filters], constant(filters, initialGamma));
    this.beta = declarations.parameter(`${name}.beta`, "other", [filters], constant(filters, 0));
    const changes = {
      restart: (): void => {
        this.momentum = 1;
      },
      hold: (valuesOf: ValuesOf): void => this.hold(valuesOf),
    };
    this.runningMean = declarations.state(`${name}.running_mean`, constant(filters, 0), changes);
    this.runningVariance = declarations.state(`${name}.running_variance`, constant(filters, 1), changes);
    this.sums = backend.allocate("accumulator", [2, filters]);
    this.norm = backend.allocate("float32", [4, filters]);
    this.coefficients = backend.allocate("float32", [3, filters]);
    this.backwardSums = backend.allocate("accumulator", [5, filters]);
  }

  get parameters(): readonly Parameter[] {
    return [this.gamma, this.beta];
  }

  get states(): readonly State[] {
    return [this.runningMean, this.runningVariance];
  }

  /** From `sums` over `count` rows to `norm`. */
  forward(count: number): void {
    if (this.held) return;
    const { gamma, beta, runningMean, runningVariance, momentum } = this;
    const terms = {
      gamma: gamma.value,
      beta: beta.value,
      epsilon: EPSILON,
      runningMean: runningMean.value,
      runningVariance: runningVariance.value,
      momentum,
    };
    this.backend.normalizationForward(this.sums, count, terms, this.norm);
    this.momentum = MOMENTUM;
  }

  private hold(valuesOf: ValuesOf): void {
    const { scale, bias } = this.fold({ valuesOf });
    const deviations = valuesOf(this.runningVariance).map((variance) => 1 / Math.sqrt(variance + EPSILON));
    this.backend.write(this.norm, Float32Array.of(...scale, ...bias, ...valuesOf(this.runningMean), ...deviations));
    this.held = true;
  }

  /** The sums that activateBackward fills. */
  get reductions(): Tensor<"accumulator"> {
    return this.backwardSums;
  }

  /** From `reductions` over `count` rows to `coefficients`; adds to the gradients of gamma, beta and the activation. */
  backward(count: number, activationGradient: Tensor | undefined): void {
    const { gamma, beta, backwardSums, norm, coefficients } = this;
    const gradients = { gamma: gamma.gradient, beta: beta.gradient, activation: activationGradient };
    this.backend.normalizationBackward(backwardSums, count, norm, gamma.value, gradients, coefficients);
  }

  /** Scale and bias with the running statistics: what a deployed network computes. */
  fold({ valuesOf }: Pick<Folding, "valuesOf">): { scale: Float32Array; bias: Float32Array } {
    const [gamma, beta] = [valuesOf(this.gamma), valuesOf(this.beta)];
    const [mean, variance] = [valuesOf(this.runningMean), valuesOf(this.runningVariance)];
    const scale = gamma.map((value, n) => value / Math.sqrt((variance[n] as number) + EPSILON));
    const bias = beta.map((value, n) => value - (scale[n] as number) * (mean[n] as number));
    return { scale, bias };
  }

  get realParameters(): number {
    // Folded, a scale and a bias by filter remain.
    return 2 * this.filters;
  }
}
