/**
 * What follows a product in every unit, in one pass over memory each way: batch normalization, depth to space, the shortcut,
 * balanced activation.
 *
 *   out = activation(normalization(y) laid on the map + shortcut)
 */
import type { Backend } from "../backend/device.js";
import type { OutputLayout, ProductResult } from "../backend/terms.js";
import type { ActivationKind } from "../runtime/activation.js";
import type { Epilogue } from "../runtime/operations.js";
import type { MapShape } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import { BalancedActivation } from "./balanced-activation.js";
import { BatchNormalization } from "./batch-normalization.js";
import type { Folding } from "./layer.js";
import type { Declarations, Parameter, State } from "./parameters.js";

export interface NormalizedOutputOptions {
  readonly name: string;
  readonly filters: number;
  readonly output: MapShape;
  readonly activation: ActivationKind | "none";
  /** Of the normalization, before training; default 1. */
  readonly initialGamma?: number;
}

export class NormalizedOutput {
  readonly normalization: BatchNormalization;
  readonly activation: BalancedActivation | undefined;
  private out: Tensor | undefined;
  private rows = 0;

  constructor(
    private readonly backend: Backend,
    readonly options: NormalizedOutputOptions,
    declarations: Declarations,
  ) {
    const { name, filters, output, activation, initialGamma = 1 } = options;
    this.normalization = new BatchNormalization(backend, `${name}.normalization`, filters, initialGamma, declarations);
    this.activation =
      activation === "none" ? undefined : new BalancedActivation(backend, name, output.channels, activation, declarations);
  }

  get parameters(): readonly Parameter[] {
    return [...this.normalization.parameters, ...(this.activation?.parameters ?? [])];
  }

  get states(): readonly State[] {
    return this.normalization.states;
  }

  get realParameters(): number {
    return this.normalization.realParameters + (this.activation?.realParameters ?? 0);
  }

  /** `rows` is M, the number of windows in a batch. `out`: memory for the result, where the caller plans it. */
  bind(images: number, rows: number, out?: Tensor): void {
    const { height, width, channels } = this.options.output;
    this.rows = rows;
    this.out = out ?? this.backend.allocate("float32", [images, height, width, channels]);
  }

  /** y: [M, N], whose sums are in normalization.sums. */
  forward(y: ProductResult, layout: OutputLayout, shortcut: Tensor | undefined): Tensor {
    this.normalization.forward(this.rows);
    return this.recompute(y, layout, shortcut);
  }

  /** The output again, by the statistics of the last forward. */
  recompute(y: ProductResult, layout: OutputLayout, shortcut: Tensor | undefined): Tensor {
    const { backend, normalization, activation, out } = this;
    if (out === undefined) throw new Error("forward before bind");
    backend.normalizeActivate(y, { norm: normalization.norm, layout, shortcut, activation: activation?.shape.value }, out);
    return out;
  }

  /**
   * Turns `gradient` (of the output) into the gradient of the sum before the activation, which is also the shortcut's, and
   * returns the gradient of y, float32 [M, N]. The output of the forward is not needed any more by now, and its memory holds the
   * result where it is large enough.
   */
  backward(
    gradient: Tensor,
    y: ProductResult,
    layout: OutputLayout,
    shortcut: Tensor | undefined,
    spare: Tensor | undefined,
  ): Tensor {
    const { backend, normalization, activation, out } = this;
    if (out === undefined) throw new Error("backward before bind");
    const transform = { norm: normalization.norm, layout, shortcut, activation: activation?.shape.value };
    backend.activateBackward(gradient, y, transform, normalization.reductions);
    normalization.backward(this.rows, activation?.gradient);
    activation?.freeze();
    const dy = spare ?? backend.view(out, [this.rows, this.options.filters]);
    backend.normalizationGradient(gradient, y, normalization.coefficients, layout, dy);
    return dy;
  }

  fold(folding: Folding, depthToSpace: boolean, shortcut: number | undefined): Epilogue {
    const affine = this.normalization.fold(folding);
    const activation = this.activation === undefined ? {} : { activation: this.activation.fold(folding) };
    return { ...affine, ...activation, ...(shortcut === undefined ? {} : { shortcut }), depthToSpace };
  }
}
