/** The largest value under each window: 3x3 with a stride of 2 in the stem of the ResNets for large images. */
import type { Backend } from "../backend/device.js";
import type { Window } from "../backend/terms.js";
import { geometryOf, type MapShape, type Windows, windowMap } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import type { Folding, Layer, LayerSummary } from "./layer.js";

export class MaxPool implements Layer {
  readonly parameters = [];
  readonly states = [];
  readonly output: MapShape;
  private window: Window | undefined;
  private out: Tensor | undefined;
  private dx: Tensor | undefined;
  private x: Tensor | undefined;

  constructor(
    private readonly backend: Backend,
    readonly name: string,
    private readonly input: MapShape,
    private readonly windows: Windows,
  ) {
    this.output = windowMap(windows, input, input.channels);
  }

  bind(images: number): void {
    const { backend, input, output } = this;
    this.window = backend.window(geometryOf(this.windows, images, input));
    this.out = backend.allocate("float32", [images, output.height, output.width, output.channels]);
    this.dx = backend.allocate("float32", [images, input.height, input.width, input.channels]);
  }

  forward(x: Tensor): Tensor {
    const { window, out } = this;
    if (window === undefined || out === undefined) throw new Error("forward before bind");
    this.x = x;
    this.backend.maxPool(x, window, out);
    return out;
  }

  backward(gradient: Tensor): Tensor {
    const { x, window, dx } = this;
    if (x === undefined || window === undefined || dx === undefined) throw new Error("backward before forward");
    this.backend.maxPoolGradient(gradient, x, window, dx);
    return dx;
  }

  summary(): readonly LayerSummary[] {
    const { name, output } = this;
    return [{ name, kind: "max pool", output, binaryParameters: 0, realParameters: 0, binaryMacs: 0, realMacs: 0 }];
  }

  fold(folding: Folding, input: number): number {
    return folding.add({ kind: "maxPool", name: this.name, input, windows: this.windows });
  }
}
