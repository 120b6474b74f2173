/**
 * Runs a deployed network on a backend: the same kernels that trained it, with folded scales and packed weights. Memory is planned when the
 * network is loaded, and a call allocates nothing.
 */
import type { InferenceBackend } from "../backend/device.js";
import type { ConvolutionPlan, OutputTransform, Window } from "../backend/terms.js";
import { elementCount, type Tensor, type WindowGeometry, windowCount, windowSize, wordsFor } from "../tensor.js";
import { type Activation, fixedValues } from "./activation.js";
import { planMemory } from "./memory-plan.js";
import { valueShapes } from "./operation-shapes.js";
import type { Operation } from "./operations.js";
import { denseGeometry, elementsOf, geometryOf, layoutOf, type MapShape } from "./windows.js";

type RealOperation = Operation & { readonly kind: "realConvolution" };
type ConvolutionOperation = RealOperation | (Operation & { readonly kind: "binaryConvolution" });

/** One operation with its tensors in place. */
type Step = () => void;

/** What all convolutions use in turn, as large as the largest needs. */
interface WorkMemory {
  /** uint32: packed signs of an input. */
  readonly bits: Tensor<"uint32">;
  /** float32. */
  readonly results: Tensor;
}

/** What an operation works on besides its input. */
interface Place {
  readonly out: Tensor;
  readonly window: Window | undefined;
  /** Of a product with real weights. */
  readonly plan: ConvolutionPlan | undefined;
  readonly work: WorkMemory;
}

export class RuntimeNetwork {
  readonly input: Tensor;
  readonly output: Tensor;
  /** What the last operation reads: the vector before a classifier. It lasts until the next run. */
  readonly features: Tensor;
  private readonly values: readonly Tensor[];
  private readonly steps: readonly Step[];

  /** Allocates on `backend` for batches of `images`; release a mark taken before to free it. */
  constructor(
    private readonly backend: InferenceBackend,
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
    const geometries = operations.map((operation) => geometryFor(operation, images, shapes[operation.input] as MapShape));
    const windows = geometries.map((geometry) => geometry && backend.window(geometry));
    // One right after the other, so that what they share is as large as the largest needs.
    const plans = operations.map((operation, index) => this.plan(operation, windows[index]));
    const work = allocateWork(backend, operations, geometries);
    this.steps = operations.map((operation, index) =>
      this.prepare(operation, { out: values[index + 1] as Tensor, window: windows[index], plan: plans[index], work }),
    );
  }

  /** From `input` to `output`. */
  run(): void {
    for (const step of this.steps) step();
  }

  /**
   * Operation `index` alone, on what those before it have left. Returns its result, which lasts until a later operation takes its place.
   */
  runOperation(index: number): Tensor {
    this.steps[index]?.();
    return this.values[index + 1] as Tensor;
  }

  private plan(operation: Operation, window: Window | undefined): ConvolutionPlan | undefined {
    if (window === undefined || (operation.kind !== "realConvolution" && operation.kind !== "dense")) return undefined;
    const signs = operation.kind === "realConvolution" && operation.threshold !== undefined;
    return this.backend.planConvolution(window, operation.filters, { signs, inputGradient: false });
  }

