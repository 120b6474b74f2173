/** Mean over size x size tiles: before a shortcut's 1x1 convolution, and over the whole map before the classifier. */
import type { Backend } from "../backend/device.js";
import type { MapShape } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import type { Folding, Layer, LayerSummary } from "./layer.js";

export class AveragePool implements Layer {
  readonly parameters = [];
  readonly states = [];
  readonly output: MapShape;
  private out: Tensor | undefined;
  private dx: Tensor | undefined;

  constructor(
    private readonly backend: Backend,
    readonly name: string,
    private readonly input: MapShape,
    private readonly size: number,
  ) {
    this.output = { height: Math.floor(input.height / size), width: Math.floor(input.width / size), channels: input.channels };
  }

  bind(images: number): void {
    const { height, width, channels } = this.input;
    this.bindInto(images, this.backend.allocate("float32", [images, height, width, channels]));
  }

  /** `dx`: memory for the input's gradient, which somebody has to spare. */
  bindInto(images: number, dx: Tensor): void {
    const { height, width, channels } = this.output;
    this.out = this.backend.allocate("float32", [images, height, width, channels]);
    this.dx = dx;
  }

  forward(x: Tensor): Tensor {
    if (this.out === undefined) throw new Error("forward before bind");
    this.backend.averagePool(x, this.size, this.out);
    return this.out;
  }

  backward(gradient: Tensor): Tensor {
    if (this.dx === undefined) throw new Error("backward before bind");
    this.backend.averagePoolGradient(gradient, this.size, this.dx, false);
    return this.dx;
  }

  summary(): readonly LayerSummary[] {
    return [
      {
        name: this.name,
        kind: "average pool",
        output: this.output,
        binaryParameters: 0,
        realParameters: 0,
        binaryMacs: 0,
        realMacs: 0,
      },
    ];
  }

  fold(folding: Folding, input: number): number {
    return folding.add({ kind: "averagePool", name: this.name, input, size: this.size });
  }
}
