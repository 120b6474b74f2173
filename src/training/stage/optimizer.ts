/**
 * Updates parameters from their gradients: Adam (Kingma and Ba, 2015; decay decoupled as in AdamW) or SGD with momentum, a kernel call for
 * each kind of them.
 * Latent weights are clipped to [-1, 1] and never decayed, and the signs that they change are counted by layer; only real weights are
 * decayed. Keeps the moving
 * average of weights where one is asked for.
 */
import type { Backend } from "../../backend/device.js";
import type { FlipCount } from "../../backend/terms.js";
import {
  type KindRange,
  type Layout,
  type NamedMemory,
  type ParameterKind,
  type ParameterStore,
  suffixed,
} from "../../layers/parameters.js";
import { elementCount, type Tensor } from "../../tensor.js";
import type { TrainingOptions } from "../settings/options.js";

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;
/** Latent weights beyond 1 pass no gradient; the clip keeps them where they can still flip. */
const LATENT_LIMIT = 1;

/** Memory that continues a run. */
export type KeptMemory = NamedMemory<"float32" | "accumulator">;

/** The parameters of a kind. */
interface Group {
  readonly kind: ParameterKind;
  readonly value: Tensor;
  readonly gradient: Tensor;
  readonly first: Tensor;
  /** Adam's. */
  readonly second: Tensor | undefined;
}

/** Flips of latent weights since the last reset, by layer. */
interface LatentFlips extends FlipCount {
  readonly layers: readonly { readonly name: string; readonly weights: number }[];
}

/** What is averaged, and the average, laid out as it is. */
interface Averaged {
  readonly layout: Layout;
  readonly value: Tensor;
  readonly average: Tensor;
  /** Where something changes: the average of what stays is it, to the bit. */
  readonly moving: readonly LayoutRange[];
}

type LayoutRange = Omit<KindRange, "kind">;

export class Optimizer {
  private readonly first: Tensor;
  /** Adam's. */
  private readonly second: Tensor | undefined;
  private readonly groups: readonly Group[];
  /** None without latent weights. */
  private readonly flips: LatentFlips | undefined;
  private readonly averages: readonly Averaged[];

  /** @param frozen names of parameters, and of states, that stay as they are */
  constructor(
    private readonly backend: Backend,
    private readonly store: ParameterStore,
    private readonly options: TrainingOptions,
    frozen: ReadonlySet<string> = new Set(),
  ) {
    const { values, states, gradients } = store;
    const kinds = store.kinds.flatMap(({ kind, parts, from, elements }) =>
      changingPart({ parts, from, elements }, frozen).map((range) => ({ kind, ...range })),
    );
    this.first = backend.allocate("float32", [values.layout.elements]);
    this.second = options.optimizer === "adam" ? backend.allocate("float32", [values.layout.elements]) : undefined;
    this.groups = kinds.map(({ kind, from, elements }) => {
      const part = (whole: Tensor): Tensor => backend.view(whole, [elements], from);
      const [value, gradient, first] = [part(values.memory), part(gradients), part(this.first)];
      return { kind, value, gradient, first, second: this.second && part(this.second) };
    });
    const latent = kinds.find(({ kind }) => kind === "latent");
    this.flips = latent && flipsOf(backend, latent);
    const averaged = [values, states].filter(({ layout: { elements } }) => options.average > 0 && elements > 0);
    this.averages = averaged.map(({ layout, memory: value }) => {
      const average = backend.allocate("float32", value.shape);
      backend.copy(value, average);
      // One call where nothing stays, else one a kind.
      const moving = value === values.memory && frozen.size > 0 ? kinds : changingPart({ ...layout, from: 0 }, frozen);
      return { layout, value, average, moving };
    });
  }

  /** What continues a run besides the store, by the names of a checkpoint. */
  get memory(): readonly KeptMemory[] {
    const { store, first, second, averages, flips } = this;
    const { layout } = store.values;
    const kept: KeptMemory[] = [{ layout: suffixed(layout, ".first_moment"), memory: first }];
    if (second !== undefined) kept.push({ layout: suffixed(layout, ".second_moment"), memory: second });
    for (const { layout: own, average } of averages) kept.push({ layout: suffixed(own, ".average"), memory: average });
    if (flips !== undefined) {
      const parts = flips.layers.map(({ name }, from) => ({ name: `${name}.flips`, shape: [1], from }));
      kept.push({ layout: { parts, elements: parts.length }, memory: flips.totals });
    }
    return kept;
  }

  /** The weights and running statistics to evaluate and to ship: averages, where they are kept. */
  get shipped(): readonly NamedMemory[] {
    const { values, states } = this.store;
    return this.averages.length === 0
      ? [values, states]
      : this.averages.map(({ layout, average }) => ({ layout, memory: average }));
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

  clearFlips(): void {
    if (this.flips !== undefined) this.backend.fill(this.flips.totals, 0);
  }

  /** By layer: share of its latent weights whose sign changed, a mean over the last `updates`. */
  async flipRatios(updates: number): Promise<Readonly<Record<string, number>>> {
    if (this.flips === undefined) return {};
    const { layers, totals } = this.flips;
    const counts = await this.backend.read(totals);
    return Object.fromEntries(layers.map(({ name, weights }, index) => [name, (counts[index] as number) / updates / weights]));
  }

  /** One update; `step` counts those of the stage from 1. */
  step(rate: number, step: number): void {
    const { backend, options } = this;
    for (const { kind, value, gradient, first, second } of this.groups) {
      const decay = kind === "weight" ? options.weightDecay : 0;
      const limit = kind === "latent" ? LATENT_LIMIT : 0;
      const flips = kind === "latent" ? this.flips : undefined;
      if (second !== undefined) {
        const terms = { rate, beta1: BETA1, beta2: BETA2, epsilon: EPSILON, decay, step, limit };
        backend.adam(value, gradient, first, second, terms, flips);
      } else backend.sgd(value, gradient, first, { rate, momentum: options.momentum, decay, limit }, flips);
    }
    // A constant decay would average over the random start for long; early on the average follows faster.
    const keep = Math.min(options.average, (1 + step) / (10 + step));
    for (const { value, average, moving } of this.averages)
      for (const { from, elements } of moving) {
        const part = (whole: Tensor): Tensor => backend.view(whole, [elements], from);
        backend.movingAverage(part(average), part(value), keep);
      }
  }
}

/** From the first part that changes to the end of the range: what stays of a range are its first parts, or all. */
function changingPart({ parts, from, elements }: LayoutRange, frozen: ReadonlySet<string>): readonly LayoutRange[] {
  const changing = parts.filter(({ name }) => !frozen.has(name));
  const [first] = changing;
  if (first === undefined) return [];
  if (parts.slice(-changing.length)[0] !== first) throw new Error("parameters that stay lie before those that change");
  return [{ parts: changing, from: first.from, elements: from + elements - first.from }];
}

function flipsOf(backend: Backend, { from, elements, parts }: KindRange): LatentFlips {
  const starts = backend.allocate("int32", [parts.length + 1]);
  backend.write(starts, Int32Array.from([...parts.map((part) => part.from - from), elements]));
  const totals = backend.allocate("accumulator", [parts.length]);
  const layers = parts.map(({ name, shape }) => ({ name: name.replace(/\.latent$/, ""), weights: elementCount(shape) }));
  return { layers, starts, totals };
}
