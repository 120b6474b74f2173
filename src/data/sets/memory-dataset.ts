/**
 * Sources whose images are all in memory from the start (CIFAR, IDX, generated) end here: the held-out part is split off, the
 * statistics are taken, and the sets are views of the same pixels.
 */

import { RegionResizer } from "../../pixels/resize.js";
import { storedSide } from "../../pixels/square.js";
import type { Dataset, ImageSet, Mirroring, Part } from "../dataset.js";
import { sharedBuffer } from "../shared-buffer.js";
import { heldOutText } from "./held-out.js";
import { memorySet } from "./image-set.js";
import { splitByClass } from "./split.js";
import { memoryStatistics } from "./statistics.js";

/** Decoded images of one part. */
export interface DecodedPart {
  /** [count, side, side, 3] on shared memory, for a side of `storedSide(size)`. */
  readonly pixels: Uint8Array;
  readonly labels: Uint16Array;
}

export interface DecodedParts {
  readonly name: string;
  readonly classes: readonly string[];
  readonly size: number;
  readonly train: DecodedPart;
  /** Split off `train` where absent. */
  readonly validation: DecodedPart | undefined;
  readonly test: DecodedPart | undefined;
  readonly mirroring: Mirroring;
  /** What the data are, and where each part was found; see Origin. */
  readonly format: string;
  readonly places: Readonly<Record<Part, string | undefined>>;
  /** Width and height of the images before they were scaled. */
  readonly stored: readonly [number, number];
}

export function memoryDataset(parts: DecodedParts, validationFraction: number, seed: number): Dataset {
  const { name, classes, size, mirroring, format, places, stored } = parts;
  const setOf = (part: DecodedPart, kind: Part, rows: Uint32Array): ImageSet =>
    memorySet(part.pixels, storedSide(size), rows, part.labels, (row) => `${name}/${kind}/${row} (${classes[part.labels[row]]})`);
  const all = allRows(parts.train);
  const split =
    parts.validation === undefined && validationFraction > 0
      ? splitByClass(all, parts.train.labels, classes, validationFraction, seed)
      : undefined;
  const train = setOf(parts.train, "train", split?.train ?? all);
  let validation: ImageSet | undefined;
  if (parts.validation !== undefined) validation = setOf(parts.validation, "validation", allRows(parts.validation));
  else if (split !== undefined) validation = setOf(parts.train, "train", split.validation);
  if (train.source.kind !== "memory") throw new Error("a memory set has its pixels in memory");
  return {
    name,
    classes,
    train,
    validation,
    test: parts.test === undefined ? undefined : setOf(parts.test, "test", allRows(parts.test)),
    size,
    ...memoryStatistics(train.source),
    mirroring,
    skipped: [],
    origin: {
      format,
      places: { ...places, validation: split === undefined ? places.validation : heldOutText(validationFraction) },
      leftOut: [],
      sizes: { smallest: stored, median: stored, largest: stored, images: parts.train.labels.length },
      doubts: [],
    },
  };
}

/** Room for `count` images [side, side, 3] on shared memory. */
export function sharedPixels(count: number, side: number): Uint8Array {
  return new Uint8Array(sharedBuffer(count * side * side * 3));
}

/** Scales [count, side, side, 3] to [count, size, size, 3]; the same array where the sizes agree. */
export function resizeAll(pixels: Uint8Array, count: number, side: number, size: number): Uint8Array {
  if (side === size) return pixels;
  const resizer = new RegionResizer(size);
  const resized = sharedPixels(count, size);
  const bytes = size * size * 3;
  const whole = { left: 0, top: 0, width: side, height: side };
  for (let image = 0; image < count; image++) {
    resizer.resize(pixels, image * side * side * 3, side, whole, resized.subarray(image * bytes, (image + 1) * bytes));
  }
  return resized;
}

function allRows(part: DecodedPart): Uint32Array {
  return Uint32Array.from(part.labels, (_, row) => row);
}
