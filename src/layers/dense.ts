/** The classifier, and the layers of a channel gate: y = x * weights + bias, full precision. x: [N, 1, 1, C]; y: [N, 1, 1, filters]. */
import type { Backend } from "../backend/device.js";
import type { ConvolutionPlan } from "../backend/terms.js";
import type { DenseActivation } from "../runtime/operations.js";
import { denseGeometry, type MapShape } from "../runtime/windows.js";
import type { Tensor } from "../tensor.js";
import { constant } from "./initializer.js";
import type { Folding, Layer, LayerSummary } from "./layer.js";
import type { Declarations, Parameter } from "./parameters.js";

/** What is allocated for a batch size. */
interface Bound {
  readonly plan: ConvolutionPlan;
  readonly logits: Tensor;
  readonly dx: Tensor;
}

export class Dense implements Layer {
  readonly states = [];
  readonly output: MapShape;
  private readonly weights: Parameter;
  private readonly bias: Parameter;
  private bound: Bound | undefined;
  private x: Tensor | undefined;

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
  }

  get parameters(): readonly Parameter[] {
    return [this.weights, this.bias];
  }

  bind(images: number): void {
    const { backend, inputs, filters } = this;
    const window = backend.window(denseGeometry(images, inputs));
    this.bound = {
      plan: backend.planConvolution(window, filters, { signs: false, inputGradient: true }),
      logits: backend.allocate("float32", [images, 1, 1, filters]),
      dx: backend.allocate("float32", [images, 1, 1, inputs]),
    };
  }

  forward(x: Tensor): Tensor {
    const { backend, weights, bias } = this;
    const { plan, logits } = this.ready;
    this.x = x;
    backend.convolution(x, weights.value, plan, logits);
    backend.addBias(logits, bias.value);
    return logits;
  }

  backward(gradient: Tensor): Tensor {
    const { backend, weights, bias, x } = this;
    const { plan, dx } = this.ready;
    if (x === undefined) throw new Error("backward before forward");
    backend.convolutionWeightGradient(gradient, x, plan, weights.gradient);
    backend.sumColumns(gradient, bias.gradient);
    backend.convolutionInputGradient(gradient, weights.value, plan, dx);
    return dx;
  }

  private get ready(): Bound {
    if (this.bound === undefined) throw new Error("a dense layer is used before bind");
    return this.bound;
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
