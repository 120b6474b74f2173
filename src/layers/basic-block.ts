/**
 * The basic block of ResNet (He et al., 2016): two convolution units, and a shortcut around both that the second unit adds before
 * its activation.
 */
import type { Backend } from "../backend/device.js";
import type { MapShape } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import type { Folding, Layer, LayerSummary, SharedMemory, SignCount } from "./layer.js";
import type { Parameter, State } from "./parameters.js";

/** A unit that adds a map to its result before its activation; its backward turns the gradient that it is given into that map's. */
export interface BlockUnit extends Layer {
  forward(x: Tensor, carried?: Tensor): Tensor;
  fold(folding: Folding, input: number, carried?: number): number;
}

export interface BasicBlockParts {
  readonly first: BlockUnit;
  readonly second: BlockUnit;
  /** None where the block keeps the map: the shortcut is the input itself. */
  readonly shortcut: Layer | undefined;
}

export class BasicBlock implements Layer {
  readonly output: MapShape;
  private readonly parts: readonly Layer[];

  constructor(
    private readonly backend: Backend,
    private readonly units: BasicBlockParts,
  ) {
    const { first, second, shortcut } = units;
    this.output = second.output;
    this.parts = [first, second, ...(shortcut === undefined ? [] : [shortcut])];
  }

  get parameters(): readonly Parameter[] {
    return this.parts.flatMap(({ parameters }) => parameters);
  }

  get states(): readonly State[] {
    return this.parts.flatMap(({ states }) => states);
  }

  recomputable(images: number): number {
    return Math.max(...this.parts.map((part) => part.recomputable?.(images) ?? 0));
  }

  spareElements(images: number): number {
    return Math.max(...this.parts.map((part) => part.spareElements?.(images) ?? 0));
  }

  bind(images: number, shared?: SharedMemory): void {
    for (const part of this.parts) part.bind(images, shared);
  }

  forward(x: Tensor): Tensor {
    const { first, second, shortcut } = this.units;
    const carried = shortcut?.forward(x) ?? x;
    return second.forward(first.forward(x), carried);
  }

  backward(gradient: Tensor): Tensor {
    const { first, second, shortcut } = this.units;
    const between = second.backward(gradient);
    const inner = between === undefined ? undefined : first.backward(between);
    // `gradient` is the shortcut's by now.
    const dx = shortcut?.backward(gradient) ?? gradient;
    if (inner === undefined) throw new Error("the units of a block give a gradient of their input");
    this.backend.add(inner, dx);
    return dx;
  }

  summary(): readonly LayerSummary[] {
    return this.parts.flatMap((part) => part.summary());
  }

  fold(folding: Folding, input: number): number {
    const { first, second, shortcut } = this.units;
    const carried = shortcut?.fold(folding, input) ?? input;
    return second.fold(folding, first.fold(folding, input), carried);
  }

  countSigns(): readonly SignCount[] {
    return this.parts.flatMap((part) => part.countSigns?.() ?? []);
  }
}
