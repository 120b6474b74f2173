/**
 * A deployed network as a plain ONNX graph: operators that any runtime has, a free number of images, weights of +1 and -1 in a byte each
 * or in two bits. Signs are taken as rbnet takes them, and what lies outside a map counts as -1 to them.
 */
import { UserError } from "../../errors.js";
import { packageVersion } from "../../package-version.js";
import { storedSide } from "../../pixels/square.js";
import type { Activation } from "../../runtime/activation.js";
import type { Model } from "../../runtime/model.js";
import { valueShapes } from "../../runtime/operation-shapes.js";
import type { Operation } from "../../runtime/operations.js";
import { type MapShape, tapCount } from "../../runtime/windows.js";
import { wordsFor } from "../../tensor.js";
import { addMaxPool, addProduct, kernelSides, layBack, orderWeights, reshape } from "./convolution-graph.js";
import { OnnxGraph } from "./graph.js";

export const ONNX_WEIGHTS = ["int8", "int2", "float32"] as const;

export interface OnnxOptions {
  /** How weights of +1 and -1 are stored; the others are float32. */
  readonly weights: (typeof ONNX_WEIGHTS)[number];
  /** The input is [batch, height, width, 3] bytes as image decoders give them, and the graph normalizes them. */
  readonly pixels: boolean;
}

type Convolution = Operation & { readonly kind: "binaryConvolution" | "realConvolution" };

/**
 * The bytes of the model. Input: `pixel_values`, float32 [batch, 3, size, size], normalized, or `pixels`, uint8 [batch, size, size, 3].
 * Output: `logits`, [batch, classes].
 *
 * @throws UserError where the model has a pool that ONNX has not
 */
export function onnxModel(model: Model, options: OnnxOptions): Uint8Array {
  return new ModelGraph(model, options).encode();
}

class ModelGraph {
  private readonly graph = new OnnxGraph();
  private readonly shapes: readonly MapShape[];
  /** Names of the values: maps have four dimensions, what dense layers give has two. */
  private readonly values: { readonly name: string; readonly isVector: boolean }[] = [];
  private signs: { readonly plus: string; readonly minus: string } | undefined;

  constructor(
    private readonly model: Model,
    private readonly options: OnnxOptions,
  ) {
    this.shapes = valueShapes(model.operations, { height: model.size, width: model.size, channels: 3 });
  }

  encode(): Uint8Array {
    const { graph, model, options } = this;
    const { size, classes, operations } = model;
    const output = graph.unique("logits");
    const input = graph.unique(options.pixels ? "pixels" : "pixel_values");
    this.values.push({ name: options.pixels ? this.normalize(input) : input, isVector: false });
    for (const [index, operation] of operations.entries()) this.values.push(this.add(operation, index));
    graph.rename(this.vector(operations.length), output);
    const images = options.pixels ? ["batch", size, size, 3] : ["batch", 3, size, size];
    return graph.encode({
      name: model.network.name,
      inputs: [{ name: input, type: options.pixels ? "uint8" : "float32", shape: images }],
      outputs: [{ name: output, type: "float32", shape: ["batch", classes.length] }],
      producer: { name: "rbnet", version: packageVersion() },
      metadata: metadataOf(model),
    });
  }

  /** From bytes, a pixel's channels side by side, to what the network reads. */
  private normalize(input: string): string {
    const { graph, model } = this;
    const real = graph.add("Cast", "pixels/real", [input], { to: 1 });
    const shares = graph.add("Div", "pixels/shares", [real, graph.constant("pixels/most", Float32Array.of(255), [])]);
    const mean = graph.constant("pixels/mean", Float32Array.from(model.mean), [3]);
    const deviation = graph.constant("pixels/deviation", Float32Array.from(model.standardDeviation), [3]);
    const normalized = graph.add("Div", "pixels/normalized", [graph.add("Sub", "pixels/centred", [shares, mean]), deviation]);
    return graph.add("Transpose", "pixels/planes", [normalized], { perm: [0, 3, 1, 2] });
  }

