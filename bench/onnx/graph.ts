/** Builds an ONNX graph operation by operation (the format: onnx.proto of ONNX 1.12, operators of set 13). */
import { bytes, integer, joined, type Message, message, text } from "./protobuf.js";

const ELEMENT = { float32: 1, uint8: 2, int8: 3, int32: 6 } as const;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;

export type Attributes = Readonly<Record<string, number | readonly number[]>>;

export class OnnxGraph {
  private readonly nodes: Uint8Array[] = [];
  private readonly initializers: Uint8Array[] = [];
  private names = 0;

  /** A name that no other value of the graph has. */
  private fresh(hint: string): string {
    this.names++;
    return `${hint}${this.names}`;
  }

  /** A constant; returns its name. */
  constant(data: Float32Array | Uint8Array | Int8Array | Int32Array, shape: readonly number[]): string {
    const name = this.fresh("constant");
    const type =
      data instanceof Float32Array
        ? ELEMENT.float32
        : data instanceof Int32Array
          ? ELEMENT.int32
          : data instanceof Int8Array
            ? ELEMENT.int8
            : ELEMENT.uint8;
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.initializers.push(
      message(5, [...shape.map((side) => integer(1, side)), integer(2, type), text(8, name), bytes(9, raw)]),
    );
    return name;
  }

  /** An operation with one result; returns the result's name. */
  add(operator: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const output = this.fresh(operator);
    this.nodes.push(
      message(1, [
        ...inputs.map((input) => text(1, input)),
        text(2, output),
        text(3, output),
        text(4, operator),
        ...Object.entries(attributes).map(([name, value]) => message(5, attribute(name, value))),
      ]),
    );
    return output;
  }

  /** The bytes of the model that reads `input` and gives `output`. */
  model(
    input: { readonly name: string; readonly shape: readonly number[] },
    output: { readonly name: string; readonly shape: readonly number[] },
  ): Uint8Array {
    const graph = [
      ...this.nodes,
      text(2, "graph"),
      ...this.initializers,
      message(11, valueInfo(input.name, input.shape)),
      message(12, valueInfo(output.name, output.shape)),
    ];
    return joined([integer(1, 8), message(7, graph), message(8, [text(1, ""), integer(2, 13)])]);
  }
}

function attribute(name: string, value: number | readonly number[]): Message {
  if (typeof value === "number") return [text(1, name), integer(3, value), integer(20, ATTRIBUTE_INT)];
  return [text(1, name), ...value.map((one) => integer(8, one)), integer(20, ATTRIBUTE_INTS)];
}

function valueInfo(name: string, shape: readonly number[]): Message {
  const dimensions = shape.map((side) => message(1, [integer(1, side)]));
  return [text(1, name), message(2, [message(1, [integer(1, ELEMENT.float32), message(2, dimensions)])])];
}
