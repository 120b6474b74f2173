/**
 * The repeated unit of a binary network: binarize -> binary convolution -> batch normalization -> + shortcut -> balanced activation.
 *
 * Where the unit halves the map, the shortcut is a 2x2 average pool, a full-precision 1x1 convolution and a batch normalization
 * (Bi-Real Net, section 4.1); where it keeps the map, the shortcut is the input itself.
 */
import type { Backend, Estimator, Placement } from "../backend/kernels.js";
import type { MapShape, Windows } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import { AveragePool } from "./average-pool.js";
import { BinaryConvolution } from "./binary-convolution.js";
import { ConvolutionUnit } from "./convolution-unit.js";
import type { Initializer } from "./initializer.js";
import type { Balance, Folding, Layer, LayerSummary, Parameter, State } from "./layer.js";
import { NormalizedOutput } from "./normalized-output.js";

export interface ResidualUnitOptions {
  readonly name: string;
  readonly input: MapShape;
  /** Channels of the output. */
  readonly channels: number;
  /** Blocks: the reshaped point-wise convolution. Grid: an ordinary one. */
  readonly windows: Windows;
  /** 1 keeps the map, 2 halves it. */
  readonly stride: 1 | 2;
  readonly estimator: Estimator;
  readonly learnThreshold: boolean;
}

export class ResidualUnit implements Layer {
  readonly output: MapShape;
  private readonly convolution: BinaryConvolution;
  private readonly normalized: NormalizedOutput;
  private readonly shortcut: { readonly pool: AveragePool; readonly projection: ConvolutionUnit } | undefined;
  private readonly depthToSpace: boolean;
  private x: Tensor | undefined;
  private y: Tensor | undefined;
  private carried: Tensor | undefined;
  private spare: Tensor | undefined;

  constructor(
    private readonly backend: Backend,
    readonly options: ResidualUnitOptions,
    initializer: Initializer,
  ) {
    const { name, input, channels, windows, stride, estimator, learnThreshold } = options;
    this.depthToSpace = windows.kind === "blocks" && stride === 1;
    const filters = this.depthToSpace ? 4 * channels : channels;
    this.convolution = new BinaryConvolution(backend, { name, input, filters, windows, estimator, learnThreshold }, initializer);
    this.output = this.depthToSpace ? { ...input, channels } : this.convolution.windowMap;
    this.normalized = new NormalizedOutput(backend, { name, filters, output: this.output, activation: true });
    if (stride === 2 || input.channels !== channels) {
      const pool = new AveragePool(backend, `${name}.shortcut_pool`, input, stride);
      const projection = new ConvolutionUnit(
        backend,
        {
          name: `${name}.shortcut`,
          input: pool.output,
          channels,
          windows: { kind: "grid", kernel: 1, stride: 1, padding: 0 },
          depthToSpace: false,
          activation: false,
          first: false,
        },
        initializer,
      );
      this.shortcut = { pool, projection };
    }
  }

  get parameters(): readonly Parameter[] {
    return [...this.convolution.parameters, ...this.normalized.parameters, ...(this.shortcut?.projection.parameters ?? [])];
  }

  get states(): readonly State[] {
    return [...this.normalized.states, ...(this.shortcut?.projection.states ?? [])];
  }

  bind(images: number): void {
    this.convolution.bind(images);
    const { height, width, channels } = this.convolution.windowMap;
    const rows = images * height * width;
    this.normalized.bind(images, rows);
    const mapElements = images * this.output.height * this.output.width * this.output.channels;
    // Blocks that reach over the border have more results than the map has values.
    if (rows * channels > mapElements) this.spare = this.backend.allocate("float32", [rows, channels]);
    if (this.shortcut !== undefined) {
      this.shortcut.pool.bind(images);
      this.shortcut.projection.bind(images);
    }
  }

  forward(x: Tensor): Tensor {
    this.x = x;
    this.y = this.convolution.forward(x, this.normalized.normalization.sums);
    this.carried = this.shortcut === undefined ? x : this.shortcut.projection.forward(this.shortcut.pool.forward(x));
    return this.normalized.forward(this.y, this.placement, this.carried);
  }

  backward(gradient: Tensor): Tensor {
    const { x, y, carried, shortcut } = this;
    if (x === undefined || y === undefined) throw new Error("backward before forward");
    const dy = this.normalized.backward(gradient, y, this.placement, carried, this.spare);
    // `gradient` is the shortcut's by now. Kept as it is, it is where the convolution's input gradient is added.
    const dx = shortcut === undefined ? gradient : this.backwardShortcut(gradient);
    this.convolution.backward(dy, x, dx);
    return dx;
  }

  private backwardShortcut(gradient: Tensor): Tensor {
    const { shortcut } = this;
    if (shortcut === undefined) throw new Error("this unit's shortcut is its input");
    const dPooled = shortcut.projection.backward(gradient);
    if (dPooled === undefined) throw new Error("a shortcut passes its gradient on");
    return shortcut.pool.backward(dPooled);
  }

  private get placement(): Placement {
    return this.depthToSpace ? this.convolution.placement : undefined;
  }

  summary(): readonly LayerSummary[] {
    const { counts } = this.convolution;
    const { name, windows } = this.options;
    const pattern =
      windows.kind === "blocks"
        ? `reshaped point-wise, ${windows.shift ? "shifted" : `dilation ${windows.dilation}`}`
        : `${windows.kernel}x${windows.kernel}`;
    const own = {
      name,
      kind: `binary ${pattern}`,
      output: this.output,
      ...counts,
      realParameters: counts.realParameters + this.normalized.realParameters,
    };
    return [own, ...(this.shortcut?.projection.summary() ?? [])];
  }

  async fold(folding: Folding, input: number): Promise<number> {
    let shortcut = input;
    if (this.shortcut !== undefined)
      shortcut = await this.shortcut.projection.fold(folding, await this.shortcut.pool.fold(folding, input));
    const epilogue = await this.normalized.fold(folding.read, this.depthToSpace, shortcut);
    const { windows } = this.options;
    const threshold = await folding.read(this.convolution.threshold.value);
    const weights = await this.convolution.packedWeights();
    return folding.add({
      kind: "binaryConvolution",
      input,
      windows,
      filters: this.convolution.windowMap.channels,
      threshold,
      weights,
      epilogue,
    });
  }

  async balance(): Promise<Balance> {
    return { name: this.options.name, positiveShare: await this.convolution.positiveShare() };
  }
}