  private add(operation: Operation, index: number): { name: string; isVector: boolean } {
    const { graph } = this;
    const { name } = operation;
    switch (operation.kind) {
      case "averagePool": {
        const sides = [operation.size, operation.size];
        const pooled = graph.add("AveragePool", name, [this.map(operation.input)], { kernel_shape: sides, strides: sides });
        return { name: pooled, isVector: false };
      }
      case "maxPool": {
        const from = this.shapes[operation.input] as MapShape;
        const pooled = addMaxPool(graph, name, this.map(operation.input), from, operation.windows);
        if (pooled === undefined)
          throw new UserError(
            `the model cannot be written in ONNX: the windows of its max pool ${name} have taps apart or lie outside of the map, ` +
              "which ONNX's pool has not; export it in another format",
          );
        return { name: pooled, isVector: false };
      }
      case "repeatChannels": {
        const map = this.map(operation.input);
        const repeated = graph.add("Concat", name, new Array<string>(operation.times).fill(map), { axis: 1 });
        return { name: repeated, isVector: false };
      }
      case "dense": {
        const { weights, bias, filters, activation } = operation;
        const x = this.vector(operation.input);
        const inputs = [
          graph.constant(`${name}.weights`, weights, [weights.length / filters, filters]),
          graph.constant(`${name}.bias`, bias, [filters]),
        ];
        const y = graph.add("Gemm", name, [x, ...inputs]);
        if (activation === undefined) return { name: y, isVector: true };
        return { name: graph.add(activation === "relu" ? "Relu" : "Sigmoid", `${name}/bent`, [y]), isVector: true };
      }
      default:
        return { name: this.addConvolution(operation, this.shapes[index + 1] as MapShape), isVector: false };
    }
  }

  private addConvolution(operation: Convolution, to: MapShape): string {
    const { graph } = this;
    const { name, windows, filters, epilogue } = operation;
    const { factors, shortcut, activation, depthToSpace } = epilogue;
    const from = this.shapes[operation.input] as MapShape;
    const isBinary = operation.kind === "binaryConvolution";
    const input = isBinary ? this.addSigns(name, this.map(operation.input), operation.threshold) : this.map(operation.input);
    const product = { name, input, from, windows, filters, padding: isBinary ? -1 : 0 };
    const byFilter = [filters, 1, 1];
    let y = addProduct(graph, product, this.addWeights(operation, from.channels), depthToSpace);
    if (factors !== undefined) y = graph.add("Mul", `${name}/weighed`, [y, this.map(factors)]);
    y = graph.add("Mul", `${name}/scaled`, [y, graph.constant(`${name}.scale`, epilogue.scale, byFilter)]);
    y = graph.add("Add", `${name}/normalized`, [y, graph.constant(`${name}.bias`, epilogue.bias, byFilter)]);
    if (depthToSpace) y = layBack(graph, product, y, to.channels);
    if (shortcut !== undefined) y = graph.add("Add", `${name}/sum`, [y, this.map(shortcut)]);
    return activation === undefined ? y : this.addActivation(name, y, activation);
  }

  /** +1 where a value is at least its channel's threshold, -1 elsewhere: 0 at a threshold of 0 is +1, which ONNX's Sign is not. */
  private addSigns(name: string, x: string, threshold: Float32Array): string {
    const { graph } = this;
    this.signs ??= {
      plus: graph.constant("plus", Float32Array.of(1), []),
      minus: graph.constant("minus", Float32Array.of(-1), []),
    };
    const limits = graph.constant(`${name}.threshold`, threshold, [threshold.length, 1, 1]);
    const isAbove = graph.add("GreaterOrEqual", `${name}/above`, [x, limits]);
    return graph.add("Where", `${name}/signs`, [isAbove, this.signs.plus, this.signs.minus]);
  }

