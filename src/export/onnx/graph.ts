/**
 * Builds an ONNX graph operation by operation (the format: onnx.proto). The wire format of protocol buffers is the library's; which field
 * has which number is said here.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

const ELEMENT = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, int2: 26 } as const;
export type ElementName = keyof typeof ELEMENT;

/** The versions of ONNX that graphs are written in: what most runtimes have, and the first with integers of two bits. */
const PLAIN = { intermediate: 8, operators: 17 } as const;
const TWO_BITS = { intermediate: 13, operators: 25 } as const;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;

/** Fields of onnx.proto's messages, by number. */
const MODEL = { irVersion: 1, producer: 2, producerVersion: 3, graph: 7, operatorSets: 8, metadata: 14 } as const;
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 } as const;
const NODE = { input: 1, output: 2, name: 3, operator: 4, attribute: 5 } as const;
const ATTRIBUTE = { name: 1, int: 3, ints: 8, type: 20 } as const;
const TENSOR = { dimension: 1, type: 2, name: 8, data: 9 } as const;
/** ValueInfoProto holds a TypeProto, that a TypeProto.Tensor, that a TensorShapeProto, that dimensions. */
const VALUE = { name: 1, type: 2, tensor: 1, element: 1, shape: 2, dimension: 1, size: 1, parameter: 2 } as const;
const ENTRY = { key: 1, value: 2 } as const;
const OPERATOR_SET_ID = { domain: 1, version: 2 } as const;

export type Attributes = Readonly<Record<string, number | readonly number[]>>;
export type ConstantData = Float32Array | Uint8Array | Int8Array | Int32Array | BigInt64Array;

/** What a model reads or gives. A side that is a name is free, such as `batch`. */
export interface GraphValue {
  readonly name: string;
  readonly type: ElementName;
  readonly shape: readonly (number | string)[];
}

export interface ModelFrame {
  readonly name: string;
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  readonly producer: { readonly name: string; readonly version: string };
  readonly metadata?: Readonly<Record<string, string>>;
}

export class OnnxGraph {
  private readonly nodes: ((writer: BinaryWriter) => void)[] = [];
  private readonly constants: ((writer: BinaryWriter) => void)[] = [];
  private readonly names = new Set<string>();
  private version: typeof PLAIN | typeof TWO_BITS = PLAIN;

  /** `hint`, with a number behind it where that is taken. Names of inputs and outputs are to be asked for first. */
  unique(hint: string): string {
    let name = hint;
    for (let i = 2; this.names.has(name); i++) name = `${hint}_${i}`;
    this.names.add(name);
    return name;
  }

  /** Returns its name. */
  constant(hint: string, data: ConstantData, shape: readonly number[]): string {
    return this.addConstant(hint, elementOf(data), data, shape);
  }

  /** Of integers from -2 to 1, four of them a byte, the first in its lowest bits. The whole graph is then in a later version of ONNX. */
  twoBitConstant(hint: string, values: Int8Array, shape: readonly number[]): string {
    this.version = TWO_BITS;
    const packed = new Uint8Array(Math.ceil(values.length / 4));
    for (const [i, value] of values.entries()) packed[i >> 2] |= (value & 3) << (2 * (i & 3));
    return this.addConstant(hint, "int2", packed, shape);
  }

  private addConstant(hint: string, type: ElementName, data: ConstantData, shape: readonly number[]): string {
    const name = this.unique(hint);
    this.constants.push((writer) => {
      for (const side of shape) whole(writer, TENSOR.dimension, side);
      whole(writer, TENSOR.type, ELEMENT[type]);
      text(writer, TENSOR.name, name);
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      writer.tag(TENSOR.data, WireType.LengthDelimited).bytes(bytes);
    });
    return name;
  }

  /** An operation with one result, which has the name that is returned: `name`, or one like it. */
  add(operator: string, name: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const output = this.unique(name);
    this.addNode(operator, output, inputs, attributes);
    return output;
  }

  /** A value again under a name that `unique` has given out, as an output has it. */
  rename(value: string, name: string): void {
    this.addNode("Identity", name, [value], {});
  }

  private addNode(operator: string, output: string, inputs: readonly string[], attributes: Attributes): void {
    this.nodes.push((writer) => {
      for (const input of inputs) text(writer, NODE.input, input);
      text(writer, NODE.output, output);
      text(writer, NODE.name, output);
      text(writer, NODE.operator, operator);
      for (const [key, value] of Object.entries(attributes))
        message(writer, NODE.attribute, () => {
          text(writer, ATTRIBUTE.name, key);
          if (typeof value === "number") whole(writer, ATTRIBUTE.int, value);
          else for (const one of value) whole(writer, ATTRIBUTE.ints, one);
          whole(writer, ATTRIBUTE.type, typeof value === "number" ? ATTRIBUTE_INT : ATTRIBUTE_INTS);
        });
    });
  }

  /** The bytes of the model. */
  encode({ name, inputs, outputs, producer, metadata = {} }: ModelFrame): Uint8Array {
    const writer = new BinaryWriter();
    whole(writer, MODEL.irVersion, this.version.intermediate);
    text(writer, MODEL.producer, producer.name);
    text(writer, MODEL.producerVersion, producer.version);
    message(writer, MODEL.graph, () => {
      for (const node of this.nodes) message(writer, GRAPH.node, node);
      text(writer, GRAPH.name, name);
      for (const constant of this.constants) message(writer, GRAPH.initializer, constant);
      for (const input of inputs) message(writer, GRAPH.input, () => writeValue(writer, input));
      for (const output of outputs) message(writer, GRAPH.output, () => writeValue(writer, output));
    });
    message(writer, MODEL.operatorSets, () => {
      text(writer, OPERATOR_SET_ID.domain, "");
      whole(writer, OPERATOR_SET_ID.version, this.version.operators);
    });
    for (const [key, value] of Object.entries(metadata))
      message(writer, MODEL.metadata, () => {
        text(writer, ENTRY.key, key);
        text(writer, ENTRY.value, value);
      });
    return writer.finish();
  }
}

function elementOf(data: ConstantData): ElementName {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof BigInt64Array) return "int64";
  if (data instanceof Int32Array) return "int32";
  return data instanceof Int8Array ? "int8" : "uint8";
}

function writeValue(writer: BinaryWriter, { name, type, shape }: GraphValue): void {
  text(writer, VALUE.name, name);
  message(writer, VALUE.type, () =>
    message(writer, VALUE.tensor, () => {
      whole(writer, VALUE.element, ELEMENT[type]);
      message(writer, VALUE.shape, () => {
        for (const side of shape)
          message(writer, VALUE.dimension, () => {
            if (typeof side === "number") whole(writer, VALUE.size, side);
            else text(writer, VALUE.parameter, side);
          });
      });
    }),
  );
}

function whole(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Varint).int64(value);
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}

function message(writer: BinaryWriter, field: number, fill: (writer: BinaryWriter) => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  fill(writer);
  writer.join();
}
