/**
 * The repeated unit of a binary network: binarize -> binary convolution -> batch normalization -> + shortcut -> balanced activation.
 *
 * Where the unit keeps the map, the shortcut is the input itself; elsewhere it is a projection, or what the network has in its place.
 */
import type { Backend } from "../backend/device.js";
import type { MapShape } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import { BinaryUnit, type BinaryUnitOptions } from "./binary-unit.js";
import type { Folding, Layer, LayerSummary, SharedMemory, SignCount, WeightForm } from "./layer.js";
import type { Declarations, Parameter, State } from "./parameters.js";
import { ProjectionShortcut } from "./projection-shortcut.js";

/**
 * A unit starts close to its shortcut: what it adds has a quarter of the deviation of a normalized map. At 1, the signs of later
 * units are those of a sum of noise. Measured on CIFAR-10 (docs/short-runs.md): three epochs reach 68 % with it, 61 % with 1.
 */
export const INITIAL_GAMMA = 0.25;

/**
 * The same where no shortcut normalizes: what all units of the network add is one sum, from the stem on. Measured on CIFAR-10
 * (docs/short-runs.md): at 18 units twenty epochs gain a point by it, at 6 it is level.
 */
export const INITIAL_GAMMA_OF_SUM = 0.08;

export class ResidualUnit implements Layer {
  readonly output: MapShape;
  private readonly unit: BinaryUnit;
  private readonly shortcut: Layer | undefined;

  /**
   * shortcut: from the input to a map of the output's shape, whose backward leaves the gradient that it is given as it is; by
   * default a projection where one is needed.
   */
  constructor(
    backend: Backend,
    options: BinaryUnitOptions,
    declarations: Declarations,
    shortcut?: Layer,
    initialGamma: number = INITIAL_GAMMA,
  ) {
    const { name, input, channels, stride } = options;
    this.unit = new BinaryUnit(backend, options, initialGamma, declarations);
    this.output = this.unit.output;
    this.shortcut = shortcut;
    if (shortcut === undefined && (stride === 2 || input.channels !== channels)) {
      this.shortcut = new ProjectionShortcut(backend, { name: `${name}.shortcut`, input, channels, stride }, declarations);
    }
  }

  get parameters(): readonly Parameter[] {
    return [...this.unit.parameters, ...(this.shortcut?.parameters ?? [])];
  }

  get states(): readonly State[] {
    return [...this.unit.states, ...(this.shortcut?.states ?? [])];
  }

  recomputable(images: number): number {
    return this.unit.recomputable(images);
  }

  spareElements(images: number): number {
    return this.unit.spareElements(images);
  }

  bind(images: number, shared?: SharedMemory, weights?: WeightForm): void {
    this.unit.bind(images, shared, weights);
    this.shortcut?.bind(images);
  }

  forward(x: Tensor): Tensor {
    return this.unit.forward(x, this.shortcut?.forward(x) ?? x);
  }

  recompute(): void {
    this.unit.recompute();
  }

  backward(gradient: Tensor): Tensor {
    const dy = this.unit.backwardToProduct(gradient);
    // `gradient` is the shortcut's by now. Kept as it is, it is where the convolution's input gradient is added.
    const dx = this.shortcut?.backward(gradient) ?? gradient;
    this.unit.backwardToInput(dy, dx);
    return dx;
  }

  summary(): readonly LayerSummary[] {
    return [...this.unit.summary(), ...(this.shortcut?.summary() ?? [])];
  }

  fold(folding: Folding, input: number): number {
    const carried = this.shortcut?.fold(folding, input) ?? input;
    return this.unit.fold(folding, input, carried);
  }

  countSigns(): readonly SignCount[] {
    return [this.unit.countSigns()];
  }
}
