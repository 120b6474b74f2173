/**
 * Keeps decoded images on disk between runs. A cache is never needed: one that is missing, damaged, of other files or of another
 * version reads as "nothing", and a folder that cannot be written is no error.
 *
 * File: "RBNETPX1", length of the header (u32, little endian), header as JSON, pixels, SHA-256 of all before it.
 */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, mkdirSync, openSync, readSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../../atomic-file.js";

const MAGIC = "RBNETPX1";
const HASH_BYTES = 32;
/** Hashing a piece while it is still in the processor's cache halves the time of reading. */
const PIECE_BYTES = 1 << 20;
const LONGEST_HEADER = 1 << 28;

/** What was learned when the files were first opened. */
export interface DecodedRecord {
  /** Index of each unusable file, with the reason. */
  readonly bad: readonly (readonly [number, string])[];
  /** [files, side, side, 3] on shared memory; empty where files are decoded later. */
  readonly pixels: Uint8Array;
}

const headerSchema = z.object({ key: z.string(), bad: z.array(z.tuple([z.number().int().nonnegative(), z.string()])) });

/**
 * A file in the folder of caches, which is the given one, $RBNET_CACHE or .cache/rbnet in the home folder; undefined where there is none of
 * these.
 */
export function cacheFile(given: string | undefined, name: string): string | undefined {
  const folder = given ?? (process.env.RBNET_CACHE || homeCache());
  return folder === undefined ? undefined : join(folder, name);
}

function homeCache(): string | undefined {
  try {
    const home = homedir();
    return home === "" ? undefined : join(home, ".cache", "rbnet");
  } catch {
    // In a container, a user may be a number that no list of users has, and $HOME unset.
    return undefined;
  }
}

/** Reads a cache of exactly `pixelBytes` bytes of pixels written under `key`, or returns undefined. */
export function readDecoded(path: string | undefined, key: string, pixelBytes: number): DecodedRecord | undefined {
  if (path === undefined) return undefined;
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    return readRecord(file, key, pixelBytes);
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}

function readRecord(file: number, key: string, pixelBytes: number): DecodedRecord | undefined {
  const hash = createHash("sha256");
  const start = Buffer.alloc(MAGIC.length + 4);
  readAll(file, start);
  const headerBytes = start.readUInt32LE(MAGIC.length);
  const expected = start.length + headerBytes + pixelBytes + HASH_BYTES;
  if (start.toString("latin1", 0, MAGIC.length) !== MAGIC || headerBytes > LONGEST_HEADER || fstatSync(file).size !== expected)
    return undefined;
  hash.update(start);
  const headerText = Buffer.alloc(headerBytes);
  readAll(file, headerText);
  hash.update(headerText);
  const described = headerSchema.parse(JSON.parse(headerText.toString("utf8")));
  if (described.key !== key) return undefined;
  const pixels = new Uint8Array(new SharedArrayBuffer(pixelBytes));
  for (let at = 0; at < pixelBytes; at += PIECE_BYTES) {
    const piece = pixels.subarray(at, Math.min(pixelBytes, at + PIECE_BYTES));
    readAll(file, piece);
    hash.update(piece);
  }
  const written = Buffer.alloc(HASH_BYTES);
  readAll(file, written);
  return hash.digest().equals(written) ? { bad: described.bad, pixels } : undefined;
}

/** Writes a cache; where that is not possible, the next run simply decodes again. */
export async function writeDecoded(path: string | undefined, key: string, record: DecodedRecord): Promise<void> {
  if (path === undefined) return;
  const headerText = Buffer.from(JSON.stringify({ key, bad: record.bad }), "utf8");
  const start = Buffer.alloc(MAGIC.length + 4);
  start.write(MAGIC, "latin1");
  start.writeUInt32LE(headerText.length, MAGIC.length);
  const file = Buffer.concat([start, headerText, record.pixels, Buffer.alloc(HASH_BYTES)]);
  const hashed = file.subarray(0, file.length - HASH_BYTES);
  createHash("sha256").update(hashed).digest().copy(file, hashed.length);
  try {
    mkdirSync(dirname(path), { recursive: true });
    await writeFileAtomic(path, file);
  } catch {
    // Full disk, read-only home: the images are in memory, which is all that this run needs.
  }
}

function readAll(file: number, into: Uint8Array): void {
  let done = 0;
  while (done < into.length) {
    const read = readSync(file, into, done, into.length - done, null);
    if (read === 0) throw new Error("the file ends early");
    done += read;
  }
}
