/**
 * Data-driven channel re-scaling (Martinez et al., ICLR 2020, section 4.3): the channels of a binary product, weighed by what its
 * input held before the sign.
 *
 *   factors = sigmoid(expand(relu(reduce(mean of x over its pixels))))
 *   weighed = factors * y
 *
 * x: [N, H, W, C] float32; y: [M, filters], the rows of N images one after the other; factors: [N, filters]. `reduce` is dense, C
 * to C / 8; `expand` is dense, C / 8 to the filters.
 */
import type { Backend } from "../backend/device.js";
import type { OutputTransform, ProductResult } from "../backend/terms.js";
import { fixedValues } from "../runtime/activation.js";
import type { MapShape } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import { Dense } from "./dense.js";
import type { Folding, LayerSummary } from "./layer.js";
import type { Declarations, Parameter } from "./parameters.js";

/** The paper's r. */
const REDUCTION = 8;

export class ChannelGate {
  private readonly reduce: Dense;
  private readonly expand: Dense;
  private readonly hidden: number;
  /** ReLU alone: its normalization is the identity. */
  private readonly transform: OutputTransform;
  private readonly sums: Tensor<"accumulator">;
  private pooled: Tensor | undefined;
  private bent: Tensor | undefined;
  private reduced: Tensor | undefined;
  private factors: Tensor | undefined;
  private dFactors: Tensor | undefined;
  private weighed: Tensor | undefined;

  constructor(
    private readonly backend: Backend,
    readonly name: string,
    private readonly input: MapShape,
    filters: number,
    declarations: Declarations,
  ) {
    const hidden = Math.max(1, Math.floor(input.channels / REDUCTION));
    this.hidden = hidden;
    this.reduce = new Dense(backend, `${name}.reduce`, input.channels, hidden, declarations);
    this.expand = new Dense(backend, `${name}.expand`, hidden, filters, declarations);
    const norm = backend.allocate("float32", [4, hidden]);
    backend.write(
      norm,
      Float32Array.from({ length: 4 * hidden }, (_, i) => (i < hidden || i >= 3 * hidden ? 1 : 0)),
    );
    const relu = backend.allocate("float32", [4, hidden]);
    backend.write(relu, fixedValues(hidden));
    this.transform = { norm, layout: undefined, shortcut: undefined, activation: relu };
    this.sums = backend.allocate("accumulator", [5, hidden]);
  }

  get parameters(): readonly Parameter[] {
    return [...this.reduce.parameters, ...this.expand.parameters];
  }

  /** `rows`: M. `weighed`: memory for the weighed product, float32, where somebody has it to spare. */
  bind(images: number, rows: number, weighed?: Tensor): void {
    const { backend } = this;
    const { channels: filters } = this.expand.output;
    this.pooled = backend.allocate("float32", [images, 1, 1, this.input.channels]);
    this.bent = backend.allocate("float32", [images, 1, 1, this.hidden]);
    this.factors = backend.allocate("float32", [images, 1, 1, filters]);
    this.dFactors = backend.allocate("float32", [images, 1, 1, filters]);
    const shape = [rows, filters];
    this.weighed = weighed === undefined ? backend.allocate("float32", shape) : backend.view(weighed, shape);
    this.reduce.bind(images);
    this.expand.bind(images);
  }

  /** The weighed product of y; its memory lasts as long as that of `bind` does. */
  forward(x: Tensor, y: ProductResult): Tensor {
    const { backend, pooled, bent, factors } = this;
    if (pooled === undefined || bent === undefined || factors === undefined) throw new Error("forward before bind");
    backend.averagePool(x, this.side, pooled);
    this.reduced = this.reduce.forward(pooled);
    backend.normalizeActivate(this.reduced, this.transform, bent);
    backend.sigmoid(this.expand.forward(bent), factors);
    return this.weigh(y);
  }

  /** y with the factors of the last forward. */
  weigh(y: ProductResult): Tensor {
    const { factors, weighed } = this;
    if (factors === undefined || weighed === undefined) throw new Error("a gate is used before bind");
    this.backend.multiplyChannels(y, factors, weighed);
    return weighed;
  }

  /** Turns `gradient` (of the weighed product) into that of y, the product of the last forward. */
  backwardToProduct(gradient: Tensor, y: ProductResult): void {
    const { factors, dFactors } = this;
    if (factors === undefined || dFactors === undefined) throw new Error("backward before bind");
    this.backend.multiplyChannelsGradient(gradient, y, factors, gradient, dFactors);
  }

  /** After backwardToProduct: dx gains the gradient of the input by way of the factors. */
  backwardToInput(dx: Tensor): void {
    const { backend, factors, dFactors, reduced } = this;
    if (factors === undefined || dFactors === undefined || reduced === undefined) throw new Error("backward before forward");
    backend.sigmoidGradient(dFactors, factors, dFactors);
    const dBent = this.expand.backward(dFactors);
    backend.activateBackward(dBent, reduced, this.transform, this.sums);
    backend.averagePoolGradient(this.reduce.backward(dBent), this.side, dx, true);
  }

  /** Of the tile that is the whole map. */
  private get side(): number {
    return Math.min(this.input.height, this.input.width);
  }

  summary(): readonly LayerSummary[] {
    return [...this.reduce.summary(), ...this.expand.summary()];
  }

  /** Returns the number of the factors' value. */
  fold(folding: Folding, input: number): number {
    const pooled = folding.add({ kind: "averagePool", name: `${this.name}.pool`, input, size: this.side });
    return this.expand.fold(folding, this.reduce.fold(folding, pooled, "relu"), "sigmoid");
  }
}
