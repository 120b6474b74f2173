/**
 * Builds an ONNX graph operation by operation (the format: onnx.proto). The wire format of protocol buffers is the library's; which field
 * has which number is said here.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

const ELEMENT = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, int2: 26 };
/** The versions of ONNX that graphs are written in: what most runtimes have, and the first with integers of two bits. */
const PLAIN = { intermediate: 8, operators: 17 };
const TWO_BITS = { intermediate: 13, operators: 25 };
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;
/** Fields of onnx.proto's messages, by number. */
const MODEL = { irVersion: 1, producer: 2, producerVersion: 3, graph: 7, operatorSets: 8, metadata: 14 };
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 };
const NODE = { input: 1, output: 2, name: 3, operator: 4, attribute: 5 };
const ATTRIBUTE = { name: 1, int: 3, ints: 8, type: 20 };
const TENSOR = { dimension: 1, type: 2, name: 8, data: 9 };
/** ValueInfoProto holds a TypeProto, that a TypeProto.Tensor, that a TensorShapeProto, that dimensions. */
const VALUE = { name: 1, type: 2, tensor: 1, element: 1, shape: 2, dimension: 1, size: 1, parameter: 2 };
const ENTRY = { key: 1, value: 2 };
const OPERATOR_SET_ID = { domain: 1, version: 2 };
export class OnnxGraph {
  nodes = [];
  constants = [];
  names = new Set();
  version = PLAIN;
  /** `hint`, with a number behind it where that is taken. Names of inputs and outputs are to be asked for first. */
  unique(hint) {
    let name = hint;
    for (let i = 2; this.names.has(name); i++) name = `${hint}_${i}`;
    this.names.add(name);
    return name;
  }
  /** Returns its name. */
  constant(hint, data, shape) {
    return this.addConstant(hint, elementOf(data), data, shape);
  }
  /** Of integers from -2 to 1, four of them a byte, the first in its lowest bits. The whole graph is then in a later version of ONNX. */
  twoBitConstant(hint, values, shape) {
    this.version = TWO_BITS;
    const packed = new Uint8Array(Math.ceil(values.length / 4));
    for (const [i, value] of values.entries()) packed[i >> 2] |= (value & 3) << (2 * (i & 3));
    return this.addConstant(hint, "int2", packed, shape);
  }
  addConstant(hint, type, data, shape) {
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
  add(operator, name, inputs, attributes = {}) {
    const output = this.unique(name);
    this.addNode(operator, output, inputs, attributes);
    return output;
  }
  /** A value again under a name that `unique` has given out, as an output has it. */
  rename(value, name) {
    this.addNode("Identity", name, [value], {});
  }
  addNode(operator, output, inputs, attributes) {
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
  encode({ name, inputs, outputs, producer, metadata = {} }) {
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
function elementOf(data) {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof BigInt64Array) return "int64";
  if (data instanceof Int32Array) return "int32";
  return data instanceof Int8Array ? "int8" : "uint8";
}
function writeValue(writer, { name, type, shape }) {
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
function whole(writer, field, value) {
  writer.tag(field, WireType.Varint).int64(value);
}
function text(writer, field, value) {
  writer.tag(field, WireType.LengthDelimited).string(value);
}
function message(writer, field, fill) {
  writer.tag(field, WireType.LengthDelimited).fork();
  fill(writer);
  writer.join();
}
