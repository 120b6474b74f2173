/**
 * Runs a deployed network on a backend: the same kernels that trained it, with folded scales and packed weights. Memory is planned when the
 * network is loaded, and a call allocates nothing.
 */
import type { Backend } from "../backend/device.js";
import type { OutputTransform, Window } from "../backend/kernels.js";
import { elementCount, type Tensor, windowCount, windowSize, wordsFor } from "../tensor.js";
import { type Activation, fixedValues } from "./activation.js";
import { planMemory } from "./memory-plan.js";
import { valueShapes } from "./operation-shapes.js";
import type { Operation } from "./operations.js";
import { elementsOf, geometryOf, isPointwise, layoutOf, type MapShape } from "./windows.js";

type RealOperation = Operation & { readonly kind: "realConvolution" };
type ConvolutionOperation = RealOperation | (Operation & { readonly kind: "binaryConvolution" });

/** One operation with its tensors in place. */
type Step = () => void;

export class RuntimeNetwork {
  readonly input: Tensor;
  readonly output: Tensor;
  /** What the last operation reads: the vector before a classifier. It lasts until the next run. */
  readonly features: Tensor;
  private readonly values: readonly Tensor[];
  private readonly steps: readonly Step[];

  /** Allocates on `backend` for batches of `images`; release a mark taken before to free it. */
  constructor(
    private readonly backend: Backend,
    readonly operations: readonly Operation[],
    readonly inputShape: MapShape,
    readonly images: number,
  ) {
    const shapes = valueShapes(operations, inputShape);
    const { buffers, sizes } = planMemory(
      operations,
      shapes.slice(1).map((shape) => images * elementsOf(shape)),
    );
    const memory = sizes.map((size) => backend.allocate("float32", [size]));
    const tensorOf = (shape: MapShape): readonly number[] => [images, shape.height, shape.width, shape.channels];
    this.input = backend.allocate("float32", tensorOf(inputShape));
    const values = [this.input];
    for (const [index, buffer] of buffers.entries())
      values.push(backend.view(memory[buffer] as Tensor, tensorOf(shapes[index + 1] as MapShape)));
    this.values = values;
    this.output = values.at(-1) as Tensor;
    this.features = values[operations.at(-1)?.input ?? 0] as Tensor;
    const work = new ProductMemory(backend);
    for (const [index, operation] of operations.entries()) {
      if (operation.kind !== "binaryConvolution" && operation.kind !== "realConvolution") continue;
      const geometry = geometryOf(operation.windows, images, shapes[operation.input] as MapShape);
      work.need(operation, windowCount(geometry), windowSize(geometry), index);
    }
    work.allocate();
    this.steps = operations.map((operation, index) => this.prepare(operation, values, shapes, values[index + 1] as Tensor, work));
  }

  /** From `input` to `output`. */
  run(): void {
    for (const step of this.steps) step();
  }

  /** Operation `index` alone, on what those before it have left. Returns its result, which lasts until a later operation takes its place. */
  runOperation(index: number): Tensor {
    this.steps[index]?.();
    return this.values[index + 1] as Tensor;
  }

  private prepare(
    operation: Operation,
    values: readonly Tensor[],
    shapes: readonly MapShape[],
    out: Tensor,
    work: ProductMemory,
  ): Step {
    const { backend } = this;
    const x = values[operation.input] as Tensor;
    switch (operation.kind) {
      case "averagePool":
        return () => backend.averagePool(x, operation.size, out);
      case "maxPool": {
        const window = backend.window(geometryOf(operation.windows, this.images, shapes[operation.input] as MapShape));
        return () => backend.maxPool(x, window, out);
      }
      case "repeatChannels":
        return () => backend.repeatChannels(x, operation.times, out);
      case "dense":
        return this.prepareDense(operation, x, out);
      case "realConvolution": {
        const { window, rows, inputs } = this.window(operation, shapes);
        const weights = this.upload(operation.weights, [inputs, operation.filters]);
        const { columns, fill } = this.columns(operation, x, window, [rows, inputs], work);
        const y = backend.view(work.real, [rows, operation.filters]);
        const { factors, ...transform } = this.epilogue(operation, window, values);
        return () => {
          fill();
          backend.product(columns, weights, y, { transposeA: false, accumulate: false });
          if (factors !== undefined) backend.multiplyChannels(y, factors, y);
          backend.normalizeActivate(y, transform, out);
        };
      }
      case "binaryConvolution": {
        const { window, rows, inputs } = this.window(operation, shapes);
        const weights = backend.binaryWeights(inputs, operation.filters, false);
        backend.writeWeights(weights, operation.weights);
        const threshold = this.upload(operation.threshold, [operation.threshold.length]);
        const columns = backend.view(work.bits, [rows, wordsFor(inputs)]);
        const { factors, ...transform } = this.epilogue(operation, window, values);
        if (factors === undefined)
          return () => {
            backend.binarizeColumns(x, threshold, window, columns);
            backend.binaryUnit(columns, weights, transform, out);
          };
        const y = backend.view(work.real, [rows, operation.filters]);
        const { filters } = operation;
        const identity = {
          norm: this.scaleAndBias(new Float32Array(filters).fill(1), new Float32Array(filters)),
          layout: undefined,
          shortcut: undefined,
          activation: undefined,
        };
        return () => {
          backend.binarizeColumns(x, threshold, window, columns);
          backend.binaryUnit(columns, weights, identity, y);
          backend.multiplyChannels(y, factors, y);
          backend.normalizeActivate(y, transform, out);
        };
      }
    }
  }

