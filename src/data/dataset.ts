/**
 * What training sees of data: labelled image sets whose pixels workers can open by themselves. Every kind of source (folder, shards,
 * CIFAR, IDX, generated) ends up as one of these, so nothing after this page knows where images came from. Types alone, below all makers.
 */
import type { Channels } from "../pixels/square.js";

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
  readonly standardDeviation: Channels;
  readonly mirroring: Mirroring;
  /** Images that could not be used. */
  readonly skipped: readonly SkippedImage[];
  readonly origin: Origin;
}

/** Whether a mirrored image is still one of its class: a letter or digit is not. */
export interface Mirroring {
  readonly allowed: boolean;
  /** Follows "because". */
  readonly reason: string;
}

/** Where data come from, for a person who wants to see that they were understood. */
export interface Origin {
  /** "folder of images by class" */
  readonly format: string;
  /** Where each part lies, or how it came about; undefined where there is none. */
  readonly places: Readonly<Record<Part, string | undefined>>;
  /** What else lies there, by kind. */
  readonly leftOut: readonly LeftOut[];
  /** Sides of the images as they are stored; undefined where no image can be looked at. */
  readonly sizes: ImageSizes | undefined;
  /** What may be meant otherwise, in a sentence each. */
  readonly doubts: readonly string[];
}

/** Files or folders of one kind that are no images of the data. */
export interface LeftOut {
  /** "HEIC pictures"; of a single one "a HEIC picture". */
  readonly what: string;
  readonly count: number;
  /** Path of one. */
  readonly example: string;
  readonly advice?: string;
  /** Where nobody misses it: what systems leave behind. */
  readonly litter?: true;
}

/** Width and height in pixels of images, by their shorter sides. */
export interface ImageSizes {
  readonly smallest: readonly [number, number];
  readonly median: readonly [number, number];
  readonly largest: readonly [number, number];
  /** How many were looked at. */
  readonly images: number;
}

/** What a set of images is for. */
export type Part = "train" | "validation" | "test";

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
export type PixelSource = MemorySource | EncodedSource;

/** Images that are decoded when they are needed. */
export type EncodedSource = FileSource | ShardSource;

/** Decoded images in shared memory: image i is the square [side, side, 3] at `rows[i] * side * side * 3`. */
export interface MemorySource {
  readonly kind: "memory";
  readonly pixels: Uint8Array;
  readonly side: number;
  readonly rows: Uint32Array;
}

/** Image files. */
export interface FileSource extends SourceLimits {
  readonly kind: "files";
  readonly paths: readonly string[];
}

/**
 * Images in tar shards: image i is the `lengths[i]` bytes at `offsets[i]` of shard `shardOf[i]`. In the order in which they lie
 * there, on shared memory.
 */
export interface ShardSource extends SourceLimits {
  readonly kind: "shards";
  readonly paths: readonly string[];
  readonly shardOf: Uint32Array;
  readonly offsets: Float64Array;
  readonly lengths: Uint32Array;
}

export interface SourceLimits {
  /** Images with more pixels count as unreadable. */
  readonly pixelLimit: number;
  /** Share of unreadable images above which loading stops. */
  readonly maxBadFraction: number;
}

/** Common to all sources. Every wrong value ends in a UserError. */
export interface DatasetOptions {
  /** Side of the network's input in pixels. */
  readonly size?: number;
  /** Share of the training images held out for validation where the source has no validation images of its own; 0 for none; default 0.1. */
  readonly validationFraction?: number;
  /** Decides which images are held out, and what `shapes` draws; default 1. */
  readonly seed?: number;
  /** Where decoded images are kept; default $RBNET_CACHE or .cache/rbnet in the home folder. */
  readonly cacheDir?: string;
  /** Share of unreadable images above which opening, and later loading, stops; default 0.1. */
  readonly maxBadFraction?: number;
  /** Images with more pixels than this count as unreadable; default 64 million. */
  readonly pixelLimit?: number;
  /** Which of the splits that lie in a folder of EMNIST: byclass, bymerge, balanced, letters, digits or mnist. */
  readonly emnistSplit?: string;
  /** Told while images are decoded, or shards are read, for the first time. */
  readonly progress?: (done: number, total: number) => void;
}
