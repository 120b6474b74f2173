/**
 * Indices of shards, read beside each other and kept on disk, so that headers are read once. A line a shard, the SHA-256 of its
 * JSON and then the JSON; a line that is damaged, or of a file whose size or time of change is another by now, counts as absent.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../../atomic-file.js";
import { UserError } from "../../errors.js";
import { cacheFile } from "../formats/decoded-cache.js";
import { indexShard, type ShardSamples } from "./shard-index.js";
import type { ShardFile } from "./shard-layout.js";

/** A read waits for the disk or the network most of the time. */
const IN_FLIGHT = 8;
const HASH_DIGITS = 64;

const countSchema = z.int().min(0);
const recordSchema = z.object({
  path: z.string(),
  bytes: countSchema,
  modifiedMs: z.number(),
  names: z.array(z.string()),
  offsets: z.array(countSchema),
  lengths: z.array(countSchema),
  labels: z.array(countSchema),
  texts: z.array(z.string()),
  bad: z.array(z.tuple([z.string(), z.string()])),
});
type IndexRecord = z.output<typeof recordSchema>;

export interface IndexJob {
  readonly root: string;
  readonly shards: readonly ShardFile[];
  readonly cacheDir: string | undefined;
  readonly progress: ((done: number, total: number) => void) | undefined;
}

/**
 * The index of each shard, from the cache where it knows the file; progress counts shards that had to be read.
 *
 * @throws UserError that names the first shard, in their order, that is damaged or cannot be read
 */
export async function indexShards(job: IndexJob): Promise<readonly ShardSamples[]> {
  const { root, shards, progress } = job;
  const path = cacheFile(job.cacheDir, `${createHash("sha256").update(root).digest("hex").slice(0, 24)}.shards`);
  const kept = readKept(path);
  const found = shards.map((shard): IndexRecord | undefined => {
    const known = kept.get(shard.path);
    return known?.bytes === shard.bytes && known.modifiedMs === shard.modifiedMs ? known : undefined;
  });
  const missing = [...found.keys()].filter((index) => found[index] === undefined);
  if (missing.length === 0 && kept.size === shards.length) return found.filter((known) => known !== undefined);

  const errors: (UserError | undefined)[] = [];
  let next = 0;
  let done = 0;
  const indexSome = async (): Promise<void> => {
    while (next < missing.length) {
      const index = missing[next++];
      const { path: shard, bytes, modifiedMs } = shards[index];
      try {
        found[index] = { path: shard, bytes, modifiedMs, ...writable(await indexShard(shard)) };
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        errors[index] = error;
      }
      progress?.(++done, missing.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, missing.length) }, indexSome));
  const records = found.filter((known) => known !== undefined);
  await keep(path, records);
  const [error, ...others] = errors.filter((one) => one !== undefined);
  if (error !== undefined)
    throw others.length === 0 ? error : new UserError(`${error.message} (and so it is with ${others.length} other shards)`);
  return records;
}

function writable({
  names,
  offsets,
  lengths,
  labels,
  texts,
  bad,
}: ShardSamples): Omit<IndexRecord, "path" | "bytes" | "modifiedMs"> {
  return {
    names: [...names],
    offsets: [...offsets],
    lengths: [...lengths],
    labels: [...labels],
    texts: [...texts],
    bad: bad.map(([name, reason]) => [name, reason]),
  };
}

function readKept(path: string | undefined): ReadonlyMap<string, IndexRecord> {
  const kept = new Map<string, IndexRecord>();
  if (path === undefined) return kept;
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return kept;
  }
  for (let start = 0, end: number; start < bytes.length; start = end + 1) {
    end = bytes.indexOf(10, start);
    if (end < 0) end = bytes.length;
    const known = readRecord(bytes.subarray(start, end));
    if (known !== undefined) kept.set(known.path, known);
  }
  return kept;
}

function readRecord(line: Buffer): IndexRecord | undefined {
  const json = line.subarray(HASH_DIGITS);
  if (hashOf(json) !== line.toString("latin1", 0, HASH_DIGITS)) return undefined;
  try {
    const { data } = recordSchema.safeParse(JSON.parse(json.toString("utf8")));
    if (data === undefined) return undefined;
    const { names, offsets, lengths, labels, texts, bytes } = data;
    const agree =
      [offsets, lengths, labels].every((column) => column.length === names.length) &&
      labels.every((place) => place < texts.length);
    return agree && offsets.every((offset, sample) => offset + lengths[sample] <= bytes) ? data : undefined;
  } catch {
    return undefined;
  }
}

async function keep(path: string | undefined, records: readonly IndexRecord[]): Promise<void> {
  if (path === undefined) return;
  const lines = records.map((known) => {
    const json = Buffer.from(JSON.stringify(known), "utf8");
    return Buffer.concat([Buffer.from(hashOf(json), "latin1"), json, Buffer.from("\n")]);
  });
  try {
    mkdirSync(dirname(path), { recursive: true });
    await writeFileAtomic(path, Buffer.concat(lines));
  } catch {
    // Full disk, read-only home: the index is in memory, which is all that this run needs.
  }
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
