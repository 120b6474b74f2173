/**
 * The repeated unit of a binary network: binarize -> binary convolution -> batch normalization -> + shortcut -> balanced activation.
 *
 * Where the unit keeps the map, the shortcut is the input itself; elsewhere it is a projection.
 */
import type { Backend, Estimator, Placement } from "../backend/kernels.js";
import type { ActivationKind } from "../runtime/activation.js";
import { elementsOf, type MapShape, type Windows } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import { BinaryConvolution } from "./binary-convolution.js";
import type { Initializer } from "./initializer.js";
import type { Balance, Folding, Layer, LayerSummary, Parameter, SharedMemory, State, WeightForm } from "./layer.js";
import { NormalizedOutput } from "./normalized-output.js";
import { ProjectionShortcut } from "./projection-shortcut.js";

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
  readonly activation: ActivationKind | "none";
}

/**
 * A unit starts close to its shortcut: what it adds has a quarter of the deviation of a normalized map. At 1, the signs of later units are those of a sum of
 * noise. Measured on CIFAR-10 (docs/results.md): three epochs reach 68 % with it, 61 % with 1.
 */
const INITIAL_GAMMA = 0.25;

export class ResidualUnit implements Layer {
  readonly output: MapShape;
  private readonly convolution: BinaryConvolution;
  private readonly normalized: NormalizedOutput;
  private readonly shortcut: ProjectionShortcut | undefined;
  private readonly depthToSpace: boolean;
  private x: Tensor | undefined;
  private carried: Tensor | undefined;
  private spare: Tensor | undefined;

  constructor(
    private readonly backend: Backend,
    readonly options: ResidualUnitOptions,
    initializer: Initializer,
  ) {
    const { name, input, channels, windows, stride, estimator, learnThreshold, activation } = options;
    this.depthToSpace = windows.kind === "blocks" && stride === 1;
    const filters = this.depthToSpace ? 4 * channels : channels;
    this.convolution = new BinaryConvolution(backend, { name, input, filters, windows, estimator, learnThreshold }, initializer);
    this.output = this.depthToSpace ? { ...input, channels } : this.convolution.windowMap;
    this.normalized = new NormalizedOutput(backend, {
      name,
      filters,
      output: this.output,
      activation,
      initialGamma: INITIAL_GAMMA,
    });
    if (stride === 2 || input.channels !== channels) {
      this.shortcut = new ProjectionShortcut(backend, { name: `${name}.shortcut`, input, channels, stride }, initializer);
    }
  }

  get parameters(): readonly Parameter[] {
    return [...this.convolution.parameters, ...this.normalized.parameters, ...(this.shortcut?.parameters ?? [])];
  }

  get states(): readonly State[] {
    return [...this.normalized.states, ...(this.shortcut?.states ?? [])];
  }

  recomputable(images: number): number {
    return this.convolution.resultElements(images);
  }

  spareElements(images: number): number {
    // Blocks that reach over the border have more results than the map has values.
    const results = this.convolution.resultElements(images);
    return results > images * elementsOf(this.output) ? results : 0;
  }

  bind(images: number, { result, spare }: SharedMemory = {}, weights: WeightForm = "binary"): void {
    this.convolution.bind(images, result, weights);
    const { height, width, channels } = this.convolution.windowMap;
    const rows = images * height * width;
    this.normalized.bind(images, rows);
    if (this.spareElements(images) > 0) {
      const shape = [rows, channels];
      this.spare = spare === undefined ? this.backend.allocate("float32", shape) : this.backend.view(spare, shape);
    }
    this.shortcut?.bind(images);
  }

  forward(x: Tensor): Tensor {
    this.x = x;
    const y = this.convolution.forward(x, this.normalized.normalization.sums);
    this.carried = this.shortcut?.forward(x) ?? x;
    return this.normalized.forward(y, this.placement, this.carried);
  }

  backward(gradient: Tensor): Tensor {
    const { x, carried, shortcut } = this;
    if (x === undefined) throw new Error("backward before forward");
    const dy = this.normalized.backward(gradient, this.convolution.recall(), this.placement, carried, this.spare);
    // `gradient` is the shortcut's by now. Kept as it is, it is where the convolution's input gradient is added.
    const dx = shortcut?.backward(gradient) ?? gradient;
    this.convolution.backward(dy, x, dx);
    return dx;
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
    return [own, ...(this.shortcut?.summary() ?? [])];
  }

  async fold(folding: Folding, input: number): Promise<number> {
    const shortcut = (await this.shortcut?.fold(folding, input)) ?? input;
    const epilogue = await this.normalized.fold(folding.read, this.depthToSpace, shortcut);
    const { name, windows } = this.options;
    const { latent, windowMap, weightForm } = this.convolution;
    const threshold = await folding.read(this.convolution.threshold.value);
    const shared = { name, input, windows, filters: windowMap.channels, threshold, epilogue };
    if (weightForm === "real")
      return folding.add({ kind: "realConvolution", ...shared, weights: await folding.read(latent.value) });
    return folding.add({ kind: "binaryConvolution", ...shared, weights: await this.convolution.packedWeights() });
  }

  async balances(): Promise<readonly Balance[]> {
    return [{ name: this.options.name, positiveShare: await this.convolution.positiveShare() }];
  }
}
