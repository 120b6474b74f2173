/**
 * The shortcut of a unit that halves the map or changes its channels: an average pool, a full-precision 1x1 convolution and a batch
 * normalization (Bi-Real Net, section 4.1).
 *
 * Its two forward results together are as large as its input where channels double, and are not needed any more when the input's gradient
 * is written: they share one piece of memory.
 */
import type { Backend } from "../backend/device.js";
import { elementsOf, type MapShape, POINTWISE } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import { AveragePool } from "./average-pool.js";
import type { Folding, Layer, LayerSummary } from "./layer.js";
import { NormalizedOutput } from "./normalized-output.js";
import type { Declarations, Parameter, State } from "./parameters.js";
import { RealConvolution } from "./real-convolution.js";

export interface ProjectionShortcutOptions {
  readonly name: string;
  readonly input: MapShape;
  /** Channels of the output. */
  readonly channels: number;
  readonly stride: 1 | 2;
}

export class ProjectionShortcut implements Layer {
  readonly output: MapShape;
  private readonly pool: AveragePool;
  private readonly convolution: RealConvolution;
  private readonly normalized: NormalizedOutput;
  private pooled: Tensor | undefined;
  private y: Tensor | undefined;

  constructor(
    private readonly backend: Backend,
    private readonly options: ProjectionShortcutOptions,
    declarations: Declarations,
  ) {
    const { name, input, channels, stride } = options;
    this.pool = new AveragePool(backend, `${name}.pool`, input, stride);
    const convolution = { name, input: this.pool.output, filters: channels, windows: POINTWISE };
    this.convolution = new RealConvolution(backend, convolution, declarations);
    this.output = this.convolution.windowMap;
    const normalized = { name, filters: channels, output: this.output, activation: "none" } as const;
    this.normalized = new NormalizedOutput(backend, normalized, declarations);
  }

  get parameters(): readonly Parameter[] {
    return [this.convolution.weights, ...this.normalized.parameters];
  }

  get states(): readonly State[] {
    return this.normalized.states;
  }

  bind(images: number): void {
    const { backend, options, convolution, pool } = this;
    const { height, width, channels } = convolution.windowMap;
    const rows = images * height * width;
    const input = images * elementsOf(options.input);
    const memory = backend.allocate("float32", [Math.max(2 * rows * channels, input)]);
    convolution.bind(images, true, backend.view(memory, [rows, channels]));
    this.normalized.bind(images, rows, backend.view(memory, [images, height, width, channels], rows * channels));
    pool.bindInto(images, backend.view(memory, [images, options.input.height, options.input.width, options.input.channels]));
  }

  forward(x: Tensor): Tensor {
    this.pooled = this.pool.forward(x);
    this.y = this.convolution.forward(this.pooled, this.normalized.normalization.sums);
    return this.normalized.forward(this.y, undefined, undefined);
  }

  /** gradient: of the output, kept as it is. Returns the gradient of the input. */
  backward(gradient: Tensor): Tensor {
    const { pooled, y } = this;
    if (pooled === undefined || y === undefined) throw new Error("backward before forward");
    const dy = this.normalized.backward(gradient, y, undefined, undefined, undefined);
    this.convolution.backward(dy, pooled, pooled);
    return this.pool.backward(pooled);
  }

  summary(): readonly LayerSummary[] {
    const { counts, windowMap } = this.convolution;
    const realParameters = counts.realParameters + this.normalized.realParameters;
    return [{ name: this.options.name, kind: "real 1x1", output: windowMap, ...counts, realParameters }];
  }

  fold(folding: Folding, input: number): number {
    const pooled = this.pool.fold(folding, input);
    const epilogue = this.normalized.fold(folding, false, undefined);
    const weights = folding.valuesOf(this.convolution.weights);
    const { windows } = this.convolution.options;
    return folding.add({
      kind: "realConvolution",
      name: this.options.name,
      input: pooled,
      windows,
      filters: this.options.channels,
      weights,
      epilogue,
    });
  }
}
