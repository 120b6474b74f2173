/**
 * What binary units and blocks are made of: binarize -> binary convolution -> (x channel gate) -> batch normalization -> + a
 * map -> activation.
 *
 * It has no shortcut of its own: the layer around it says which map is added, and where the gradient of the input goes.
 */
import type { Backend } from "../backend/device.js";
import type { Estimator, OutputLayout, ProductResult } from "../backend/terms.js";
import type { ActivationKind } from "../runtime/activation.js";
import { elementsOf, layoutOf, type MapShape, shapeName, spreadOf, tapCount, type Windows } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import { BinaryConvolution } from "./binary-convolution.js";
import { ChannelGate } from "./channel-gate.js";
import type { Folding, LayerSummary, SharedMemory, SignCount, WeightForm } from "./layer.js";
import { NormalizedOutput } from "./normalized-output.js";
import type { Declarations, Parameter, State } from "./parameters.js";

export interface BinaryUnitOptions {
  readonly name: string;
  readonly input: MapShape;
  /** Channels of the output. */
  readonly channels: number;
  /** Blocks or, halving the map, patches: the reshaped point-wise convolution. Grid: an ordinary one. */
  readonly windows: Windows;
  /** 1 keeps the map, 2 halves it. */
  readonly stride: 1 | 2;
  readonly estimator: Estimator;
  readonly learnThreshold: boolean;
  readonly activation: ActivationKind | "none";
  /** Whether the channels of the product are re-scaled by what the unit's input holds; default no. */
  readonly gated?: boolean;
}

export class BinaryUnit {
  readonly output: MapShape;
  private readonly convolution: BinaryConvolution;
  private readonly normalized: NormalizedOutput;
  private readonly gate: ChannelGate | undefined;
  private readonly depthToSpace: boolean;
  private layout: OutputLayout;
  private x: Tensor | undefined;
  private carried: Tensor | undefined;
  private spare: Tensor | undefined;

  /** initialGamma: of the normalization, before training. */
  constructor(
    private readonly backend: Backend,
    readonly options: BinaryUnitOptions,
    initialGamma: number,
    declarations: Declarations,
  ) {
    const { name, input, channels, windows, stride, estimator, learnThreshold, activation, gated = false } = options;
    // Blocks that halve the map are pixels of the new one; all others have four pixels to lie on.
    const spread = windows.kind === "blocks" && stride === 2 ? undefined : spreadOf(windows, input);
    this.depthToSpace = spread !== undefined;
    const filters = channels * (spread === undefined ? 1 : tapCount(spread.windows));
    this.convolution = new BinaryConvolution(backend, { name, input, filters, windows, estimator, learnThreshold }, declarations);
    this.output = spread === undefined ? this.convolution.windowMap : { height: spread.height, width: spread.width, channels };
    this.normalized = new NormalizedOutput(
      backend,
      { name, filters, output: this.output, activation, initialGamma },
      declarations,
    );
    this.gate = gated ? new ChannelGate(backend, `${name}.gate`, input, filters, declarations) : undefined;
  }

  get parameters(): readonly Parameter[] {
    return [...this.convolution.parameters, ...this.normalized.parameters, ...(this.gate?.parameters ?? [])];
  }

  get states(): readonly State[] {
    return this.normalized.states;
  }

  recomputable(images: number): number {
    return this.convolution.resultElements(images);
  }

  spareElements(images: number): number {
    return this.overhangs || this.gate !== undefined ? this.convolution.resultElements(images) : 0;
  }

  /** Blocks that reach over the border have more results than the map has values. */
  private get overhangs(): boolean {
    return this.convolution.resultElements(1) > elementsOf(this.output);
  }

