/** The classifier, and the layers of a channel gate: y = x * weights + bias, full precision. x: [N, 1, 1, C]; y: [N, 1, 1, filters]. */
import type { Backend } from "../backend/device.js";
import type { DenseActivation } from "../runtime/operations.js";
import type { MapShape } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import { constant } from "./initializer.js";
import type { Folding, Layer, LayerSummary } from "./layer.js";
import type { Declarations, Parameter } from "./parameters.js";

export class Dense implements Layer {
  readonly states = [];
  readonly output: MapShape;
  private readonly weights: Parameter;
  private readonly bias: Parameter;
  private x: Tensor | undefined;
  private logits: Tensor | undefined;
  private dx: Tensor | undefined;
  private readonly transposed: Tensor;

  constructor(
    private readonly backend: Backend,
    readonly name: string,
    private readonly inputs: number,
    private readonly filters: number,
    declarations: Declarations,
  ) {
    this.output = { height: 1, width: 1, channels: filters };
    this.weights = declarations.parameter(
      `${name}.weights`,
      "weight",
      [inputs, filters],
      declarations.initializer.normal(inputs * filters, 1 / Math.sqrt(inputs)),
    );
    this.bias = declarations.parameter(`${name}.bias`, "other", [filters], constant(filters, 0));
    this.transposed = backend.allocate("float32", [filters, inputs]);
  }

  get parameters(): readonly Parameter[] {
    return [this.weights, this.bias];
  }

  bind(images: number): void {
    this.logits = this.backend.allocate("float32", [images, 1, 1, this.filters]);
    this.dx = this.backend.allocate("float32", [images, 1, 1, this.inputs]);
  }

  forward(x: Tensor): Tensor {
    if (this.logits === undefined) throw new Error("forward before bind");
    this.x = x;
    this.backend.product(x, this.weights.value, this.logits, { transposeA: false, accumulate: false });
    this.backend.addBias(this.logits, this.bias.value);
    return this.logits;
  }

  backward(gradient: Tensor): Tensor {
    const { backend, x, dx } = this;
    if (x === undefined || dx === undefined) throw new Error("backward before forward");
    backend.product(x, gradient, this.weights.gradient, { transposeA: true, accumulate: true });
    backend.sumColumns(gradient, this.bias.gradient);
    backend.transpose(this.weights.value, this.transposed);
    backend.product(gradient, this.transposed, dx, { transposeA: false, accumulate: false });
    return dx;
  }

  summary(): readonly LayerSummary[] {
    const { name, inputs, filters, output } = this;
    return [
      {
        name,
        kind: "dense",
        output,
        binaryParameters: 0,
        realParameters: (inputs + 1) * filters,
        binaryMacs: 0,
        realMacs: inputs * filters,
      },
    ];
  }

  /** activation: what whoever holds the layer runs after it. */
  fold(folding: Folding, input: number, activation?: DenseActivation): number {
    const [weights, bias] = [folding.valuesOf(this.weights), folding.valuesOf(this.bias)];
    const bend = activation === undefined ? {} : { activation };
    return folding.add({ kind: "dense", name: this.name, input, filters: this.filters, weights, bias, ...bend });
  }
}
