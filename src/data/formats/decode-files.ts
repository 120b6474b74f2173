/**
 * Opens every file of a folder once: decodes small collections into shared memory, checks the headers of large ones, and finds
 * the files that are no usable images.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { messageOf } from "../../errors.js";
import type { SkippedImage } from "../dataset.js";
import { BadImageError } from "../decoding/bad-image.js";
import { decodeSquare, imageShape } from "../decoding/image-file.js";
import { requireFewSkipped } from "../decoding/skipped-images.js";
import { cacheFile, type DecodedRecord, readDecoded, writeDecoded } from "./decoded-cache.js";
import type { ImageFile } from "./folder-layout.js";

/** sharp decodes on the threads of libuv, four by default; the rest keep the queue full. */
const IN_FLIGHT = 16;
/** Small files are faster read here than through libvips' own file source. */
const SMALL_FILE_BYTES = 1 << 18;
const PROGRESS_EVERY = 256;

export interface DecodeJob {
  readonly root: string;
  readonly files: readonly ImageFile[];
  /** Side of the decoded squares, or 0 to check headers only. */
  readonly side: number;
  readonly pixelLimit: number;
  readonly cacheDir: string | undefined;
  readonly progress: ((done: number, total: number) => void) | undefined;
}

/** Opens all files of a job, from the cache where it knows them; bad files are in `bad`, their pixels 0. */
export async function decodeFiles(job: DecodeJob): Promise<DecodedRecord> {
  const { files, side } = job;
  const bytesPerImage = side * side * 3;
  const key = keyOf(job);
  const path = cachePath(job);
  const kept = readDecoded(path, key, files.length * bytesPerImage);
  if (kept !== undefined) return kept;

  const pixels = new Uint8Array(new SharedArrayBuffer(files.length * bytesPerImage));
  const bad: (readonly [number, string])[] = [];
  let next = 0;
  let done = 0;
  const openSome = async (): Promise<void> => {
    while (next < files.length) {
      const index = next++;
      const file = files[index];
      try {
        if (side === 0) await imageShape(file.path, job);
        else
          pixels.set(
            await decodeSquare(file.bytes <= SMALL_FILE_BYTES ? await readFile(file.path) : file.path, side, job),
            index * bytesPerImage,
          );
      } catch (error) {
        bad.push([index, reasonOf(error)]);
      }
      done++;
      if (done % PROGRESS_EVERY === 0 || done === files.length) job.progress?.(done, files.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, files.length) }, openSome));
  bad.sort((a, b) => a[0] - b[0]);
  const record = { bad, pixels };
  await writeDecoded(path, key, record);
  return record;
}

/**
 * The bad files of a record by path.
 *
 * @throws UserError where they are more than `maxBadFraction` of all; it names the first few
 */
export function skippedImages(
  root: string,
  files: readonly ImageFile[],
  record: DecodedRecord,
  maxBadFraction: number,
): readonly SkippedImage[] {
  const skipped = record.bad.map(([index, reason]) => ({ path: files[index].path, reason }));
  requireFewSkipped(`in ${root}`, skipped, files.length, maxBadFraction);
  return skipped;
}

/** Decides whether a cache is of these very files and settings. */
function keyOf(job: DecodeJob): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify({ side: job.side, pixelLimit: job.pixelLimit }));
  for (const file of job.files) hash.update(`${file.path}\0${file.bytes}\0${file.modifiedMs}\n`);
  return hash.digest("hex");
}

/** One cache a folder and side, so that a folder that changes replaces its cache instead of piling up old ones. */
function cachePath(job: DecodeJob): string | undefined {
  const name = createHash("sha256")
    .update(`${resolve(job.root)}\0${job.side}`)
    .digest("hex")
    .slice(0, 24);
  return cacheFile(job.cacheDir, `${name}.pixels`);
}

function reasonOf(error: unknown): string {
  if (error instanceof BadImageError) return error.reason;
  return `it cannot be read (${messageOf(error)})`;
}
