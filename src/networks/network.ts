/** A network: the layers of its description, run one after the other. */
import type { Backend } from "../backend/device.js";
import type { Initializer } from "../layers/initializer.js";
import type { Folding, Layer, LayerSummary, SharedMemory, WeightForm } from "../layers/layer.js";
import {
  Declarations,
  type NamedMemory,
  type Parameter,
  type ParameterStore,
  partOf,
  readParts,
  type State,
} from "../layers/parameters.js";
import type { Operation } from "../runtime/operations.js";
import { elementsOf, type MapShape } from "../runtime/windows.js";
import { type Tensor, wordsFor } from "../tensor.js";
import { buildLayers } from "./build.js";
import type { NetworkDescription } from "./description.js";
import { stageEnds } from "./stages.js";

export interface NetworkMemory {
  /** What binary convolutions multiply by; default binary. */
  readonly weights?: WeightForm;
  /**
   * Keep the output of every so many-th of the units that can compute theirs again, and of a stage's last one, until the backward
   * pass, and compute the others, and all large results of binary products, again when it comes to them: less memory, more time,
   * the same bits. Default 1: everything is kept.
   */
  readonly keepEvery?: number;
}

/**
 * Sees the output of layer number `layer`, and its gradient before the layer takes it over; may add to the gradient. Both have
 * the output's shape.
 */
export type Visit = (layer: number, output: Tensor, gradient: Tensor) => void;

/**
 * Told when a layer begins with a pass, and when it has ended: for profiles. A backend whose kernels finish before they return
 * has done the pass by then.
 */
export interface PassObserver {
  begin(layer: Layer, pass: "forward" | "backward" | "recompute"): void;
  end(): void;
}

export class Network {
  readonly layers: readonly Layer[];
  /** The memory of the layers' parameters and states. */
  readonly store: ParameterStore;
  /** Numbers of the layers that the stages end with. */
  readonly stageEnds: readonly number[];
  observer: PassObserver | undefined;
  private outputs: readonly Tensor[] = [];
  private weights: WeightForm = "binary";
  /** How many layers from the first on stay as they are. */
  private held = 0;
  /** By layer whose output is not kept: how many such layers come right before it, which is also the number of its memory. */
  private slots: ReadonlyMap<number, number> = new Map();

  /** Allocates and initializes all parameters on `backend`, in the order of the layers. */
  constructor(
    private readonly backend: Backend,
    readonly description: NetworkDescription,
    initializer: Initializer,
  ) {
    const declarations = new Declarations(initializer);
    this.layers = buildLayers(backend, description, declarations);
    this.store = declarations.allocate(backend);
    this.stageEnds = stageEnds(this.layers.map((layer) => layer.summary()[0]?.name ?? ""));
  }

  get parameters(): readonly Parameter[] {
    return this.layers.flatMap((layer) => layer.parameters);
  }

  /** Shapes of the maps that the stages end with. */
  get stageMaps(): readonly MapShape[] {
    return this.stageEnds.flatMap((end) => this.layers[end]?.output ?? []);
  }

  get states(): readonly State[] {
    return this.layers.flatMap((layer) => layer.states);
  }

  /**
   * Allocates what a training step on `images` images needs. A network may be bound anew, with other weights in its binary
   * convolutions; the parameters stay.
   */
  bind(images: number, { weights = "binary", keepEvery = 1 }: NetworkMemory = {}): void {
    const { backend, layers } = this;
    this.weights = weights;
    // With real weights it is no product of bits, and takes longer than the memory is worth.
    const again = keepEvery > 1 && weights === "binary";
    const large = again ? layers.filter((layer) => (layer.recomputable?.(1) ?? 0) >= backend.preferences.recomputedElements) : [];
    const mostResults = Math.max(...large.map((layer) => layer.recomputable?.(images) ?? 0));
    const result = large.length > 1 ? backend.allocate("dotProduct", [mostResults]) : undefined;
    const mostSpare = Math.max(...layers.map((layer) => layer.spareElements?.(images) ?? 0));
    const spare = mostSpare > 0 ? { spare: backend.allocate("float32", [mostSpare]) } : {};
    this.slots = this.slotsOf(keepEvery);
    const outputs = this.allocateSlots(images);
    for (const [index, layer] of layers.entries()) {
      const out = outputs[this.slots.get(index) ?? -1];
      const shared: SharedMemory = {
        ...spare,
        ...(result !== undefined && large.includes(layer) ? { result } : {}),
        ...(out === undefined ? {} : { out }),
      };
      layer.bind(images, shared, weights);
    }
  }

