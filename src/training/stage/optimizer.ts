/**
 * Updates parameters from their gradients: Adam (Kingma and Ba, 2015; decay decoupled as in AdamW) or SGD with momentum. Latent weights are
 * clipped to [-1, 1] and never decayed, only real weights are decayed. Keeps the moving average of weights where one is asked for.
 */
import type { Backend } from "../../backend/device.js";
import type { Layout, NamedMemory, ParameterKind, ParameterStore } from "../../layers/parameters.js";
import { elementCount, type Tensor } from "../../tensor.js";
import type { TrainingOptions } from "../settings/options.js";

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;
/** Latent weights beyond 1 pass no gradient; the clip keeps them where they can still flip. */
const LATENT_LIMIT = 1;

/** What is updated at once. */
interface Slot {
  readonly kind: ParameterKind;
  /** Its name, where it is one parameter. */
  readonly name: string;
  readonly value: Tensor;
  readonly gradient: Tensor;
  readonly first: Tensor;
  /** Adam's. */
  readonly second: Tensor | undefined;
  /** Signs flipped since the last reset. */
  readonly flips: Tensor<"accumulator">;
}

/** What is averaged, and the average, laid out as it is. */
interface Averaged {
  readonly layout: Layout;
  readonly value: Tensor;
  readonly average: Tensor;
}

export class Optimizer {
  private readonly slots: readonly Slot[];
  private readonly first: Tensor;
  /** Adam's. */
  private readonly second: Tensor | undefined;
  private readonly averages: readonly Averaged[];

  constructor(
    private readonly backend: Backend,
    private readonly store: ParameterStore,
    private readonly options: TrainingOptions,
  ) {
    const {
      values: { layout, memory: values },
      states,
      kinds,
      gradients,
    } = store;
    this.first = backend.allocate("float32", [layout.elements]);
    this.second = options.optimizer === "adam" ? backend.allocate("float32", [layout.elements]) : undefined;
    const others = backend.allocate("accumulator", [1]);
    this.slots = kinds.flatMap(({ kind, from, elements, parts }) => {
      const pieces =
        kind === "latent"
          ? parts.map((part) => ({
              name: part.name,
              from: part.from,
              shape: part.shape,
              flips: backend.allocate("accumulator", [1]),
            }))
          : [{ name: kind, from, shape: [elements], flips: others }];
      return pieces.map(({ name, from, shape, flips }) => {
        const part = (whole: Tensor): Tensor => backend.view(whole, shape, from);
        const second = this.second && part(this.second);
        return { kind, name, value: part(values), gradient: part(gradients), first: part(this.first), second, flips };
      });
    });
    const averaged = [store.values, states].filter(({ layout: { elements } }) => options.average > 0 && elements > 0);
    this.averages = averaged.map(({ layout, memory: value }) => {
      const average = backend.allocate("float32", value.shape);
      backend.copy(value, average);
      return { layout, value, average };
    });
  }

  /** Everything that continues a run: by name, for a checkpoint. */
  get tensors(): ReadonlyMap<string, Tensor> {
    const { backend, store, first, second, averages } = this;
    const found = new Map<string, Tensor>();
    const add = ({ parts }: Layout, whole: Tensor, suffix: string): void => {
      for (const { name, shape, from } of parts) found.set(`${name}.${suffix}`, backend.view(whole, shape, from));
    };
    add(store.values.layout, first, "first_moment");
    if (second !== undefined) add(store.values.layout, second, "second_moment");
    for (const { layout, average } of averages) add(layout, average, "average");
    return found;
  }

  /** The weights and running statistics to evaluate and to ship: averages, where they are kept. */
  get shipped(): readonly NamedMemory[] {
    const { values, states } = this.store;
    return this.averages.length === 0
      ? [values, states]
      : this.averages.map(({ layout, average }) => ({ layout, memory: average }));
  }

  /** Flip counters of the latent weights, by layer. */
  get flips(): ReadonlyMap<string, Tensor<"accumulator">> {
    const latent = this.slots.filter(({ kind }) => kind === "latent");
    return new Map(latent.map(({ name, flips }) => [name.replace(/\.latent$/, ""), flips]));
  }

  /** Number of latent weights by layer. */
  get latentCounts(): ReadonlyMap<string, number> {
    const latent = this.slots.filter(({ kind }) => kind === "latent");
    return new Map(latent.map(({ name, value }) => [name.replace(/\.latent$/, ""), elementCount(value.shape)]));
  }

  /** As at the start of a run, with the parameters as they are: moments and averages of the stage before are forgotten. */
  restart(): void {
    const { backend, first, second } = this;
    for (const moment of [first, second]) if (moment !== undefined) backend.fill(moment, 0);
    for (const { value, average } of this.averages) backend.copy(value, average);
  }

  clearGradients(): void {
    this.backend.fill(this.store.gradients, 0);
  }

  /** One update; `step` counts those of the stage from 1. */
  step(rate: number, step: number): void {
    const { backend, options } = this;
    for (const { kind, value, gradient, first, second, flips } of this.slots) {
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
}