  private prepare(operation: Operation, place: Place): Step {
    const { backend } = this;
    const { out, work } = place;
    const x = this.values[operation.input] as Tensor;
    switch (operation.kind) {
      case "averagePool":
        return () => backend.averagePool(x, operation.size, out);
      case "maxPool": {
        const window = place.window as Window;
        return () => backend.maxPool(x, window, out);
      }
      case "repeatChannels":
        return () => backend.repeatChannels(x, operation.times, out);
      case "dense":
        return this.prepareDense(operation, x, place.plan as ConvolutionPlan, out);
      case "realConvolution": {
        const plan = place.plan as ConvolutionPlan;
        const y = backend.view(work.results, [windowCount(plan.window.geometry), operation.filters]);
        const multiply = this.prepareProduct(operation, x, plan, y, work);
        const { factors, ...transform } = this.epilogue(operation, plan.window);
        return () => {
          multiply();
          if (factors !== undefined) backend.multiplyChannels(y, factors, y);
          backend.normalizeActivate(y, transform, out);
        };
      }
      case "binaryConvolution": {
        const window = place.window as Window;
        const { inputs, rows } = sidesOf(window);
        const { filters } = operation;
        const weights = backend.binaryWeights(inputs, filters, false);
        backend.writeWeights(weights, operation.weights);
        const threshold = this.upload(operation.threshold, [operation.threshold.length]);
        const columns = backend.view(work.bits, [rows, wordsFor(inputs)]);
        const { factors, ...transform } = this.epilogue(operation, window);
        if (factors === undefined)
          return () => {
            backend.binarizeColumns(x, threshold, window, columns);
            backend.binaryUnit(columns, weights, transform, out);
          };
        const y = backend.view(work.results, [rows, filters]);
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

  /** A real convolution's product: of the map itself, or of its signs. */
  private prepareProduct(
    { filters, weights: values, threshold: limits }: RealOperation,
    x: Tensor,
    plan: ConvolutionPlan,
    y: Tensor,
    { bits }: WorkMemory,
  ): Step {
    const { backend } = this;
    const { inputs, rows } = sidesOf(plan.window);
    const weights = this.upload(values, [inputs, filters]);
    if (limits === undefined) return () => backend.convolution(x, weights, plan, y);
    if (backend.latentProduct === undefined) throw new Error(`${backend.description} has no products of signs with real weights`);
    const threshold = this.upload(limits, [limits.length]);
    const columns = backend.view(bits, [rows, wordsFor(inputs)]);
    return () => {
      backend.binarizeColumns(x, threshold, plan.window, columns);
      backend.latentProduct?.(columns, weights, plan, y);
    };
  }

  private prepareDense(operation: Operation & { kind: "dense" }, x: Tensor, plan: ConvolutionPlan, out: Tensor): Step {
    const { backend, images } = this;
    const { filters, activation } = operation;
    const weights = this.upload(operation.weights, [operation.weights.length / filters, filters]);
    if (activation === "relu") {
      const y = backend.allocate("float32", [images, filters]);
      const norm = this.scaleAndBias(new Float32Array(filters).fill(1), operation.bias);
      const relu = { norm, layout: undefined, shortcut: undefined, activation: this.upload(fixedValues(filters), [4, filters]) };
      return () => {
        backend.convolution(x, weights, plan, y);
        backend.normalizeActivate(y, relu, out);
      };
    }
    const bias = this.upload(operation.bias, [filters]);
    return () => {
      backend.convolution(x, weights, plan, out);
      backend.addBias(out, bias);
      if (activation === "sigmoid") backend.sigmoid(out, out);
    };
  }

  /** An operation's epilogue as the kernels take it. */
  private epilogue(
    { windows, epilogue }: ConvolutionOperation,
    window: Window,
  ): OutputTransform & { readonly factors: Tensor | undefined } {
    const tensorOf = (value: number | undefined): Tensor | undefined => (value === undefined ? undefined : this.values[value]);
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

/** The windows that an operation has on the value it reads; none where it works by tiles or pixels. */
function geometryFor(operation: Operation, images: number, from: MapShape): WindowGeometry | undefined {
  if (operation.kind === "dense") return denseGeometry(images, elementsOf(from));
  return "windows" in operation ? geometryOf(operation.windows, images, from) : undefined;
}

/** M and K. */
function sidesOf({ geometry }: Window): { readonly rows: number; readonly inputs: number } {
  return { rows: windowCount(geometry), inputs: windowSize(geometry) };
}

function allocateWork(
  backend: InferenceBackend,
  operations: readonly Operation[],
  geometries: readonly (WindowGeometry | undefined)[],
): WorkMemory {
  let [words, results] = [0, 0];
  for (const [index, operation] of operations.entries()) {
    const geometry = geometries[index];
    if (geometry === undefined || (operation.kind !== "binaryConvolution" && operation.kind !== "realConvolution")) continue;
    const [rows, inputs] = [windowCount(geometry), windowSize(geometry)];
    if (elementCount([rows, inputs, operation.filters]) === 0) throw new Error(`operation ${index} has an empty result`);
    if (operation.threshold !== undefined) words = Math.max(words, rows * wordsFor(inputs));
    const keepsResult = operation.kind === "realConvolution" || operation.epilogue.factors !== undefined;
    if (keepsResult) results = Math.max(results, rows * operation.filters);
  }
  return { bits: backend.allocate("uint32", [words]), results: backend.allocate("float32", [results]) };
}