  /**
   * The first `layers` layers stay as they are: they normalize by their running statistics, as the deployed network does, and the backward
   * pass ends above them. Who updates parameters leaves theirs out.
   */
  async hold(layers: number): Promise<void> {
    this.held = layers;
    if (layers === 0) return;
    const values = await readParts(this.backend, [this.store.values, this.store.states]);
    for (const layer of this.layers.slice(0, layers))
      for (const state of layer.states) state.hold(({ name }) => values.get(name) ?? new Float32Array());
  }

  private slotsOf(keepEvery: number): ReadonlyMap<number, number> {
    const slots = new Map<number, number>();
    let before = 0;
    for (const [index, layer] of this.layers.entries()) {
      const kept = layer.recompute === undefined || this.stageEnds.includes(index) || before === keepEvery - 1;
      if (!kept) slots.set(index, before);
      before = kept ? 0 : before + 1;
    }
    return slots;
  }

  /** Memory for each number of a slot, as large as the largest output that goes there. */
  private allocateSlots(images: number): readonly Tensor[] {
    const elements: number[] = [];
    for (const [index, slot] of this.slots)
      elements[slot] = Math.max(elements[slot] ?? 0, images * elementsOf((this.layers[index] as Layer).output));
    return elements.map((count) => this.backend.allocate("float32", [count]));
  }

  /** x: [images, height, width, channels] float32 -> logits [images, 1, 1, classes]. */
  forward(x: Tensor): Tensor {
    const outputs: Tensor[] = [];
    let value = x;
    for (const layer of this.layers) {
      this.observer?.begin(layer, "forward");
      value = layer.forward(value);
      this.observer?.end();
      outputs.push(value);
    }
    this.outputs = outputs;
    return value;
  }

  /**
   * gradient: of the logits. Adds to the gradients of all parameters but those of layers that are held; `visit` is called before each
   * layer, the last one first.
   */
  backward(gradient: Tensor, visit?: Visit): void {
    for (const _layer of this.backwardByLayer(gradient, visit));
  }

  /** The same, layer by layer: yields the number of each whose gradients are complete. */
  *backwardByLayer(gradient: Tensor, visit?: Visit): Generator<number, void, undefined> {
    let current: Tensor | undefined = gradient;
    for (const [index, layer] of [...this.layers.entries()].toReversed()) {
      if (index < this.held) return;
      if (current === undefined) throw new Error("only the first layer may end the backward pass");
      visit?.(index, this.outputs[index] as Tensor, current);
      if (!this.slots.has(index)) this.recomputeUpTo(index - 1);
      this.observer?.begin(layer, "backward");
      current = layer.backward(current);
      this.observer?.end();
      yield index;
    }
  }

  /** Fills the slots with the outputs of this layer and of those right before it that are not kept either. */
  private recomputeUpTo(last: number): void {
    const slot = this.slots.get(last);
    if (slot === undefined) return;
    for (const layer of this.layers.slice(last - slot, last + 1)) {
      this.observer?.begin(layer, "recompute");
      layer.recompute?.();
      this.observer?.end();
    }
  }

  summary(): readonly LayerSummary[] {
    return this.layers.flatMap((layer) => layer.summary());
  }

  /**
   * The deployed form, with the running statistics folded; of a network with real weights what can be evaluated, but not stored.
   * `trained`: where values and statistics are read, if not from the store. Latent weights stay on the device where their signs
   * are what is folded.
   */
  async fold(trained: readonly NamedMemory[] = [this.store.values, this.store.states]): Promise<readonly Operation[]> {
    const { backend } = this;
    const latent = this.weights === "binary" ? this.store.kinds.find(({ kind }) => kind === "latent")?.parts : undefined;
    const kept = new Set(latent?.map(({ name }) => name));
    const values = await readParts(backend, trained, ({ name }) => !kept.has(name));
    const operations: Operation[] = [];
    const reading: Promise<void>[] = [];
    const folding: Folding = {
      add: (operation) => operations.push(operation),
      valuesOf: ({ name }) => Float32Array.from(values.get(name) ?? []),
      signsOf: ({ name }, weights) => {
        const packed = new Uint32Array(weights.filters * wordsFor(weights.inputs));
        backend.binarizeWeights(partOf(backend, trained, name), weights, true);
        reading.push(backend.readWeights(weights).then((signs) => packed.set(signs)));
        return packed;
      },
    };
    let value = 0;
    for (const layer of this.layers) value = layer.fold(folding, value);
    await Promise.all(reading);
    return operations;
  }

  /** By binary layer: share of +1 among the signs that it saw in the last forward. */
  async positiveShares(): Promise<Readonly<Record<string, number>>> {
    const counts = this.layers.flatMap((layer) => layer.countSigns?.() ?? []);
    const read = await this.backend.readAll(counts.map(({ positive }) => positive));
    return Object.fromEntries(counts.map(({ name, signs }, index) => [name, (read[index]?.[0] ?? 0) / signs]));
  }
}
