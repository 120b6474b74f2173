/** The container of models and checkpoints: what goes in comes out, and no file of a stranger does worse than a sentence. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "#rbnet/data/random";
import { UserError } from "#rbnet/errors";
import {
  decodeSafetensors,
  encodeSafetensors,
  type StoredArray,
  type StoredFile,
  type StoredTensor,
  type StoredType,
} from "#rbnet/runtime/safetensors";

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int16: Int16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  uint8: Uint8Array,
} as const satisfies Record<Exclude<StoredType, "float16">, unknown>;
const TYPES = Object.keys(ARRAYS) as (keyof typeof ARRAYS)[];

/** Any bits, those of NaN included. */
function filled(type: keyof typeof ARRAYS, shape: readonly number[], seed: number): StoredTensor {
  const random = new Random(seed);
  const data: StoredArray = new ARRAYS[type](shape.reduce((product, side) => product * side, 1));
  const bytes = new Uint8Array(data.buffer);
  for (let at = 0; at < bytes.length; at++) bytes[at] = random.integer(256);
  return { type, shape, data };
}

function bytesOf({ data }: StoredTensor): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

const sample: StoredFile = {
  metadata: { format: "test", text: 'quotes ", braces {}: colons : and ümlauts \\ "' },
  tensors: new Map(TYPES.map((type, i) => [`tensor ${i}: "${type}"`, filled(type, [i + 1, 3], i)])),
};

/** A file of this header, said as it is, and so many bytes of data. */
function fileOf(header: unknown, dataBytes = 0): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  return file;
}

function entry(begin: number, end: number, dtype = "U8", shape: unknown = [end - begin]): object {
  return { dtype, shape, data_offsets: [begin, end] };
}

/** The one sentence that a file is refused with. */
function refusal(file: Uint8Array): string {
  try {
    decodeSafetensors(file, "it.safetensors");
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    expect(error.message).toMatch(
      /^the file it\.safetensors is not a usable safetensors file: [^\n]{3,300}; choose a file written by rbnet$/,
    );
    return error.message;
  }
  throw new Error("the file was accepted");
}

describe("encodeSafetensors and decodeSafetensors", () => {
  it("keep names, shapes, metadata and bits of all types", () => {
    const shape = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 });
    const tensors = fc.dictionary(fc.string(), fc.tuple(fc.constantFrom(...TYPES), shape, fc.integer()), {
      noNullPrototype: true,
    });
    const metadata = fc.dictionary(fc.string(), fc.string({ unit: "grapheme" }), { noNullPrototype: true });
    fc.assert(
      fc.property(tensors, metadata, (described, strings) => {
        const made = Object.entries(described).map(([name, of]) => [`t${name}`, filled(...of)] as const);
        const texts = Object.fromEntries(Object.entries(strings).map(([key, text]) => [`m${key}`, text]));
        const found = decodeSafetensors(encodeSafetensors({ metadata: texts, tensors: new Map(made) }), "file");
        expect(found.metadata).toEqual(texts);
        expect([...found.tensors.keys()].sort()).toEqual(made.map(([name]) => name).sort());
        for (const [name, tensor] of made) {
          const { type, shape: itsShape } = found.tensors.get(name)!;
          expect({ type, shape: itsShape }).toEqual({ type: tensor.type, shape: tensor.shape });
          expect(bytesOf(found.tensors.get(name)!).equals(bytesOf(tensor))).toBe(true);
        }
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  it("start the data, and every tensor, on a multiple of its element", () => {
    for (let length = 0; length < 9; length++) {
      const file = encodeSafetensors({ ...sample, metadata: { pad: "x".repeat(length) } });
      const headerBytes = Number(new DataView(file.buffer).getBigUint64(0, true));
      expect((8 + headerBytes) % 8).toBe(0);
      const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + headerBytes))) as Record<
        string,
        { data_offsets: [number] }
      >;
      for (const [name, { type, data }] of sample.tensors)
        expect(header[name]!.data_offsets[0] % data.BYTES_PER_ELEMENT, type).toBe(0);
    }
  });

  it("read a file from any place in memory, and own what they return", () => {
    const file = encodeSafetensors(sample);
    for (const shift of [0, 1, 3, 4]) {
      const moved = Buffer.alloc(file.length + shift);
      moved.set(file, shift);
      const found = decodeSafetensors(moved.subarray(shift), "file");
      moved.fill(0);
      for (const [name, tensor] of sample.tensors) expect(bytesOf(found.tensors.get(name)!).equals(bytesOf(tensor))).toBe(true);
    }
  });

  it("read what others write: unsorted offsets, spaces, no metadata", () => {
    const file = fileOf(
      ' { "b" : {"data_offsets":[1,2],"shape":[],"dtype":"U8"},\n"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]} }  ',
      2,
    );
    file.set([7, 9], file.length - 2);
    const { tensors, metadata } = decodeSafetensors(file, "file");
    expect([tensors.get("a")?.data[0], tensors.get("b")?.data[0]]).toEqual([7, 9]);
    expect(tensors.get("b")?.shape).toEqual([]);
    expect(metadata).toEqual({});
  });
});

