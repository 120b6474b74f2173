/**
 * Updates parameters from their gradients: Adam (Kingma and Ba, 2015; decay decoupled as in AdamW) or SGD with momentum. Latent weights are
 * clipped to [-1, 1] and never decayed, only real weights are decayed. Keeps the moving average of weights where one is asked for.
 */
import type { Backend } from "../../backend/kernels.js";
import type { Parameter, State } from "../../layers/layer.js";
import type { Tensor } from "../../tensor.js";
import { elementCount } from "../../tensor.js";
import type { TrainingOptions } from "../settings/options.js";

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;
/** Latent weights beyond 1 pass no gradient; the clip keeps them where they can still flip. */
const LATENT_LIMIT = 1;

interface Slot {
  readonly parameter: Parameter;
  readonly first: Tensor;
  /** Adam's. */
  readonly second: Tensor | undefined;
  /** Signs flipped since the last reset. */
  readonly flips: Tensor;
}

export class Optimizer {
  private readonly slots: readonly Slot[];
  private readonly averages: readonly { readonly name: string; readonly value: Tensor; readonly average: Tensor }[];

  constructor(
    private readonly backend: Backend,
    parameters: readonly Parameter[],
    states: readonly State[],
    private readonly options: TrainingOptions,
  ) {
    this.slots = parameters.map((parameter) => {
      const { shape } = parameter.value;
      return {
        parameter,
        first: backend.allocate("float32", shape),
        second: options.optimizer === "adam" ? backend.allocate("float32", shape) : undefined,
        flips: backend.allocate("float64", [1]),
      };
    });
    const averaged = options.average > 0 ? [...parameters, ...states] : [];
    this.averages = averaged.map(({ name, value }) => {
      const average = backend.allocate("float32", value.shape);
      backend.copy(value, average);
      return { name, value, average };
    });
  }

  /** Everything that continues a run: by name, for a checkpoint. */
  get tensors(): ReadonlyMap<string, Tensor> {
    const found = new Map<string, Tensor>();
    for (const { parameter, first, second } of this.slots) {
      found.set(`${parameter.name}.first_moment`, first);
      if (second !== undefined) found.set(`${parameter.name}.second_moment`, second);
    }
    for (const { name, average } of this.averages) found.set(`${name}.average`, average);
    return found;
  }

  /** Flip counters of the latent weights, by layer. */
  get flips(): ReadonlyMap<string, Tensor> {
    const latent = this.slots.filter(({ parameter }) => parameter.kind === "latent");
    return new Map(latent.map(({ parameter, flips }) => [parameter.name.replace(/\.latent$/, ""), flips]));
  }

  /** Number of latent weights by layer. */
  get latentCounts(): ReadonlyMap<string, number> {
    const latent = this.slots.filter(({ parameter }) => parameter.kind === "latent");
    return new Map(latent.map(({ parameter }) => [parameter.name.replace(/\.latent$/, ""), elementCount(parameter.value.shape)]));
  }

  /** As at the start of a run, with the parameters as they are: moments and averages of the stage before are forgotten. */
  restart(): void {
    const { backend } = this;
    for (const { first, second } of this.slots)
      for (const moment of [first, second]) if (moment !== undefined) backend.fill(moment, 0);
    for (const { value, average } of this.averages) backend.copy(value, average);
  }

  clearGradients(): void {
    for (const { parameter } of this.slots) this.backend.fill(parameter.gradient, 0);
  }

  /** One update; `step` counts those of the stage from 1. */
  step(rate: number, step: number): void {
    const { backend, options } = this;
    for (const { parameter, first, second, flips } of this.slots) {
      const { kind, value, gradient } = parameter;
      const decay = kind === "weight" ? options.weightDecay : 0;
      const limit = kind === "latent" ? LATENT_LIMIT : 0;
      if (second !== undefined)
        backend.adam(
          value,
          gradient,
          first,
          second,
          { rate, beta1: BETA1, beta2: BETA2, epsilon: EPSILON, decay, step, limit },
          flips,
        );
      else backend.sgd(value, gradient, first, { rate, momentum: options.momentum, decay, limit }, flips);
    }
    // A constant decay would average over the random start for long; early on the average follows faster.
    const keep = Math.min(options.average, (1 + step) / (10 + step));
    for (const { value, average } of this.averages) backend.movingAverage(average, value, keep);
  }

  /** Runs `use` with the averaged weights in place of the last ones, where there are averages. */
  async withAverages<T>(use: () => Promise<T>): Promise<T> {
    if (this.averages.length === 0) return use();
    const { backend } = this;
    const mark = backend.mark();
    const saved = this.averages.map(({ value, average }) => {
      const copy = backend.allocate("float32", value.shape);
      backend.copy(value, copy);
      backend.copy(average, value);
      return { value, copy };
    });
    try {
      return await use();
    } finally {
      for (const { value, copy } of saved) backend.copy(copy, value);
      backend.release(mark);
    }
  }
}
