/**
 * Tar archives by their headers alone: where the bytes of each file lie, so that an image in a shard can be read like one in a
 * folder. Reads ustar, the long names of GNU and the pax headers of POSIX; writes plain ustar. Nothing is unpacked, so no name in
 * an archive is ever a path here.
 */

/** A regular file in an archive. */
export interface TarEntry {
  readonly name: string;
  /** Position of its bytes in the archive. */
  readonly at: number;
  readonly bytes: number;
}

/** An archive that is cut off or damaged; the message is a phrase without the archive's name. */
export class TarError extends Error {
  override name = "TarError";
}

/** Reads `bytes` bytes at `at`; the reader asks for nothing beyond the archive's end. */
export type ReadAt = (at: number, bytes: number) => Promise<Uint8Array>;

const BLOCK_BYTES = 512;
/** Names and pax records are a few hundred bytes; more than this is no archive's header. */
const LONGEST_RECORD = 1 << 20;
const TEXT = new TextDecoder();

/** What headers before an entry say about it. */
interface Override {
  name?: string;
  bytes?: number;
}

/**
 * The regular files of an archive of `total` bytes, in order.
 *
 * @throws TarError where a header is no header, or the archive ends before its mark of the end
 */
export async function* tarEntries(read: ReadAt, total: number): AsyncGenerator<TarEntry> {
  let override: Override = {};
  for (let at = 0; ; ) {
    if (at + BLOCK_BYTES > total) throw new TarError(`it is cut off: it ends at byte ${total} without a mark of its end`);
    const header = await read(at, BLOCK_BYTES);
    if (header.every((byte) => byte === 0)) return;
    checkSum(header, at);
    const type = String.fromCharCode(header[156]);
    const stored = numberIn(header, 124, 12, at);
    const bytes = isExtension(type) ? stored : (override.bytes ?? stored);
    const name = override.name ?? nameIn(header);
    const data = at + BLOCK_BYTES;
    if (data + bytes > total)
      throw new TarError(`it is cut off: ${name} should reach byte ${data + bytes}, but it ends at byte ${total}`);
    if (isExtension(type)) {
      if (bytes > LONGEST_RECORD) throw new TarError(`it is damaged at byte ${at}: a name of ${bytes} bytes`);
      if (type === "L") override = { ...override, name: untilZero(await read(data, bytes)) };
      if (type === "x") override = { ...override, ...paxRecords(await read(data, bytes), at) };
    } else {
      // Type 7 is a file that was stored in one piece; nothing else has bytes of its own.
      if (type === "0" || type === "\0" || type === "7") yield { name, at: data, bytes };
      override = {};
    }
    at = data + Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
  }
}

/** L and K: GNU's long name and link; x and g: pax records of the next entry and of all. */
function isExtension(type: string): boolean {
  return type === "L" || type === "K" || type === "x" || type === "g";
}

/** The header's bytes add up to its own checksum field, with that field as blanks; so no random block passes. */
function checkSum(header: Uint8Array, at: number): void {
  let sum = 8 * 32;
  for (let index = 0; index < BLOCK_BYTES; index++) if (index < 148 || index >= 156) sum += header[index];
  if (numberIn(header, 148, 8, at) !== sum) throw new TarError(`it is damaged at byte ${at}: no header of a file is there`);
}

/** Octal digits, or base 256 (as GNU has for sizes of 8 GiB and more) where the first bit is set. */
function numberIn(header: Uint8Array, start: number, length: number, at: number): number {
  const field = header.subarray(start, start + length);
  const value =
    field[0] & 0x80
      ? field.subarray(1).reduce((sum, byte) => sum * 256 + byte, field[0] & 0x7f)
      : /^[0-7]+$/.test(untilZero(field).trim())
        ? Number.parseInt(untilZero(field).trim(), 8)
        : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new TarError(`it is damaged at byte ${at}: no header of a file is there`);
  return value;
}

/** ustar splits long names in two; GNU's variant of it ("ustar" and blanks) keeps other things in that place. */
function nameIn(header: Uint8Array): string {
  const name = untilZero(header.subarray(0, 100));
  const isUstar = TEXT.decode(header.subarray(257, 263)) === "ustar\0";
  const prefix = isUstar ? untilZero(header.subarray(345, 500)) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function untilZero(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return TEXT.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** Records "<length> <key>=<value>\n", the length in bytes and of the whole record. */
function paxRecords(bytes: Uint8Array, at: number): Override {
  const found: Override = {};
  for (let start = 0; start < bytes.length; ) {
    const blank = bytes.indexOf(32, start);
    const length = Number(TEXT.decode(bytes.subarray(start, blank)));
    const end = start + length;
    if (blank < 0 || !(length > blank - start) || end > bytes.length || bytes[end - 1] !== 10)
      throw new TarError(`it is damaged at byte ${at}: its pax header is malformed`);
    const record = TEXT.decode(bytes.subarray(blank + 1, end - 1));
    const [key, value] = [record.slice(0, record.indexOf("=")), record.slice(record.indexOf("=") + 1)];
    if (key === "path") found.name = value;
    if (key === "size") found.bytes = Number(value);
    start = end;
  }
  if (found.bytes !== undefined && !(Number.isSafeInteger(found.bytes) && found.bytes >= 0))
    throw new TarError(`it is damaged at byte ${at}: its pax header gives no size`);
  return found;
}

/** Two blocks of zeros. */
export const TAR_END: Uint8Array = new Uint8Array(2 * BLOCK_BYTES);

/**
 * A regular file as it stands in an archive, the same bytes for the same file: no owner and no time. `name`: at most 100 ASCII characters.
 */
export function tarFile(name: string, data: Uint8Array): Uint8Array {
  if (!/^[\x21-\x7e]{1,100}$/.test(name)) throw new Error(`${name} cannot be a name in a shard`);
  const file = Buffer.alloc(BLOCK_BYTES + Math.ceil(data.length / BLOCK_BYTES) * BLOCK_BYTES);
  const octal = (value: number, at: number, digits: number): void => {
    file.write(value.toString(8).padStart(digits, "0"), at, "latin1");
  };
  file.write(name, 0, "latin1");
  octal(0o644, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(data.length, 124, 11);
  octal(0, 136, 11);
  file.write("        0", 148, "latin1"); // blanks in place of the checksum; type 0
  file.write("ustar\u000000", 257, "latin1");
  const sum = file.subarray(0, BLOCK_BYTES).reduce((total, byte) => total + byte, 0);
  octal(sum, 148, 6);
  file[154] = 0;
  file.set(data, BLOCK_BYTES);
  return file;
}