  bind(images: number, { result, spare, out }: SharedMemory = {}, weights: WeightForm = "binary"): void {
    this.convolution.bind(images, result, weights);
    this.layout = this.depthToSpace ? layoutOf(this.backend, this.options.windows, this.convolution.windows) : undefined;
    const { height, width, channels } = this.convolution.windowMap;
    const rows = images * height * width;
    const map = [images, this.output.height, this.output.width, this.output.channels];
    this.normalized.bind(images, rows, out === undefined ? undefined : this.backend.view(out, map));
    // The weighed product and the gradient of one with an overhang are needed at once.
    this.gate?.bind(images, rows, this.overhangs ? undefined : spare);
    if (this.overhangs) {
      const shape = [rows, channels];
      this.spare = spare === undefined ? this.backend.allocate("float32", shape) : this.backend.view(spare, shape);
    }
  }

  /** carried: a map of the output's shape that is added before the activation. */
  forward(x: Tensor, carried: Tensor | undefined): Tensor {
    this.x = x;
    this.carried = carried;
    return this.normalized.forward(this.product(x), this.layout, carried);
  }

  /** With its statistics in the normalization's sums. */
  private product(x: Tensor): ProductResult {
    const { gate } = this;
    const { sums } = this.normalized.normalization;
    if (gate === undefined) return this.convolution.forward(x, sums);
    const weighed = gate.forward(x, this.convolution.forward(x, undefined));
    this.backend.columnMoments(weighed, sums);
    return weighed;
  }

  /** The output of the last forward again, from the packed signs of the input and the carried map. */
  recompute(): void {
    const y = this.convolution.recall();
    this.normalized.recompute(this.gate?.weigh(y) ?? y, this.layout, this.carried);
  }

  /** Turns `gradient` (of the output) into that of the carried map, and returns that of the binary product. */
  backwardToProduct(gradient: Tensor): Tensor {
    const { gate, carried } = this;
    const y = this.convolution.recall();
    const dy = this.normalized.backward(gradient, gate?.weigh(y) ?? y, this.layout, carried, this.spare);
    gate?.backwardToProduct(dy, y);
    return dy;
  }

  /** dy: of the binary product, of the same step; dx gains the gradient of the input. */
  backwardToInput(dy: Tensor, dx: Tensor): void {
    if (this.x === undefined) throw new Error("backward before forward");
    this.convolution.backward(dy, this.x, dx);
    this.gate?.backwardToInput(dx);
  }

  summary(): readonly LayerSummary[] {
    const { counts } = this.convolution;
    const { name, windows } = this.options;
    const realParameters = counts.realParameters + this.normalized.realParameters;
    // A gate multiplies every result, besides what its own layers cost.
    const realMacs = this.gate === undefined ? 0 : this.convolution.resultElements(1);
    const own = { name, kind: `binary ${patternOf(windows)}`, output: this.output, ...counts, realParameters, realMacs };
    return [own, ...(this.gate?.summary() ?? [])];
  }

  fold(folding: Folding, input: number, carried: number | undefined): number {
    const factors = this.gate?.fold(folding, input);
    const normalized = this.normalized.fold(folding, this.depthToSpace, carried);
    const epilogue = { ...normalized, ...(factors === undefined ? {} : { factors }) };
    const { latent, windowMap, weightForm } = this.convolution;
    const threshold = this.convolution.foldThreshold(folding);
    const { name, windows } = this.options;
    const shared = { name, input, windows, filters: windowMap.channels, threshold, epilogue };
    if (weightForm === "real") return folding.add({ kind: "realConvolution", ...shared, weights: folding.valuesOf(latent) });
    return folding.add({ kind: "binaryConvolution", ...shared, weights: this.convolution.foldWeights(folding) });
  }

  countSigns(): SignCount {
    return { name: this.options.name, ...this.convolution.countSigns() };
  }
}

function patternOf(windows: Windows): string {
  if (windows.kind !== "blocks") return shapeName(windows);
  return `${shapeName(windows)}, ${windows.shift ? "shifted" : `dilation ${windows.dilation}`}`;
}
