/**
 * What training sees of data: labelled image sets whose pixels workers can open by themselves. Every kind of source
 * (folder, CIFAR, IDX, generated) ends up as one of these, so nothing after this page knows where images came from.
 */
import type { UserError } from "../errors.js";

/** Labelled images with their split and their statistics. */
export interface Dataset {
  readonly name: string;
  readonly classes: readonly string[];
  readonly train: ImageSet;
  /** Held out from training to choose epochs and settings; undefined where none was asked for. */
  readonly validation: ImageSet | undefined;
  /** Never used to choose anything. */
  readonly test: ImageSet | undefined;
  /** Images are size x size x 3. */
  readonly size: number;
  /** Per channel, of the training images' values in 0..1. */
  readonly mean: Channels;
  readonly deviation: Channels;
  /** Images that could not be used. */
  readonly skipped: readonly SkippedImage[];
}

/** One value a channel: red, green, blue. */
export type Channels = readonly [number, number, number];

export interface SkippedImage {
  readonly path: string;
  readonly reason: string;
}

export interface ImageSet {
  readonly count: number;
  /** Class index of each image. */
  readonly labels: Uint16Array;
  /** Name or path of image `index`, for reports. */
  nameOf(index: number): string;
  readonly source: PixelSource;
}

/** Where pixels come from; can be posted to a worker without copying any image. */
export type PixelSource = MemorySource | FileSource;

/** Decoded images in shared memory: image i is the square [side, side, 3] at `rows[i] * side * side * 3`. */
export interface MemorySource {
  readonly kind: "memory";
  readonly pixels: Uint8Array;
  readonly side: number;
  readonly rows: Uint32Array;
}

/** Image files, decoded when they are needed. */
export interface FileSource {
  readonly kind: "files";
  readonly paths: readonly string[];
  readonly pixelLimit: number;
}

/** Common to all sources. Every wrong value ends in a {@link UserError}. */
export interface DatasetOptions {
  /** Side of the network's input in pixels. */
  readonly size?: number;
  /** Share of the training images held out for validation where the source has no validation images of its own; 0 for none; default 0.1. */
  readonly validationFraction?: number;
  /** Decides which images are held out, and what `shapes` draws; default 0. */
  readonly seed?: number;
  /** Where decoded images are kept; default $RBNET_CACHE or .cache/rbnet in the home folder. */
  readonly cacheDir?: string;
  /** Share of unreadable images above which opening stops; default 0.1. */
  readonly maxBadFraction?: number;
  /** Images with more pixels than this count as unreadable; default 64 million. */
  readonly pixelLimit?: number;
  /** Told while images are decoded for the first time. */
  readonly progress?: (done: number, total: number) => void;
}

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
    labels: Uint16Array.from(rows, (row) => labels[row] ?? 0),
    nameOf: (index) => nameOfRow(rows[index] ?? 0),
    source: { kind: "memory", pixels, side, rows: own },
  };
}

/** Image files as a set; `paths` and `labels` go together. */
export function fileSet(paths: readonly string[], labels: Uint16Array, pixelLimit: number): ImageSet {
  return {
    count: paths.length,
    labels,
    nameOf: (index) => paths[index] ?? "",
    source: { kind: "files", paths, pixelLimit },
  };
}

/** A copy in shared memory, so that posting it to workers copies nothing. */
function sharedUint32(values: Uint32Array): Uint32Array {
  const shared = new Uint32Array(new SharedArrayBuffer(values.byteLength));
  shared.set(values);
  return shared;
}
