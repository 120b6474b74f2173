/**
 * Makes image sets: over rows of decoded images, or over files that are decoded when they are needed.
 */
import type { ImageSet } from "./dataset.js";

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
export function fileSet(paths: readonly string[], labels: Uint16Array, pixelLimit: number): ImageSet {
  return {
    count: paths.length,
    labels,
    nameOf: (index) => paths[index],
    source: { kind: "files", paths, pixelLimit },
  };
}

/** A copy in shared memory, so that posting it to workers copies nothing. */
function sharedUint32(values: Uint32Array): Uint32Array {
  const shared = new Uint32Array(new SharedArrayBuffer(values.byteLength));
  shared.set(values);
  return shared;
}