  private addWeights(operation: Convolution, channels: number): string {
    const { graph, options } = this;
    const { name, windows, filters } = operation;
    const inputs = tapCount(windows) * channels;
    const kernel = kernelSides(windows, channels);
    const shape = [filters, kernel.channels, kernel.side, kernel.side];
    const count = inputs * filters;
    if (operation.kind === "realConvolution") {
      if (operation.threshold !== undefined) throw new Error(`the weights of ${name} are not binary yet`);
      const { weights } = operation;
      const ordered = orderWeights(new Float32Array(count), windows, channels, (k, n) => weights[k * filters + n]);
      return graph.constant(`${name}.weights`, ordered, shape);
    }
    const { weights } = operation;
    const words = wordsFor(inputs);
    const signAt = (k: number, n: number): number => ((weights[n * words + (k >> 5)] >>> (k & 31)) & 1 ? 1 : -1);
    if (options.weights === "float32")
      return graph.constant(`${name}.weights`, orderWeights(new Float32Array(count), windows, channels, signAt), shape);
    const signs = orderWeights(new Int8Array(count), windows, channels, signAt);
    const small =
      options.weights === "int2"
        ? graph.twoBitConstant(`${name}.weights`, signs, shape)
        : graph.constant(`${name}.weights`, signs, shape);
    return graph.add("Cast", `${name}/weights`, [small], { to: 1 });
  }

  /** right * (x - from) + to where x > from, left * (x - from) + to elsewhere. */
  private addActivation(name: string, x: string, { kind, values }: Activation): string {
    const { graph } = this;
    if (kind === "relu") return graph.add("Relu", name, [x]);
    const channels = values.length / 4;
    const row = (part: string, index: number): string =>
      graph.constant(`${name}.${part}`, values.slice(index * channels, (index + 1) * channels), [channels, 1, 1]);
    if (kind === "prelu") return graph.add("PRelu", name, [x, row("left", 1)]);
    const moved = graph.add("Sub", `${name}/moved`, [x, row("from", 0)]);
    const bent = kind === "rprelu" ? graph.add("PRelu", `${name}/bent`, [moved, row("left", 1)]) : this.addBend(name, moved, row);
    return graph.add("Add", name, [bent, row("to", 3)]);
  }

  private addBend(name: string, x: string, row: (part: string, index: number) => string): string {
    const { graph } = this;
    const isRight = graph.add("Greater", `${name}/right`, [x, graph.constant(`${name}.zero`, Float32Array.of(0), [])]);
    const slope = graph.add("Where", `${name}/slope`, [isRight, row("right", 2), row("left", 1)]);
    return graph.add("Mul", `${name}/bent`, [slope, x]);
  }

  /** A value with four dimensions. */
  private map(value: number): string {
    const { name, isVector } = this.values[value] as { name: string; isVector: boolean };
    return isVector ? reshape(this.graph, `${name}/map`, name, [0, -1, 1, 1]) : name;
  }

  /** A value with two dimensions: pixel by pixel, should it have more than one. */
  private vector(value: number): string {
    const { name, isVector } = this.values[value] as { name: string; isVector: boolean };
    if (isVector) return name;
    const { height, width } = this.shapes[value] as MapShape;
    const pixels = height * width === 1 ? name : this.graph.add("Transpose", `${name}/pixels`, [name], { perm: [0, 2, 3, 1] });
    return this.graph.add("Flatten", `${name}/vector`, [pixels], { axis: 1 });
  }
}

/** What runtimes hand on without looking at it: classes, and how an image becomes the input. */
function metadataOf({ network, classes, size, mean, standardDeviation }: Model): Record<string, string> {
  const preprocessing = {
    resizeShorterSide: storedSide(size),
    centreCrop: size,
    channels: "RGB",
    rescale: 1 / 255,
    mean,
    standardDeviation,
  };
  return {
    network: JSON.stringify(network),
    classes: JSON.stringify(classes),
    preprocessing: JSON.stringify(preprocessing),
  };
}
