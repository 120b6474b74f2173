/**
 * TensorBoard's event files: records of a length, a message (event.proto and summary.proto of TensorFlow) and checksums of both. The wire
 * format of protocol buffers is the library's; there is no library for the rest but TensorFlow's own, of some 100 MB.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Fields of the messages, by number. */
const EVENT = { time: 1, step: 2, version: 3, summary: 5 } as const;
const SUMMARY = { value: 1 } as const;
const VALUE = { tag: 1, scalar: 2, image: 4 } as const;
const IMAGE = { height: 1, width: 2, colours: 3, encoded: 4 } as const;
const RGB = 3;

export interface EventPicture {
  readonly height: number;
  readonly width: number;
  /** PNG or JPEG. */
  readonly encoded: Uint8Array;
}

export interface LoggedEvent {
  /** Seconds since 1970. */
  readonly time: number;
  readonly step: number;
  readonly scalars?: Readonly<Record<string, number>>;
  readonly pictures?: Readonly<Record<string, EventPicture>>;
}

/** What a file has to begin with. */
export function firstRecord(time: number): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(EVENT.time, WireType.Bit64).double(time);
  writer.tag(EVENT.version, WireType.LengthDelimited).string("brain.Event:2");
  return record(writer.finish());
}

export function eventRecord({ time, step, scalars = {}, pictures = {} }: LoggedEvent): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(EVENT.time, WireType.Bit64).double(time);
  writer.tag(EVENT.step, WireType.Varint).int64(step);
  writer.tag(EVENT.summary, WireType.LengthDelimited).fork();
  for (const [tag, value] of Object.entries(scalars)) {
    writer.tag(SUMMARY.value, WireType.LengthDelimited).fork();
    writer.tag(VALUE.tag, WireType.LengthDelimited).string(tag);
    writer.tag(VALUE.scalar, WireType.Bit32).float(value).join();
  }
  for (const [tag, { height, width, encoded }] of Object.entries(pictures)) {
    writer.tag(SUMMARY.value, WireType.LengthDelimited).fork();
    writer.tag(VALUE.tag, WireType.LengthDelimited).string(tag);
    writer.tag(VALUE.image, WireType.LengthDelimited).fork();
    writer.tag(IMAGE.height, WireType.Varint).int32(height);
    writer.tag(IMAGE.width, WireType.Varint).int32(width);
    writer.tag(IMAGE.colours, WireType.Varint).int32(RGB);
    writer.tag(IMAGE.encoded, WireType.LengthDelimited).bytes(encoded).join().join();
  }
  return record(writer.join().finish());
}

/** Length and checksum, message and checksum; all little-endian. */
function record(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16 + message.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(message.length), true);
  view.setUint32(8, masked(bytes.subarray(0, 8)), true);
  bytes.set(message, 12);
  view.setUint32(12 + message.length, masked(message), true);
  return bytes;
}

/** Checksums of checksums are no good, hence TensorFlow turns and shifts each. */
function masked(bytes: Uint8Array): number {
  const sum = crc32c(bytes);
  return (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0;
}

/** Castagnoli's polynomial, bits reversed; Node's zlib has another one. */
const POLYNOMIAL = 0x82f63b78;
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ POLYNOMIAL : sum >>> 1;
  return sum;
});

export function crc32c(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = (TABLE[(sum ^ byte) & 255] as number) ^ (sum >>> 8);
  return ~sum >>> 0;
}
