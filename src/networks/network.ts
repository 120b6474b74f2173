/** A network: the layers of its description, run one after the other. */
import type { Backend } from "../backend/kernels.js";
import type { Initializer } from "../layers/initializer.js";
import type { Balance, Layer, LayerSummary, Parameter, State, WeightForm } from "../layers/layer.js";
import type { Operation } from "../runtime/operations.js";
import type { MapShape } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import { buildLayers } from "./build.js";
import type { NetworkDescription } from "./description.js";
import { stageEnds } from "./stages.js";

/** Elements an image from which a result is worth computing twice: with a batch of them, memory falls out of the caches anyway. */
const LARGE_RESULT = 16384;

/** Sees the output of layer number `layer`, and its gradient before the layer takes it over; may add to the gradient. Both have the output's shape. */
export type Visit = (layer: number, output: Tensor, gradient: Tensor) => void;

export class Network {
  readonly layers: readonly Layer[];
  /** Numbers of the layers that the stages end with. */
  readonly stageEnds: readonly number[];
  private outputs: readonly Tensor[] = [];

  /** Allocates and initializes all parameters on `backend`, in the order of the layers. */
  constructor(
    private readonly backend: Backend,
    readonly description: NetworkDescription,
    initializer: Initializer,
  ) {
    this.layers = buildLayers(backend, description, initializer);
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
   * Allocates what a training step on `images` images needs. Large results of binary products are not kept for the backward pass. A network may be bound anew,
   * with other weights in its binary convolutions; the parameters stay.
   */
  bind(images: number, weights: WeightForm = "binary"): void {
    const { backend, layers } = this;
    // With real weights it is no product of bits, and takes longer than the memory is worth.
    const large = weights === "real" ? [] : layers.filter((layer) => (layer.recomputable?.(1) ?? 0) >= LARGE_RESULT);
    const mostResults = Math.max(...large.map((layer) => layer.recomputable?.(images) ?? 0));
    const result = large.length > 1 ? backend.allocate("int16", [mostResults]) : undefined;
    const mostSpare = Math.max(...layers.map((layer) => layer.spareElements?.(images) ?? 0));
    const spare = mostSpare > 0 ? { spare: backend.allocate("float32", [mostSpare]) } : {};
    for (const layer of layers) {
      layer.bind(images, result !== undefined && large.includes(layer) ? { ...spare, result } : spare, weights);
    }
  }

  /** x: [images, height, width, channels] float32 -> logits [images, 1, 1, classes]. */
  forward(x: Tensor): Tensor {
    const outputs: Tensor[] = [];
    let value = x;
    for (const layer of this.layers) {
      value = layer.forward(value);
      outputs.push(value);
    }
    this.outputs = outputs;
    return value;
  }

  /** gradient: of the logits. Adds to the gradients of all parameters; `visit` is called before each layer, the last one first. */
  backward(gradient: Tensor, visit?: Visit): void {
    let current: Tensor | undefined = gradient;
    for (const [index, layer] of [...this.layers.entries()].toReversed()) {
      if (current === undefined) throw new Error("only the first layer may end the backward pass");
      visit?.(index, this.outputs[index] as Tensor, current);
      current = layer.backward(current);
    }
  }

  summary(): readonly LayerSummary[] {
    return this.layers.flatMap((layer) => layer.summary());
  }

  /** The deployed form, with the running statistics folded; of a network with real weights what can be evaluated, but not stored. */
  async fold(): Promise<readonly Operation[]> {
    const operations: Operation[] = [];
    const folding = {
      add: (operation: Operation): number => operations.push(operation),
      read: async (tensor: Tensor): Promise<Float32Array> => Float32Array.from(await this.backend.read(tensor)),
    };
    let value = 0;
    for (const layer of this.layers) value = await layer.fold(folding, value);
    return operations;
  }

  /** Share of +1 among the signs that each binary layer saw in the last forward. */
  async balances(): Promise<readonly Balance[]> {
    const found: Balance[] = [];
    for (const layer of this.layers) if (layer.balances !== undefined) found.push(...(await layer.balances()));
    return found;
  }
}
