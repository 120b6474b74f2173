/**
 * What training sees of data: labelled image sets whose pixels workers can open by themselves, and the one door to them. Every kind of
 * source (folder, CIFAR, IDX, generated) ends up as one of these, so nothing after this page knows where images came from.
 */
import { readdirSync } from "node:fs";
import { cifarBinary, isCifarBinary } from "./cifar-binary.js";
import { idxFolder, isIdxFolder } from "./idx-folder.js";
import { imageFolder } from "./image-folder.js";
import { shapes } from "./shapes.js";

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

/** Common to all sources. Every wrong value ends in a UserError. */
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

/**
 * Opens a data set: the generator where `path` is "shapes" or undefined, else a folder in CIFAR's binary format, in IDX format, or of images by class.
 *
 * @throws UserError where nothing usable is there, in one sentence that says what to do
 */
export async function openDataset(options: DatasetOptions & { readonly path?: string | undefined } = {}): Promise<Dataset> {
  const { path } = options;
  if (path === undefined || path === "shapes") return shapes(options);
  const names = namesIn(path);
  if (isCifarBinary(names)) return cifarBinary(path, options);
  if (isIdxFolder(names)) return idxFolder(path, options);
  return imageFolder(path, options);
}

/** Entries of a folder; none where it cannot be read, which imageFolder then says in full. */
function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
