/**
 * RB-Net's balanced activation, as we read the paper's abstract: it shifts, bends and shifts back, per channel, so that the next sign
 * sees a balanced input.
 *
 *   y = right[c] * (x - from[c]) + to[c]   where x > from[c]
 *   y = left[c]  * (x - from[c]) + to[c]   elsewhere
 *
 * x, y: [N, H, W, C] float32. Four learned vectors of length C, kept as one parameter [4, C]: from, left, right, to.
 * PReLU is from = to = 0, right = 1; RPReLU (ReActNet) is right = 1. The pass over memory is shared with the normalization (NormalizedOutput).
 */
import type { Backend } from "../backend/kernels.js";
import { type Parameter, parameter } from "./layer.js";

const INITIAL_LEFT = 0.25;

export class BalancedActivation {
  /** [4, C]: from, left, right, to. */
  readonly shape: Parameter;

  constructor(
    backend: Backend,
    name: string,
    readonly channels: number,
  ) {
    const values = new Float32Array(4 * channels).fill(INITIAL_LEFT, channels, 2 * channels).fill(1, 2 * channels, 3 * channels);
    this.shape = parameter(backend, `${name}.activation`, "other", [4, channels], values);
  }

  get realParameters(): number {
    return 4 * this.channels;
  }
}
