/**
 * The order of an epoch over shards: shards in random order, each from front to back, and images drawn at random from a buffer of
 * the next few thousand. That is the shuffle of every streaming loader, but done on indices before the epoch starts: the whole
 * order is known, depends on (seed, epoch) alone, and a resumed epoch simply starts further on.
 */
import type { ShardSource } from "../dataset.js";
import type { ByteRange } from "../decoding/encoded-images.js";
import type { Random } from "../random.js";

/** Images in the buffer: with mixed shards, enough that a batch is a fair sample of the classes; about half a gigabyte of ImageNet. */
export const SHUFFLE_BUFFER = 4096;
/** Between two images lie headers and labels; a longer gap is read around. */
const LONGEST_GAP = 1 << 16;

/** All samples, shard after shard in random order. */
export function shardSequence({ paths, shardOf }: ShardSource, random: Random): Uint32Array {
  const starts = new Uint32Array(paths.length + 1).fill(shardOf.length);
  for (let sample = shardOf.length - 1; sample >= 0; sample--) starts[shardOf[sample]] = sample;
  // A shard without samples of this set is an empty stretch before the next one.
  for (let shard = paths.length - 1; shard >= 0; shard--) starts[shard] = Math.min(starts[shard], starts[shard + 1]);
  const shards = Uint32Array.from(paths, (_, shard) => shard);
  random.shuffle(shards);
  const sequence = new Uint32Array(shardOf.length);
  let at = 0;
  for (const shard of shards) for (let sample = starts[shard]; sample < starts[shard + 1]; sample++) sequence[at++] = sample;
  return sequence;
}

/** `sequence` in the order in which a buffer of `capacity` gives it out: one at random, and the next of the sequence takes its place. */
export function bufferShuffle(sequence: Uint32Array, capacity: number, random: Random, order: Uint32Array): void {
  const held = sequence.slice(0, capacity);
  let filled = held.length;
  let next = filled;
  for (let position = 0; position < order.length; position++) {
    const drawn = random.integer(filled);
    order[position] = held[drawn];
    held[drawn] = next < sequence.length ? sequence[next++] : held[--filled];
  }
}

/** Where samples `first` to `end - 1` of the sequence lie, neighbours together, one that is there several times in a row once. */
export function byteRanges(source: ShardSource, sequence: Uint32Array, first: number, end: number): readonly ByteRange[] {
  const ranges: { shard: number; from: number; end: number }[] = [];
  for (const sample of sequence.subarray(first, end)) {
    const [shard, from] = [source.shardOf[sample], source.offsets[sample]];
    const last = ranges.at(-1);
    if (last?.shard === shard && from >= last.from && from < last.end) continue;
    if (last?.shard === shard && from >= last.end && from - last.end <= LONGEST_GAP) last.end = from + source.lengths[sample];
    else ranges.push({ shard, from, end: from + source.lengths[sample] });
  }
  return ranges;
}
