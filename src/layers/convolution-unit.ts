/**
 * A full-precision convolution with normalization, a shortcut where one is given, and activation: the stem of a network, the
 * units of a full-precision ResNet, and its shortcuts.
 */
import type { Backend } from "../backend/device.js";
import type { OutputLayout } from "../backend/terms.js";
import type { ActivationKind } from "../runtime/activation.js";
import { elementsOf, layoutOf, type MapShape, shapeName, spreadOf, tapCount, type Windows } from "../runtime/windows.js";
import { elementCount, type Tensor } from "../tensor.js";
import type { BlockUnit } from "./basic-block.js";
import type { Folding, LayerSummary } from "./layer.js";
import { NormalizedOutput } from "./normalized-output.js";
import type { Declarations, Parameter, State } from "./parameters.js";
import { RealConvolution } from "./real-convolution.js";

export interface ConvolutionUnitOptions {
  readonly name: string;
  readonly input: MapShape;
  /** Channels of the output. */
  readonly channels: number;
  readonly windows: Windows;
  /**
   * With windows of kind `blocks`: filters are laid back over the block, so that the map keeps its size; with `patches`, so that
   * it is halved.
   */
  readonly depthToSpace: boolean;
  readonly activation: ActivationKind | "none";
  /** Whether the input is the image, which needs no gradient. */
  readonly first: boolean;
}

export class ConvolutionUnit implements BlockUnit {
  readonly output: MapShape;
  private readonly convolution: RealConvolution;
  private readonly normalized: NormalizedOutput;
  private readonly backend: Backend;
  private layout: OutputLayout;
  private x: Tensor | undefined;
  private y: Tensor | undefined;
  private carried: Tensor | undefined;
  private dx: Tensor | undefined;
  private spare: Tensor | undefined;

  constructor(
    backend: Backend,
    readonly options: ConvolutionUnitOptions,
    declarations: Declarations,
  ) {
    const { name, input, channels, windows, depthToSpace, activation } = options;
    this.backend = backend;
    const spread = depthToSpace ? spreadOf(windows, input) : undefined;
    const filters = channels * (spread === undefined ? 1 : tapCount(spread.windows));
    this.convolution = new RealConvolution(backend, { name, input, filters, windows }, declarations);
    this.output = spread === undefined ? this.convolution.windowMap : { height: spread.height, width: spread.width, channels };
    this.normalized = new NormalizedOutput(backend, { name, filters, output: this.output, activation }, declarations);
  }

  get parameters(): readonly Parameter[] {
    return [this.convolution.weights, ...this.normalized.parameters];
  }

  get states(): readonly State[] {
    return this.normalized.states;
  }

  bind(images: number): void {
    const { input, windows, depthToSpace, first } = this.options;
    const { backend, convolution } = this;
    const { height, width, channels } = convolution.windowMap;
    const result = [images * height * width, channels];
    if (first) {
      convolution.bind(images, false);
    } else {
      // The result of the product is not needed any more when the gradient of the input is written.
      const memory = backend.allocate("float32", [Math.max(elementCount(result), images * elementsOf(input))]);
      convolution.bind(images, true, backend.view(memory, result));
      this.dx = backend.view(memory, [images, input.height, input.width, input.channels]);
    }
    this.layout = depthToSpace ? layoutOf(backend, windows, convolution.windows) : undefined;
    this.normalized.bind(images, images * height * width);
    // Blocks that reach over the border have more results than the map has values.
    if (elementCount(result) > images * this.output.height * this.output.width * this.output.channels)
      this.spare = this.backend.allocate("float32", result);
  }

  /** carried: a map of the output's shape that is added before the activation. */
  forward(x: Tensor, carried?: Tensor): Tensor {
    this.x = x;
    this.carried = carried;
    this.y = this.convolution.forward(x, this.normalized.normalization.sums);
    return this.normalized.forward(this.y, this.layout, carried);
  }

  backward(gradient: Tensor): Tensor | undefined {
    const { x, y, dx, carried } = this;
    if (x === undefined || y === undefined) throw new Error("backward before forward");
    const dy = this.normalized.backward(gradient, y, this.layout, carried, this.spare);
    this.convolution.backward(dy, x, dx);
    return dx;
  }

  summary(): readonly LayerSummary[] {
    const { counts } = this.convolution;
    const { name, windows } = this.options;
    const kind = `real ${shapeName(windows)}`;
    return [
      { name, kind, output: this.output, ...counts, realParameters: counts.realParameters + this.normalized.realParameters },
    ];
  }

  fold(folding: Folding, input: number, carried?: number): number {
    const { windows, depthToSpace } = this.options;
    const epilogue = this.normalized.fold(folding, depthToSpace, carried);
    const weights = folding.valuesOf(this.convolution.weights);
    return folding.add({
      kind: "realConvolution",
      name: this.options.name,
      input,
      windows,
      filters: this.convolution.windowMap.channels,
      weights,
      epilogue,
    });
  }
}
