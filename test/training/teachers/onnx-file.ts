/** Writes a classifier as an ONNX file (protocol buffers by hand, fields after onnx.proto): the mean of each colour, times weights. */

type Field = readonly [number, number | string | Uint8Array];

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}

function message(...fields: readonly Field[]): Uint8Array {
  const bytes: number[] = [];
  for (const [number, value] of fields) {
    if (typeof value === "number") bytes.push(...varint(number << 3), ...varint(value));
    else {
      const content = typeof value === "string" ? new TextEncoder().encode(value) : value;
      bytes.push(...varint((number << 3) | 2), ...varint(content.length), ...content);
    }
  }
  return Uint8Array.from(bytes);
}

const FLOAT = 1;
const INT64 = 7;

function value(name: string, shape: readonly (number | string)[]): Uint8Array {
  const dimensions = shape.map((size): Field => [1, message(typeof size === "number" ? [1, size] : [2, size])]);
  return message([1, name], [2, message([1, message([1, FLOAT], [2, message(...dimensions)])])]);
}

function initializer(name: string, shape: readonly number[], values: Float32Array | BigInt64Array): Uint8Array {
  const raw = new Uint8Array(values.buffer);
  return message(
    ...shape.map((size): Field => [1, size]),
    [2, values instanceof Float32Array ? FLOAT : INT64],
    [8, name],
    [9, raw],
  );
}

/** One whose values are a file. */
function external(name: string, shape: readonly number[], file: string): Uint8Array {
  return message(
    ...shape.map((size): Field => [1, size]),
    [2, FLOAT],
    [8, name],
    [13, message([1, "location"], [2, file])],
    [14, 1],
  );
}

function node(operation: string, inputs: readonly string[], output: string): Uint8Array {
  return message(...inputs.map((name): Field => [1, name]), [2, output], [4, operation]);
}

export interface OnnxClassifier {
  /** Of the input, such as ["n", 3, 16, 16]. */
  readonly input: readonly (number | string)[];
  readonly classes: number;
  /** [3, classes] */
  readonly weights: Float32Array;
  readonly softmax?: boolean;
  /** The weights lie in this file beside it: their values alone. */
  readonly weightsIn?: string;
}

/** scores = mean over pixels of each channel [images, 3] * weights, through a softmax where asked for. */
export function onnxClassifier({ input, classes, weights, softmax = false, weightsIn }: OnnxClassifier): Uint8Array {
  const scores = softmax ? "raw" : "scores";
  const nodes = [
    node("GlobalAveragePool", ["images"], "pooled"),
    node("Reshape", ["pooled", "shape"], "features"),
    node("MatMul", ["features", "weights"], scores),
    ...(softmax ? [node("Softmax", ["raw"], "scores")] : []),
  ];
  const graph = message(
    ...nodes.map((one): Field => [1, one]),
    [2, "classifier"],
    [5, weightsIn === undefined ? initializer("weights", [3, classes], weights) : external("weights", [3, classes], weightsIn)],
    [5, initializer("shape", [2], BigInt64Array.of(-1n, 3n))],
    [11, value("images", input)],
    [12, value("scores", [input[0] ?? "n", classes])],
  );
  return message([1, 8], [7, graph], [8, message([1, ""], [2, 13])]);
}
