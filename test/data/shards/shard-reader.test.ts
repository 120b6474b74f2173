/** Reading from shards: near-sequential by design, with few files open and no image kept. */
import { readdirSync, readlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ShardSource } from "#rbnet/data/dataset";
import { BadImageError } from "#rbnet/data/decoding/bad-image";
import { Random } from "#rbnet/data/random";
import { bufferShuffle, byteRanges, shardSequence } from "#rbnet/data/shards/shard-order";
import { ShardReader } from "#rbnet/data/shards/shard-reader";
import { temporaryFolder } from "../../temporary-folder.js";

/** `count` shards of `perShard` samples of `length` bytes and a gap; byte k of sample s is (s + k) % 251. */
function sourceOf(count: number, perShard: number, length: number, gap = 1000): ShardSource {
  const folder = temporaryFolder();
  const total = count * perShard;
  const stride = length + gap;
  const paths = Array.from({ length: count }, (_, shard) => {
    const bytes = new Uint8Array(perShard * stride);
    for (let place = 0; place < perShard; place++)
      for (let k = 0; k < length; k++) bytes[place * stride + k] = (shard * perShard + place + k) % 251;
    const path = join(folder, `${shard}.tar`);
    writeFileSync(path, bytes);
    return path;
  });
  return {
    kind: "shards",
    paths,
    shardOf: Uint32Array.from({ length: total }, (_, sample) => Math.floor(sample / perShard)),
    offsets: Float64Array.from({ length: total }, (_, sample) => (sample % perShard) * stride),
    lengths: new Uint32Array(total).fill(length),
    pixelLimit: 1e6,
    maxBadFraction: 0.1,
  };
}

/** Shards that this process has open; Linux says. */
function openShards(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).endsWith(".tar");
    } catch {
      return false;
    }
  }).length;
}

describe("a reader of shards", () => {
  it.skipIf(process.platform !== "linux")("keeps at most 48 of 100 shards open, and none when it is done", async () => {
    const source = sourceOf(100, 3, 5000);
    const reader = new ShardReader(source);
    const wrong: number[] = [];
    await Promise.all(
      Array.from({ length: 8 }, async (_, part) => {
        for (let sample = part; sample < 300; sample += 8) {
          const bytes = await reader.read(sample);
          if (bytes.length !== 5000 || bytes.some((byte, k) => byte !== (sample + k) % 251)) wrong.push(sample);
        }
      }),
    );
    expect(wrong).toEqual([]);
    expect(openShards()).toBeGreaterThan(0);
    expect(openShards()).toBeLessThanOrEqual(48);
    await reader[Symbol.asyncDispose]();
    expect(openShards()).toBe(0);
  });

  it("reads 64 MB ahead in the memory of one piece", async () => {
    const source = sourceOf(1, 64, 1_000_000);
    await using reader = new ShardReader(source);
    const all = byteRanges(source, shardSequence(source, new Random(1)), 0, 64);
    await reader.readAhead(all.map((range) => ({ ...range, end: range.from + 1 })));
    const before = process.memoryUsage().arrayBuffers;
    await reader.readAhead(all);
    expect(all.reduce((sum, { from, end }) => sum + end - from, 0)).toBeGreaterThan(64e6 - 1);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4e6);
  });

  it("names a sample whose shard became shorter or went away, and reading ahead leaves that to it", async () => {
    const source = sourceOf(1, 4, 5000);
    await using reader = new ShardReader(source);
    truncateSync(source.paths[0]!, 7000);
    await reader.readAhead([{ shard: 0, from: 0, end: 24_000 }]);
    expect((await reader.read(0)).length).toBe(5000);
    await expect(reader.read(1)).rejects.toThrow(/its shard has become shorter/);
    await using gone = new ShardReader({ ...source, paths: ["/nowhere/0.tar"] });
    await gone.readAhead([{ shard: 0, from: 0, end: 10 }]);
    await expect(gone.read(0)).rejects.toThrow(BadImageError);
  });
});

describe("the order of an epoch", () => {
  it("is a permutation in which no image comes before its turn to enter the buffer", () => {
    fc.assert(
      fc.property(fc.nat(300), fc.integer({ min: 1, max: 350 }), fc.nat(), (count, capacity, seed) => {
        const sequence = Uint32Array.from({ length: count }, (_, at) => at);
        const order = new Uint32Array(count);
        bufferShuffle(sequence, capacity, new Random(seed), order);
        expect(Uint32Array.from(order).sort()).toEqual(sequence);
        order.forEach((place, position) => {
          expect(place).toBeLessThan(position + capacity);
        });
      }),
    );
  });

  it("mixes evenly where the buffer holds all", () => {
    const sums = new Float64Array(20);
    const order = new Uint32Array(20);
    const sequence = Uint32Array.from({ length: 20 }, (_, at) => at);
    for (let seed = 0; seed < 2000; seed++) {
      bufferShuffle(sequence, 4096, new Random(seed), order);
      order.forEach((place, position) => {
        sums[position]! += place / 2000;
      });
    }
    // Mean 9.5 in every position, with a standard error of 0.13.
    for (const mean of sums) expect(Math.abs(mean - 9.5)).toBeLessThan(0.65);
  });

  it("goes through each shard from front to back, shards in another order each time, in one long read each", () => {
    const source = sourceOf(6, 5, 100);
    const sequence = shardSequence(source, new Random(3));
    expect(Uint32Array.from(sequence).sort()).toEqual(Uint32Array.from({ length: 30 }, (_, at) => at));
    for (let at = 0; at < 30; at++) if (at % 5 > 0) expect(sequence[at]).toBe(sequence[at - 1]! + 1);
    expect(shardSequence(source, new Random(4))).not.toEqual(sequence);
    const ranges = byteRanges(source, sequence, 2, 12);
    expect(ranges.map(({ from, end }) => [from, end])).toEqual([
      [2200, 4500],
      [0, 4500],
      [0, 1200],
    ]);
    expect(byteRanges(source, Uint32Array.of(0, 0, 0, 1, 1, 2), 0, 6)).toEqual(byteRanges(source, Uint32Array.of(0, 1, 2), 0, 3));
    const far = sourceOf(1, 3, 100, 1 << 17);
    expect(byteRanges(far, Uint32Array.of(0, 1, 2), 0, 3).length).toBe(3);
  });
});
