/** Builds a network's tree of layers from its description, and runs them one after the other. */
import type { Backend } from "../backend/kernels.js";
import { UserError } from "../errors.js";
import { AveragePool } from "../layers/average-pool.js";
import { ConvolutionUnit } from "../layers/convolution-unit.js";
import { Dense } from "../layers/dense.js";
import type { Initializer } from "../layers/initializer.js";
import type { Balance, Layer, LayerSummary, Parameter, State } from "../layers/layer.js";
import { ResidualUnit } from "../layers/residual-unit.js";
import type { Operation } from "../runtime/operations.js";
import type { MapShape, Windows } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import { blockPattern, grid, HALVING_BLOCKS, type NetworkDescription } from "./description.js";

/** Elements an image from which a result is worth computing twice: with a batch of them, memory falls out of the caches anyway. */
const LARGE_RESULT = 16384;

export class Network {
  readonly layers: readonly Layer[];

  /** Allocates and initializes all parameters on `backend`, in the order of the layers. */
  constructor(
    private readonly backend: Backend,
    readonly description: NetworkDescription,
    initializer: Initializer,
  ) {
    this.layers = buildLayers(backend, description, initializer);
  }

  get parameters(): readonly Parameter[] {
    return this.layers.flatMap((layer) => layer.parameters);
  }

  get states(): readonly State[] {
    return this.layers.flatMap((layer) => layer.states);
  }

  /** Allocates what a training step on `images` images needs. Large results of binary products are not kept for the backward pass. */
  bind(images: number): void {
    const { backend, layers } = this;
    const large = layers.filter((layer) => (layer.recomputable?.(1) ?? 0) >= LARGE_RESULT);
    const mostResults = Math.max(...large.map((layer) => layer.recomputable?.(images) ?? 0));
    const result = large.length > 1 ? backend.allocate("int16", [mostResults]) : undefined;
    const mostSpare = Math.max(...layers.map((layer) => layer.spareElements?.(images) ?? 0));
    const spare = mostSpare > 0 ? { spare: backend.allocate("float32", [mostSpare]) } : {};
    for (const layer of layers) {
      layer.bind(images, result !== undefined && large.includes(layer) ? { ...spare, result } : spare);
    }
  }

  /** x: [images, height, width, channels] float32 -> logits [images, 1, 1, classes]. */
  forward(x: Tensor): Tensor {
    return this.layers.reduce((value, layer) => layer.forward(value), x);
  }

  /** gradient: of the logits. Adds to the gradients of all parameters. */
  backward(gradient: Tensor): void {
    let current: Tensor | undefined = gradient;
    for (const layer of this.layers.toReversed()) {
      if (current === undefined) throw new Error("only the first layer may end the backward pass");
      current = layer.backward(current);
    }
  }

  summary(): readonly LayerSummary[] {
    return this.layers.flatMap((layer) => layer.summary());
  }

  /** The deployed form, with the running statistics folded. */
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
    for (const layer of this.layers) if (layer.balance !== undefined) found.push(await layer.balance());
    return found;
  }
}

function buildLayers(backend: Backend, description: NetworkDescription, initializer: Initializer): readonly Layer[] {
  const layers: Layer[] = [];
  let map: MapShape = description.input;
  const add = (layer: Layer): void => {
    layers.push(layer);
    map = layer.output;
  };
  for (const [index, { windows, channels, depthToSpace }] of description.stem.entries()) {
    add(
      new ConvolutionUnit(
        backend,
        { name: `stem${index + 1}`, input: map, channels, windows, depthToSpace, activation: true, first: index === 0 },
        initializer,
      ),
    );
  }
  for (const [stage, { channels, units, halve }] of description.stages.entries()) {
    for (let index = 0; index < units; index++) {
      const stride = halve && index === 0 ? 2 : 1;
      if (stride === 2) checkHalving(description, map);
      const windows = unitWindows(description, index, stride, map);
      const { estimator, learnThreshold } = description;
      add(
        new ResidualUnit(
          backend,
          { name: `stage${stage + 1}.unit${index + 1}`, input: map, channels, windows, stride, estimator, learnThreshold },
          initializer,
        ),
      );
    }
  }
  add(new AveragePool(backend, "pool", map, Math.min(map.height, map.width)));
  add(new Dense(backend, "classifier", map.height * map.width * map.channels, description.classes, initializer));
  return layers;
}

/** A block reaches over the border of an odd map, but the shortcut's average pool does not: the two would differ in size. */
function checkHalving({ name, input }: NetworkDescription, { height, width }: MapShape): void {
  if (height % 2 === 0 && width % 2 === 0) return;
  throw new UserError(
    `${name} on images of ${input.width} x ${input.height} pixels would have to halve a map of ${width} x ${height}, which is odd; choose a size that is a multiple of 32`,
  );
}

function unitWindows({ convolution }: NetworkDescription, index: number, stride: 1 | 2, map: MapShape): Windows {
  if (convolution === "3x3") return grid(3, stride);
  return stride === 2 ? HALVING_BLOCKS : blockPattern(index, map.height, map.width);
}
