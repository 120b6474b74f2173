/**
 * Makes image sets: over rows of decoded images, or over files and samples of shards that are decoded when they are needed.
 */
import type { ImageSet, PixelSource, ShardSource, SourceLimits } from "../dataset.js";
import { USUAL_BAD_FRACTION } from "../decoding/skipped-images.js";
import { sharedBuffer } from "../shared-buffer.js";

/** A set over some rows of decoded images; `labels` and `names` are those of all rows. */
export function memorySet(
  pixels: Uint8Array,
  side: number,
  rows: Uint32Array,
  labels: Uint16Array,
  nameOfRow: (row: number) => string,
): ImageSet {
  const own = sharedUint32(rows);
  return {
    count: rows.length,
    labels: Uint16Array.from(rows, (row) => labels[row]),
    nameOf: (index) => nameOfRow(rows[index]),
    source: { kind: "memory", pixels, side, rows: own },
  };
}

/** Image files as a set; `paths` and `labels` go together. */
export function fileSet(
  paths: readonly string[],
  labels: Uint16Array,
  pixelLimit: number,
  maxBadFraction = USUAL_BAD_FRACTION,
): ImageSet {
  return {
    count: paths.length,
    labels,
    nameOf: (index) => paths[index],
    source: { kind: "files", paths, pixelLimit, maxBadFraction },
  };
}

/** All samples of some shards, in columns. */
export interface ShardTable extends ShardColumns {
  readonly paths: readonly string[];
  readonly labels: Uint16Array;
  nameOf(row: number): string;
}

type ShardColumns = Pick<ShardSource, "shardOf" | "offsets" | "lengths">;

/** Some rows, in increasing order, of the columns of samples. */
export function pickSamples({ shardOf, offsets, lengths }: ShardColumns, rows: Uint32Array): ShardColumns {
  const picked = new Float64Array(sharedBuffer(rows.length * Float64Array.BYTES_PER_ELEMENT));
  rows.forEach((row, index) => {
    picked[index] = offsets[row];
  });
  return {
    shardOf: sharedUint32(rows.map((row) => shardOf[row])),
    offsets: picked,
    lengths: sharedUint32(rows.map((row) => lengths[row])),
  };
}

/** Some rows, in increasing order, of a table of samples as a set. */
export function shardSet(table: ShardTable, rows: Uint32Array, limits: SourceLimits): ImageSet {
  return {
    count: rows.length,
    labels: Uint16Array.from(rows, (row) => table.labels[row]),
    nameOf: (index) => table.nameOf(rows[index]),
    source: {
      kind: "shards",
      paths: table.paths,
      ...pickSamples(table, rows),
      pixelLimit: limits.pixelLimit,
      maxBadFraction: limits.maxBadFraction,
    },
  };
}

/** Some images, in increasing order, of a set. */
export function pickImages(set: ImageSet, chosen: Uint32Array): ImageSet {
  return {
    count: chosen.length,
    labels: Uint16Array.from(chosen, (index) => set.labels[index]),
    nameOf: (index) => set.nameOf(chosen[index]),
    source: pickPixels(set.source, chosen),
  };
}

function pickPixels(source: PixelSource, chosen: Uint32Array): PixelSource {
  switch (source.kind) {
    case "memory":
      return { ...source, rows: sharedUint32(chosen.map((index) => source.rows[index])) };
    case "files":
      return { ...source, paths: Array.from(chosen, (index) => source.paths[index]) };
    case "shards":
      return { ...source, ...pickSamples(source, chosen) };
  }
}

/** A copy in shared memory, so that posting it to workers copies nothing. */
export function sharedUint32(values: Uint32Array): Uint32Array {
  const shared = new Uint32Array(sharedBuffer(values.byteLength));
  shared.set(values);
  return shared;
}
