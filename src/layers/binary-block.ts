/**
 * The block of XNOR-Net on ResNet (Rastegari et al., ECCV 2016): ResNet's basic block of two binary units, with one shortcut
 * around both. Between the two nothing but signs gets through.
 */
import type { Backend } from "../backend/device.js";
import type { MapShape } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import type { BinaryUnit } from "./binary-unit.js";
import type { Folding, Layer, LayerSummary, SharedMemory, SignCount, WeightForm } from "./layer.js";
import type { Parameter, State } from "./parameters.js";

export interface BinaryBlockParts {
  readonly first: BinaryUnit;
  readonly second: BinaryUnit;
  /** None where the block keeps the map: the shortcut is the input itself. */
  readonly shortcut: Layer | undefined;
}

export class BinaryBlock implements Layer {
  readonly output: MapShape;
  private readonly units: readonly BinaryUnit[];
  /** Gradient of the map between the units. */
  private between: Tensor | undefined;

  constructor(
    private readonly backend: Backend,
    private readonly parts: BinaryBlockParts,
  ) {
    this.units = [parts.first, parts.second];
    this.output = parts.second.output;
  }

  get parameters(): readonly Parameter[] {
    return [...this.units.flatMap(({ parameters }) => parameters), ...(this.parts.shortcut?.parameters ?? [])];
  }

  get states(): readonly State[] {
    return [...this.units.flatMap(({ states }) => states), ...(this.parts.shortcut?.states ?? [])];
  }

  recomputable(images: number): number {
    return Math.max(...this.units.map((unit) => unit.recomputable(images)));
  }

  spareElements(images: number): number {
    return Math.max(...this.units.map((unit) => unit.spareElements(images)));
  }

  bind(images: number, shared?: SharedMemory, weights?: WeightForm): void {
    const { first, shortcut } = this.parts;
    for (const unit of this.units) unit.bind(images, shared, weights);
    shortcut?.bind(images, shared);
    const { height, width, channels } = first.output;
    this.between = this.backend.allocate("float32", [images, height, width, channels]);
  }

  forward(x: Tensor): Tensor {
    const { first, second, shortcut } = this.parts;
    return second.forward(first.forward(x, undefined), shortcut?.forward(x) ?? x);
  }

  backward(gradient: Tensor): Tensor {
    const { between } = this;
    const { first, second, shortcut } = this.parts;
    if (between === undefined) throw new Error("backward before bind");
    const dSecond = second.backwardToProduct(gradient);
    this.backend.fill(between, 0);
    second.backwardToInput(dSecond, between);
    const dFirst = first.backwardToProduct(between);
    // `gradient` is the shortcut's by now, and where the gradient of the units' input is added.
    const dx = shortcut?.backward(gradient) ?? gradient;
    first.backwardToInput(dFirst, dx);
    return dx;
  }

  summary(): readonly LayerSummary[] {
    return [...this.units.flatMap((unit) => unit.summary()), ...(this.parts.shortcut?.summary() ?? [])];
  }

  fold(folding: Folding, input: number): number {
    const { first, second, shortcut } = this.parts;
    const carried = shortcut?.fold(folding, input) ?? input;
    return second.fold(folding, first.fold(folding, input, undefined), carried);
  }

  countSigns(): readonly SignCount[] {
    return this.units.map((unit) => unit.countSigns());
  }
}
