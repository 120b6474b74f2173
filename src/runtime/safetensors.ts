/**
 * Reads and writes safetensors, the container of model files and checkpoints: eight bytes of header length (little-endian), a JSON header
 * with type, shape and place of each tensor and a `__metadata__` of strings, then the data. A file is data from a stranger: every
 * length and offset is checked before use.
 */
import { UserError } from "../errors.js";
import { elementCount, type Shape } from "../tensor.js";
import { integer, list, Malformed, members, oneOf } from "./json-reader.js";

const TYPE_NAMES = {
  float16: "F16",
  float32: "F32",
  float64: "F64",
  int16: "I16",
  int32: "I32",
  uint32: "U32",
  uint8: "U8",
} as const;
const ARRAYS = {
  F16: Uint16Array,
  F32: Float32Array,
  F64: Float64Array,
  I16: Int16Array,
  I32: Int32Array,
  U32: Uint32Array,
  U8: Uint8Array,
} as const;
const MAXIMUM_HEADER_BYTES = 16 << 20;

/** What a file can hold; float16 as its bits. */
export type StoredType = keyof typeof TYPE_NAMES;
type Dtype = keyof typeof ARRAYS;
export type StoredArray = Float32Array | Float64Array | Int16Array | Int32Array | Uint32Array | Uint8Array;

export type StoredTensor = { readonly shape: Shape } & (
  | { readonly type: Exclude<StoredType, "float16">; readonly data: StoredArray }
  /** The bits of each number. */
  | { readonly type: "float16"; readonly data: Uint16Array }
);

export interface StoredFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** The bytes of a safetensors file. Data starts on a multiple of eight bytes, larger elements first, so that all of it is aligned. */
export function encodeSafetensors({ metadata, tensors }: StoredFile): Uint8Array {
  const entries = [...tensors].sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, { type, shape, data }] of entries) {
    if (data.length !== elementCount(shape)) throw new Error(`${name} has ${data.length} values for the shape [${shape}]`);
    header[name] = { dtype: TYPE_NAMES[type], shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + offset).fill(0x20, 8, 8 + headerBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(json, 8);
  let at = 8 + headerBytes;
  for (const [, { data }] of entries) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return file;
}

const MAXIMUM_OFFSET = Number.MAX_SAFE_INTEGER;
const readEntry = members({
  dtype: oneOf(...(Object.keys(ARRAYS) as Dtype[])),
  shape: list(integer(0, MAXIMUM_OFFSET), 0, 8),
  data_offsets: list(integer(0, MAXIMUM_OFFSET), 2, 2),
});

interface Entry {
  readonly dtype: Dtype;
  readonly shape: Shape;
  readonly begin: number;
  readonly end: number;
}

/**
 * @param name what to call the file in an error
 * @throws UserError where the bytes are no safetensors file, or not all of one
 */
export function decodeSafetensors(bytes: Uint8Array, name: string): StoredFile {
  const refuse = (found: string): UserError =>
    new UserError(`the file ${name} is not a usable safetensors file: ${found}; choose a file written by rbnet`);
  if (bytes.length < 8) throw refuse(`it has only ${bytes.length} bytes`);
  const headerBytes = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (headerBytes > MAXIMUM_HEADER_BYTES || headerBytes > bytes.length - 8)
    throw refuse(`its header claims ${headerBytes} bytes of ${bytes.length - 8}`);
  const json = bytes.subarray(8, 8 + headerBytes);
  let header: unknown;
  try {
    header = JSON.parse(textOf(json));
  } catch {
    throw refuse("its header is not JSON");
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) throw refuse("its header is not a JSON object");
  const { __metadata__ = {}, ...values } = header as Record<string, unknown>;
  const metadata = metadataOf(__metadata__);
  if (metadata === undefined) throw refuse("its metadata are not strings");
  // Not a subarray: of a Buffer that is a Buffer again, whose slice is no copy.
  const data = new Uint8Array(bytes.buffer, bytes.byteOffset + 8 + headerBytes, bytes.length - 8 - headerBytes);
  const entries = new Map<string, Entry>();
  for (const [key, value] of Object.entries(values)) {
    const entry = entryOf(value);
    if (entry === undefined) throw refuse(`the entry of tensor ${quote(key)} is malformed`);
    if (byteCount(entry) !== entry.end - entry.begin)
      throw refuse(`the place of tensor ${quote(key)} has not the size of its shape`);
    entries.set(key, entry);
  }
  const memberCount = Object.keys(header).length + Object.keys(metadata).length + 3 * entries.size;
  if (countMembers(json) !== memberCount) throw refuse("its header says something twice");
  checkPlaces(entries, data.length, refuse);
  // Copies are aligned, whatever the offset in the file.
  const tensors = [...entries].map(([key, { dtype, shape, begin, end }]): [string, StoredTensor] => [
    key,
    { type: typeOf(dtype), shape, data: new ARRAYS[dtype](data.slice(begin, end).buffer) } as StoredTensor,
  ]);
  return { metadata, tensors: new Map(tensors) };
}

/** UTF-8 to text; some engines (jsdom, small JavaScript engines) have no TextDecoder. @throws where it is no UTF-8 */
function textOf(bytes: Uint8Array): string {
  if (typeof TextDecoder === "function") return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  return decodeURIComponent(Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""));
}

/** Undefined where it is no object of strings. */
function metadataOf(value: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.values(value).every((one) => typeof one === "string") ? (value as Record<string, string>) : undefined;
}

/** Undefined where it is malformed. */
function entryOf(value: unknown): Entry | undefined {
  try {
    const { dtype, shape, data_offsets: place } = readEntry(value, "");
    const [begin = 0, end = 0] = place;
    return { dtype, shape, begin, end };
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

function quote(key: string): string {
  return JSON.stringify(key.slice(0, 100));
}

function typeOf(dtype: Dtype): StoredType {
  for (const [type, name] of Object.entries(TYPE_NAMES)) if (name === dtype) return type as StoredType;
  throw new Error(`${dtype} is not a stored type`);
}

function byteCount({ dtype, shape }: Entry): number {
  return elementCount(shape) * ARRAYS[dtype].BYTES_PER_ELEMENT;
}

/**
 * Tensors have to fill the data one after the other, as the format demands: thousands that share their bytes would take memory without end.
 */
function checkPlaces(entries: ReadonlyMap<string, Entry>, length: number, refuse: (found: string) => UserError): void {
  const places = [...entries].map(([key, entry]) => ({ key, begin: entry.begin, end: entry.end }));
  places.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let end = 0;
  for (const place of places) {
    if (place.end > length)
      throw refuse(`tensor ${quote(place.key)} ends at byte ${place.end} of ${length}: the file is cut off`);
    if (place.begin !== end)
      throw refuse(`tensor ${quote(place.key)} begins at byte ${place.begin}, the one before ends at ${end}`);
    end = place.end;
  }
  if (end !== length) throw refuse(`its tensors end at byte ${end} of ${length}`);
}

/** Members of all objects of valid JSON, those that JSON.parse drops because they are said again included. */
function countMembers(json: Uint8Array): number {
  const [quotation, backslash, colon] = [0x22, 0x5c, 0x3a];
  let members = 0;
  let inString = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === quotation) inString = !inString;
    else if (byte === backslash) at++;
    else if (byte === colon && !inString) members++;
  }
  return members;
}