describe("a hostile file is refused:", () => {
  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["nothing", new Uint8Array(), /only 0 bytes/],
    ["too short for a length", new Uint8Array(7), /only 7 bytes/],
    ["a header longer than the file", fileOf("{}").subarray(0, 9), /header claims 2 bytes of 1/],
    ["a header of 2^64 - 1 bytes", new Uint8Array(64).fill(255), /header claims 18446744073709552000 bytes/],
    ["a header of 17 MB", fileOf(`{}${" ".repeat(17 << 20)}`), /header claims/],
    ["no header", new Uint8Array(16), /not JSON/],
    ["no JSON", fileOf("{'a': 1}"), /not JSON/],
    ["bytes that are no text", fileOf("xx").map((byte) => (byte === 0x78 ? 0xff : byte)), /not JSON/],
    ["an array", fileOf([]), /not a JSON object/],
    ["null", fileOf("null"), /not a JSON object/],
    ["a number", fileOf("1"), /not a JSON object/],
    ["metadata that are no strings", fileOf({ __metadata__: { a: 1 } }), /metadata are not strings/],
    ["metadata that are no object", fileOf({ __metadata__: null }), /metadata are not strings/],
    ["an entry that is no object", fileOf({ a: 1 }), /tensor "a" is malformed/],
    ["an unknown type", fileOf({ a: entry(0, 2, "BF16", [1]) }, 2), /"a" is malformed/],
    ["a type of the prototype", fileOf({ a: entry(0, 2, "constructor", [1]) }, 2), /"a" is malformed/],
    ["a negative side", fileOf({ a: entry(0, 1, "U8", [-1, -1]) }, 1), /"a" is malformed/],
    ["half a side", fileOf({ a: entry(0, 1, "U8", [0.5, 2]) }, 1), /"a" is malformed/],
    ["a side of text", fileOf({ a: entry(0, 1, "U8", ["1"]) }, 1), /"a" is malformed/],
    ["nine sides", fileOf({ a: entry(0, 1, "U8", new Array(9).fill(1)) }, 1), /"a" is malformed/],
    ["an unknown member", fileOf({ a: { ...entry(0, 1), more: 1 } }, 1), /"a" is malformed/],
    ["a negative offset", fileOf({ a: entry(-1, 0) }, 1), /"a" is malformed/],
    ["offsets in reverse", fileOf({ a: entry(1, 0, "U8", [1]) }, 1), /has not the size of its shape/],
    ["an offset beyond the file", fileOf({ a: entry(0, 2) }, 1), /ends at byte 2 of 1: the file is cut off/],
    ["a shape that is not its size", fileOf({ a: entry(0, 4, "F32", [2]) }, 4), /has not the size of its shape/],
    ["sides whose product overflows", fileOf({ a: entry(0, 0, "U8", new Array(8).fill(2 ** 53 - 1)) }), /has not the size/],
    ["tensors that overlap", fileOf({ a: entry(0, 2), b: entry(1, 3) }, 3), /"b" begins at byte 1, the one before ends at 2/],
    ["tensors that share all their bytes", fileOf({ a: entry(0, 2), b: entry(0, 2) }, 2), /begins at byte 0/],
    ["a hole between tensors", fileOf({ a: entry(0, 1), b: entry(2, 3) }, 3), /"b" begins at byte 2/],
    ["bytes that belong to no tensor", fileOf({ a: entry(0, 1) }, 2), /end at byte 1 of 2/],
    [
      "a tensor named twice",
      fileOf(`{"a":${JSON.stringify(entry(0, 1))},"a":${JSON.stringify(entry(0, 1))}}`, 1),
      /says something twice/,
    ],
    [
      "a name twice, once escaped",
      fileOf(`{"a":${JSON.stringify(entry(0, 1))},"\\u0061":${JSON.stringify(entry(0, 1))}}`, 1),
      /twice/,
    ],
    ["metadata said twice", fileOf('{"__metadata__":{"a":"1","a":"2"}}'), /twice/],
    ["two metadata", fileOf('{"__metadata__":{"a":"1"},"__metadata__":{}}'), /twice/],
    ["a member said twice", fileOf('{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}'), /twice/],
    ["a deep nest of arrays", fileOf(`{"a":${"[".repeat(1e6)}${"]".repeat(1e6)}}`), /malformed|not JSON/],
    ["a deep nest of objects", fileOf(`${'{"a":'.repeat(1e6)}1${"}".repeat(1e6)}`), /malformed|not JSON/],
    ["a name that is the prototype's", fileOf('{"__proto__":{"dtype":"U8"}}'), /"__proto__" is malformed/],
  ];

  it.each(cases)("%s", (_what, file, sentence) => {
    expect(refusal(file)).toMatch(sentence);
  });

  it("a hundred thousand tensors on the same bytes, before any is copied", () => {
    const names = Array.from({ length: 1e5 }, (_, i) => [`t${i}`, entry(0, 1000)]);
    const { arrayBuffers } = process.memoryUsage();
    refusal(fileOf(Object.fromEntries(names), 1000));
    expect(process.memoryUsage().arrayBuffers - arrayBuffers).toBeLessThan(40e6);
  });
});

describe("a damaged file", () => {
  it("cut off anywhere is refused", () => {
    const file = encodeSafetensors(sample);
    for (let length = 0; length < file.length; length++) refusal(file.subarray(0, length));
  });

  it("with any few bytes changed is read or refused in a sentence, never anything else", () => {
    const file = encodeSafetensors(sample);
    const headerBytes = Number(new DataView(file.buffer).getBigUint64(0, true));
    const random = new Random(11);
    let refused = 0;
    for (let attempt = 0; attempt < 4000; attempt++) {
      const mutant = file.slice();
      const changes = 1 + random.integer(4);
      // Changes of the data cannot be seen; those that matter are in the length and the header.
      for (let change = 0; change < changes; change++) mutant[random.integer(8 + headerBytes)] = anyByte(random);
      try {
        decodeSafetensors(mutant, "mutant");
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(2000);
    expect(refused).toBeLessThan(4000);
  });
});

/** Often one that means something in JSON. */
function anyByte(random: Random): number {
  const meaningful = '{}[]",:\\-.0123456789eFUI ';
  return random.uniform() < 0.7 ? meaningful.charCodeAt(random.integer(meaningful.length)) : random.integer(256);
}
