/**
 * Reads and writes safetensors, the container of model files and checkpoints: eight bytes of header length (little-endian), a JSON header
 * with type, shape and place of each tensor and a `__metadata__` of strings, then the data. A file is data from a stranger: every length and
 * offset is checked before use.
 */
import { z } from "zod";
import { UserError } from "../errors.js";
import { BYTES, type ElementType, elementCount, type Shape } from "../tensor.js";

const TYPE_NAMES = {
  float32: "F32",
  float64: "F64",
  int16: "I16",
  int32: "I32",
  uint32: "U32",
  uint8: "U8",
} as const satisfies Record<ElementType, string>;
const ARRAYS = {
  F32: Float32Array,
  F64: Float64Array,
  I16: Int16Array,
  I32: Int32Array,
  U32: Uint32Array,
  U8: Uint8Array,
} as const;
const MAXIMUM_HEADER_BYTES = 16 << 20;

type StoredType = keyof typeof ARRAYS;
export type StoredArray = Float32Array | Float64Array | Int16Array | Int32Array | Uint32Array | Uint8Array;

export interface StoredTensor {
  readonly type: ElementType;
  readonly shape: Shape;
  readonly data: StoredArray;
}

export interface StoredFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** The bytes of a safetensors file. Data starts on a multiple of eight bytes, larger elements first, so that all of it is aligned. */
export function encodeSafetensors({ metadata, tensors }: StoredFile): Uint8Array {
  const entries = [...tensors].sort(([, a], [, b]) => BYTES[b.type] - BYTES[a.type]);
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

const entrySchema = z.object({
  dtype: z.enum(Object.keys(ARRAYS) as [StoredType, ...StoredType[]]),
  shape: z.array(z.int().min(0)).max(8),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});
const metadataSchema = z.record(z.string(), z.string());

/**
 * @param name what to call the file in an error
 * @throws UserError where the bytes are no safetensors file, or not all of one
 */
export function decodeSafetensors(bytes: Uint8Array, name: string): StoredFile {
  const refuse = (found: string): UserError =>
    new UserError(`${name} is not a usable safetensors file: ${found}; choose a file written by rbnet`);
  if (bytes.length < 8) throw refuse(`it has only ${bytes.length} bytes`);
  const headerBytes = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (headerBytes > MAXIMUM_HEADER_BYTES || headerBytes > bytes.length - 8)
    throw refuse(`its header claims ${headerBytes} bytes of ${bytes.length - 8}`);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + headerBytes)));
  } catch {
    throw refuse("its header is not JSON");
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) throw refuse("its header is not a JSON object");
  const { __metadata__, ...entries } = header as Record<string, unknown>;
  const metadata = metadataSchema.safeParse(__metadata__ ?? {});
  if (!metadata.success) throw refuse("its metadata are not strings");
  const data = bytes.subarray(8 + headerBytes);
  const tensors = new Map<string, StoredTensor>();
  for (const [key, value] of Object.entries(entries)) {
    const entry = entrySchema.safeParse(value);
    if (!entry.success) throw refuse(`the entry of tensor ${JSON.stringify(key.slice(0, 100))} is malformed`);
    const tensor = readTensor(data, entry.data);
    if (tensor === undefined)
      throw refuse(
        `tensor ${JSON.stringify(key.slice(0, 100))} does not lie within the file, or its size is not that of its shape`,
      );
    tensors.set(key, tensor);
  }
  return { metadata: metadata.data, tensors };
}

function readTensor(
  data: Uint8Array,
  { dtype, shape, data_offsets: [begin, end] }: z.output<typeof entrySchema>,
): StoredTensor | undefined {
  const type = (Object.keys(TYPE_NAMES) as ElementType[]).find((candidate) => TYPE_NAMES[candidate] === dtype);
  if (type === undefined || end > data.length || begin > end || elementCount(shape) * BYTES[type] !== end - begin)
    return undefined;
  // A copy is aligned, whatever the offset in the file.
  return { type, shape, data: new ARRAYS[dtype](data.slice(begin, end).buffer) };
}