  /** What a real convolution multiplies by its weights, and how that comes of the map. */
  private columns(
    { windows, threshold: limits }: RealOperation,
    x: Tensor,
    window: Window,
    shape: readonly [number, number],
    work: ProductMemory,
  ): { readonly columns: Tensor; readonly fill: Step } {
    const { backend } = this;
    if (limits === undefined && isPointwise(windows)) return { columns: backend.view(x, shape), fill: () => undefined };
    const columns = backend.view(work.columns, shape);
    if (limits === undefined) return { columns, fill: () => backend.gatherColumns(x, window, columns) };
    const threshold = this.upload(limits, [limits.length]);
    const bits = backend.view(work.bits, [shape[0], wordsFor(shape[1])]);
    const fill = (): void => {
      backend.binarizeColumns(x, threshold, window, bits);
      backend.expandSigns(bits, columns);
    };
    return { columns, fill };
  }

  private prepareDense(operation: Operation & { kind: "dense" }, x: Tensor, out: Tensor): Step {
    const { backend, images } = this;
    const { filters, activation } = operation;
    const weights = this.upload(operation.weights, [operation.weights.length / filters, filters]);
    if (activation === "relu") {
      const y = backend.allocate("float32", [images, filters]);
      const norm = this.scaleAndBias(new Float32Array(filters).fill(1), operation.bias);
      const relu = { norm, layout: undefined, shortcut: undefined, activation: this.upload(fixedValues(filters), [4, filters]) };
      return () => {
        backend.product(x, weights, y, { transposeA: false, accumulate: false });
        backend.normalizeActivate(y, relu, out);
      };
    }
    const bias = this.upload(operation.bias, [filters]);
    return () => {
      backend.product(x, weights, out, { transposeA: false, accumulate: false });
      backend.addBias(out, bias);
      if (activation === "sigmoid") backend.sigmoid(out, out);
    };
  }

  private window(operation: ConvolutionOperation, shapes: readonly MapShape[]): { window: Window; rows: number; inputs: number } {
    const geometry = geometryOf(operation.windows, this.images, shapes[operation.input] as MapShape);
    return { window: this.backend.window(geometry), rows: windowCount(geometry), inputs: windowSize(geometry) };
  }

  /** An operation's epilogue as the kernels take it. */
  private epilogue(
    { windows, epilogue }: ConvolutionOperation,
    window: Window,
    values: readonly Tensor[],
  ): OutputTransform & { readonly factors: Tensor | undefined } {
    const tensorOf = (value: number | undefined): Tensor | undefined => (value === undefined ? undefined : values[value]);
    return {
      norm: this.scaleAndBias(epilogue.scale, epilogue.bias),
      layout: epilogue.depthToSpace ? layoutOf(this.backend, windows, window) : undefined,
      factors: tensorOf(epilogue.factors),
      shortcut: tensorOf(epilogue.shortcut),
      activation: epilogue.activation === undefined ? undefined : this.uploadActivation(epilogue.activation),
    };
  }

  private scaleAndBias(scale: Float32Array, bias: Float32Array): Tensor {
    const { backend } = this;
    const norm = backend.allocate("float32", [4, scale.length]);
    backend.write(backend.view(norm, [2, scale.length]), Float32Array.of(...scale, ...bias));
    return norm;
  }

  private uploadActivation({ values }: Activation): Tensor {
    return this.upload(values, [4, values.length / 4]);
  }

  private upload(values: Float32Array, shape: readonly number[]): Tensor {
    const tensor = this.backend.allocate("float32", shape);
    this.backend.write(tensor, values);
    return tensor;
  }
}

/** Memory that every convolution's columns and result use in turn: as large as the largest needs. */
class ProductMemory {
  private sizes = { columns: 0, real: 0, bits: 0 };
  private tensors: { columns: Tensor; real: Tensor; bits: Tensor<"uint32"> } | undefined;

  constructor(private readonly backend: Backend) {}

  need(operation: ConvolutionOperation, rows: number, inputs: number, index: number): void {
    if (elementCount([rows, inputs, operation.filters]) === 0) throw new Error(`operation ${index} has an empty result`);
    const { sizes } = this;
    const binary = operation.kind === "binaryConvolution";
    const signs = operation.threshold !== undefined;
    if (signs) sizes.bits = Math.max(sizes.bits, rows * wordsFor(inputs));
    if (!binary && (signs || !isPointwise(operation.windows))) sizes.columns = Math.max(sizes.columns, rows * inputs);
    if (!binary || operation.epilogue.factors !== undefined) sizes.real = Math.max(sizes.real, rows * operation.filters);
  }

  allocate(): void {
    const { backend, sizes } = this;
    this.tensors = {
      columns: backend.allocate("float32", [sizes.columns]),
      real: backend.allocate("float32", [sizes.real]),
      bits: backend.allocate("uint32", [sizes.bits]),
    };
  }

  get columns(): Tensor {
    return this.ready.columns;
  }

  get real(): Tensor {
    return this.ready.real;
  }

  get bits(): Tensor<"uint32"> {
    return this.ready.bits;
  }

  private get ready() {
    if (this.tensors === undefined) throw new Error("memory is read before it is allocated");
    return this.tensors;
  }
}
