/**
 * RB-Net's balanced activation, as we read the paper's abstract: it shifts, bends and shifts back, per channel, so that the next sign
 * sees a balanced input.
 *
 *   y = right[c] * (x - from[c]) + to[c]   where x > from[c]
 *   y = left[c]  * (x - from[c]) + to[c]   elsewhere
 *
 * x, y: [N, H, W, C] float32. Four learned vectors of length C, kept as one parameter [4, C]: from, left, right, to.
 * Other kinds freeze some of them: RPReLU (ReActNet) learns all but right = 1, PReLU learns left alone, ReLU nothing. The pass
 * over memory is shared with the normalization (NormalizedOutput).
 */
import type { Backend } from "../backend/device.js";
import { type Activation, type ActivationKind, fixedValues, LEARNED_ROWS } from "../runtime/activation.js";
import type { Tensor } from "../tensor.js";
import type { Folding } from "./layer.js";
import { type Declarations, fixedParameter, type Parameter } from "./parameters.js";

const INITIAL_LEFT = 0.25;

export class BalancedActivation {
  /** [4, C]: from, left, right, to. */
  readonly shape: Parameter;
  /** Gradients of the rows that this kind does not learn, where it learns others. */
  private frozen: readonly Tensor[] | undefined;

  constructor(
    private readonly backend: Backend,
    name: string,
    readonly channels: number,
    readonly kind: ActivationKind,
    declarations: Declarations,
  ) {
    const values = fixedValues(channels);
    if (kind !== "relu") values.fill(INITIAL_LEFT, channels, 2 * channels);
    const shape = [4, channels];
    this.shape =
      kind === "relu"
        ? fixedParameter(backend, `${name}.activation`, shape, values)
        : declarations.parameter(`${name}.activation`, "other", shape, values);
  }

  get parameters(): readonly Parameter[] {
    return this.kind === "relu" ? [] : [this.shape];
  }

  /** Where the backward pass adds the gradient of the four; undefined where none is learned. */
  get gradient(): Tensor | undefined {
    return this.kind === "relu" ? undefined : this.shape.gradient;
  }

  /** After the backward pass: what is frozen has no gradient. */
  freeze(): void {
    const { backend, channels, kind, shape } = this;
    if (kind === "relu") return;
    this.frozen ??= [0, 1, 2, 3]
      .filter((row) => !LEARNED_ROWS[kind].includes(row))
      .map((row) => backend.view(shape.gradient, [channels], row * channels));
    for (const gradient of this.frozen) backend.fill(gradient, 0);
  }

  get realParameters(): number {
    return LEARNED_ROWS[this.kind].length * this.channels;
  }

  fold({ valuesOf }: Folding): Activation {
    const { kind, channels, shape } = this;
    return { kind, values: kind === "relu" ? fixedValues(channels) : valuesOf(shape) };
  }
}
