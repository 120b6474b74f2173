/**
 * Bytes of samples from shards. A worker draws its images from a few thousand samples around where the epoch has come to; before
 * that it has the system read this stretch from front to back, in large pieces that are thrown away, and finds the images in the
 * system's cache. So a disk or a network drive sees long reads only, and no image is kept in this process.
 */
import { type FileHandle, open } from "node:fs/promises";
import { messageOf } from "../../errors.js";
import type { ShardSource } from "../dataset.js";
import { BadImageError } from "../decoding/bad-image.js";
import type { ByteRange, EncodedImages } from "../decoding/encoded-images.js";

/** Files that a reader keeps open: as many as a stretch of samples usually spans, and below what systems allow for all workers together. */
const OPEN_FILES = 48;
const PIECE_BYTES = 1 << 20;

interface OpenShard {
  readonly file: Promise<FileHandle>;
  /** Reads under way. */
  users: number;
}

export class ShardReader implements EncodedImages {
  private readonly source: ShardSource;
  /** From the least to the most recently used. */
  private readonly open = new Map<number, OpenShard>();
  private piece: Uint8Array | undefined;

  constructor(source: ShardSource) {
    this.source = source;
  }

  async read(index: number): Promise<Uint8Array> {
    const { shardOf, offsets, lengths } = this.source;
    const bytes = new Uint8Array(lengths[index]);
    const read = await this.use(shardOf[index], (file) => readFully(file, bytes, offsets[index])).catch((error: unknown) => {
      throw new BadImageError(this.nameOf(index), `its shard cannot be read (${messageOf(error)})`);
    });
    if (read < bytes.length) throw new BadImageError(this.nameOf(index), "its shard has become shorter");
    return bytes;
  }

  async readAhead(ranges: readonly ByteRange[]): Promise<void> {
    this.piece ??= new Uint8Array(PIECE_BYTES);
    const piece = this.piece;
    for (const { shard, from, end } of ranges) {
      for (let at = from; at < end; at += PIECE_BYTES) {
        const part = piece.subarray(0, Math.min(PIECE_BYTES, end - at));
        // A failure is not the reading ahead's to tell: whoever needs the image meets it again.
        const read = await this.use(shard, (file) => readFully(file, part, at)).catch(() => 0);
        if (read < part.length) break;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const shards = [...this.open.values()];
    this.open.clear();
    await Promise.all(shards.map(close));
  }

  private nameOf(index: number): string {
    return `at byte ${this.source.offsets[index]} of ${this.source.paths[this.source.shardOf[index]]}`;
  }

  private async use<Result>(shard: number, read: (file: FileHandle) => Promise<Result>): Promise<Result> {
    const used = this.open.get(shard) ?? { file: open(this.source.paths[shard]), users: 0 };
    this.open.delete(shard);
    this.open.set(shard, used);
    used.users++;
    try {
      return await read(await used.file);
    } catch (error) {
      // It may be there again next time.
      if (this.open.get(shard) === used) {
        this.open.delete(shard);
        void close(used);
      }
      throw error;
    } finally {
      used.users--;
      this.closeOldest();
    }
  }

  private closeOldest(): void {
    for (const [shard, oldest] of this.open) {
      if (this.open.size <= OPEN_FILES) return;
      if (oldest.users > 0) continue;
      this.open.delete(shard);
      void close(oldest);
    }
  }
}

async function close({ file }: OpenShard): Promise<void> {
  await file.then((opened) => opened.close()).catch(() => {});
}

/** Fills `into` from `at` on; returns how many bytes there were. */
async function readFully(file: FileHandle, into: Uint8Array, at: number): Promise<number> {
  let done = 0;
  while (done < into.length) {
    const { bytesRead } = await file.read(into, done, into.length - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}
