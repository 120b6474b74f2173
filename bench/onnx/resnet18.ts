/**
 * The float ResNets that inference is measured against (18 layers at 224 pixels, 20 at 32), with random weights, as ONNX: batch
 * normalization folded into the convolutions, as a deployed network has it. Quantized: 8-bit weights and activations, written as
 * ONNX Runtime's own tools write them (QDQ), so that it runs its integer kernels.
 */
import { Random } from "#rbnet/data/random";
import { OnnxGraph } from "#rbnet/export/onnx/graph";

export const CLASSES = 1000;
export const SIDE = 224;
/** Of activations; any that keeps random ones in range. */
const ACTIVATION_SCALE = 0.05;
const WEIGHT_SCALE = 0.01;

export function resnet18({ quantized, batch = 1 }: { readonly quantized: boolean; readonly batch?: number }): Uint8Array {
  const builder = new Builder(quantized);
  let x = builder.entry("image");
  x = builder.pool(builder.convolution(x, { inputs: 3, filters: 64, kernel: 7, stride: 2, relu: true }));
  let inputs = 64;
  for (const [stage, filters] of [64, 128, 256, 512].entries()) {
    for (const block of [0, 1]) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const inner = builder.convolution(x, { inputs, filters, kernel: 3, stride, relu: true });
      const outer = builder.convolution(inner, { inputs: filters, filters, kernel: 3, stride: 1, relu: false });
      const shortcut = stride === 2 ? builder.convolution(x, { inputs, filters, kernel: 1, stride, relu: false }) : x;
      x = builder.sum(outer, shortcut);
      inputs = filters;
    }
  }
  return builder.finish(x, inputs, CLASSES, SIDE, batch);
}

/** CIFAR's. */
export function resnet20({ classes, side }: { readonly classes: number; readonly side: number }): Uint8Array {
  const builder = new Builder(false);
  let x = builder.convolution(builder.entry("image"), { inputs: 3, filters: 16, kernel: 3, stride: 1, relu: true });
  let inputs = 16;
  for (const [stage, filters] of [16, 32, 64].entries()) {
    for (const block of [0, 1, 2]) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const inner = builder.convolution(x, { inputs, filters, kernel: 3, stride, relu: true });
      const outer = builder.convolution(inner, { inputs: filters, filters, kernel: 3, stride: 1, relu: false });
      const shortcut = stride === 2 ? builder.convolution(x, { inputs, filters, kernel: 1, stride, relu: false }) : x;
      x = builder.sum(outer, shortcut);
      inputs = filters;
    }
  }
  return builder.finish(x, inputs, classes, side);
}

interface Convolution {
  readonly inputs: number;
  readonly filters: number;
  readonly kernel: number;
  readonly stride: number;
  readonly relu: boolean;
}

class Builder {
  private readonly graph = new OnnxGraph();
  private readonly random = new Random(18);
  private readonly scale: string;
  private readonly zero: string;

  constructor(private readonly quantized: boolean) {
    this.scale = this.graph.constant("constant", Float32Array.of(ACTIVATION_SCALE), []);
    this.zero = this.graph.constant("constant", Uint8Array.of(64), []);
  }

  entry(name: string): string {
    return this.rounded(name);
  }

  /** Where the network is quantized: through 8 bits and back, which the runtime takes as the place of an integer tensor. */
  private rounded(value: string): string {
    if (!this.quantized) return value;
    const whole = this.graph.add("QuantizeLinear", "QuantizeLinear", [value, this.scale, this.zero]);
    return this.graph.add("DequantizeLinear", "DequantizeLinear", [whole, this.scale, this.zero]);
  }

  private weights(shape: readonly number[], standardDeviation: number): string {
    const count = shape.reduce((product, side) => product * side, 1);
    const values = Float32Array.from({ length: count }, () => standardDeviation * this.random.normal());
    if (!this.quantized) return this.graph.constant("constant", values, shape);
    const whole = Int8Array.from(values, (value) => Math.max(-127, Math.min(127, Math.round(value / WEIGHT_SCALE))));
    const inputs = [
      this.graph.constant("constant", whole, shape),
      this.graph.constant("constant", Float32Array.of(WEIGHT_SCALE), []),
    ];
    return this.graph.add("DequantizeLinear", "DequantizeLinear", [
      ...inputs,
      this.graph.constant("constant", Int8Array.of(0), []),
    ]);
  }

  private bias(count: number): string {
    if (!this.quantized) return this.graph.constant("constant", new Float32Array(count), [count]);
    const inputs = [
      this.graph.constant("constant", new Int32Array(count), [count]),
      this.graph.constant("constant", Float32Array.of(ACTIVATION_SCALE * WEIGHT_SCALE), []),
    ];
    return this.graph.add("DequantizeLinear", "DequantizeLinear", [
      ...inputs,
      this.graph.constant("constant", Int32Array.of(0), []),
    ]);
  }

  convolution(x: string, { inputs, filters, kernel, stride, relu }: Convolution): string {
    const weights = this.weights([filters, inputs, kernel, kernel], Math.sqrt(2 / (inputs * kernel * kernel)));
    const padding = kernel >> 1;
    const y = this.graph.add("Conv", "Conv", [x, weights, this.bias(filters)], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
    });
    return this.rounded(relu ? this.graph.add("Relu", "Relu", [y]) : y);
  }

  pool(x: string): string {
    return this.rounded(this.graph.add("MaxPool", "MaxPool", [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }));
  }

  sum(a: string, b: string): string {
    return this.rounded(this.graph.add("Relu", "Relu", [this.graph.add("Add", "Add", [a, b])]));
  }

  finish(x: string, inputs: number, classes: number, side: number, batch = 1): Uint8Array {
    const pooled = this.graph.add("GlobalAveragePool", "GlobalAveragePool", [x]);
    const flat = this.graph.add("Flatten", "Flatten", [this.rounded(pooled)], { axis: 1 });
    const weights = this.weights([classes, inputs], Math.sqrt(1 / inputs));
    const scores = this.graph.add("Gemm", "Gemm", [flat, weights, this.bias(classes)], { transB: 1 });
    return this.graph.encode({
      name: "resnet",
      inputs: [{ name: "image", type: "float32", shape: [batch, 3, side, side] }],
      outputs: [{ name: scores, type: "float32", shape: [batch, classes] }],
      producer: { name: "rbnet benchmarks", version: "1" },
    });
  }
}
