/**
 * A folder of images by class as a dataset: the layout is read, every file is opened once, and the parts become image sets,
 * in memory where they fit.
 */
import { basename, resolve } from "node:path";
import { UserError } from "../../errors.js";
import { PIXEL_LIMIT, storedSide } from "../../pixels/square.js";
import type { Dataset, DatasetOptions, ImageSet, Part } from "../dataset.js";
import { imageShape } from "../decoding/image-file.js";
import { USUAL_BAD_FRACTION } from "../decoding/skipped-images.js";
import { imageSizes, usualSize } from "../decoding/usual-size.js";
import { statisticsOf } from "../sets/encoded-statistics.js";
import { heldOutText } from "../sets/held-out.js";
import { fileSet, memorySet } from "../sets/image-set.js";
import { mirroringOf } from "../sets/mirroring.js";
import { checkSize, checkValidationFraction, splitByClass } from "../sets/split.js";
import { decodeFiles, skippedImages } from "./decode-files.js";
import { type FolderLayout, readFolderLayout } from "./folder-layout.js";

/** Decoded images up to this many bytes are kept in memory. */
const MEMORY_LIMIT = 2 ** 30;
/** Images up to 64 pixels are kept whatever their number, as far as one typed array reaches. */
const SMALL_IMAGE_LIMIT = 2 ** 32 - 2 ** 16;

/**
 * Opens a folder with one sub-folder per class, or with train/ and val/ or test/ that hold such folders.
 * Without val/, `validationFraction` of the training images is held out.
 *
 * @throws UserError where the folder is not laid out so, or too many of its images are unreadable
 */
export async function imageFolder(path: string, options: DatasetOptions = {}): Promise<Dataset> {
  const { validationFraction = 0.1, seed = 1, maxBadFraction = USUAL_BAD_FRACTION, pixelLimit = PIXEL_LIMIT } = options;
  checkValidationFraction(validationFraction);
  if (options.size !== undefined) checkSize(options.size);
  const root = resolve(path);
  const layout = readFolderLayout(root);
  const sizes = await imageSizes(layout.files.length, (index) => imageShape(layout.files[index].path));
  const size = options.size ?? usualSize(sizes);

  const total = layout.files.length * storedSide(size) ** 2 * 3;
  const inMemory = total <= (size <= 64 ? SMALL_IMAGE_LIMIT : MEMORY_LIMIT);
  const side = inMemory ? storedSide(size) : 0;
  const record = await decodeFiles({
    root,
    files: layout.files,
    side,
    pixelLimit,
    cacheDir: options.cacheDir,
    progress: options.progress,
  });
  const skipped = skippedImages(root, layout.files, record, maxBadFraction);

  const parts = partition(layout, new Set(record.bad.map(([index]) => index)), validationFraction, seed);
  const labels = Uint16Array.from(layout.files, (file) => file.label);
  const paths = layout.files.map((file) => file.path);
  const setOf = (rows: Uint32Array): ImageSet =>
    inMemory
      ? memorySet(record.pixels, side, rows, labels, (row) => paths[row])
      : fileSet(
          Array.from(rows, (row) => paths[row]),
          Uint16Array.from(rows, (row) => labels[row]),
          pixelLimit,
          maxBadFraction,
        );
  const train = setOf(parts.train);
  return {
    name: basename(root),
    classes: layout.classes,
    train,
    validation: parts.validation === undefined ? undefined : setOf(parts.validation),
    test: parts.test === undefined ? undefined : setOf(parts.test),
    size,
    ...(await statisticsOf(train, size, seed)),
    mirroring: mirroringOf(layout.classes, train),
    skipped,
    origin: {
      format: "folder of images by class",
      places: {
        ...layout.places,
        ...(parts.validation === undefined || layout.places.validation !== undefined
          ? {}
          : { validation: heldOutText(validationFraction) }),
      },
      leftOut: layout.leftOut,
      sizes,
      doubts: doubtsOf(layout),
    },
  };
}

function doubtsOf({ sharedFolders: shared }: FolderLayout): readonly string[] {
  if (shared.length === 0) return [];
  const some = shared.slice(0, 3).join(", ") + (shared.length > 3 ? ", ..." : "");
  return [
    `all class folders hold folders of the same names (${some}); if those are the classes, call the outer ones train, val and test`,
  ];
}

interface Parts {
  readonly train: Uint32Array;
  readonly validation: Uint32Array | undefined;
  readonly test: Uint32Array | undefined;
}

/** Indices of the usable files of each part. */
function partition(layout: FolderLayout, bad: ReadonlySet<number>, validationFraction: number, seed: number): Parts {
  const rowsOf = (part: Part): Uint32Array => {
    const rows: number[] = [];
    layout.files.forEach((file, index) => {
      if (file.part === part && !bad.has(index)) rows.push(index);
    });
    return Uint32Array.from(rows);
  };
  const test = layout.places.test !== undefined ? rowsOf("test") : undefined;
  const all = rowsOf("train");
  requireAllClasses(layout, all);
  if (layout.places.validation !== undefined) return { train: all, validation: rowsOf("validation"), test };
  if (validationFraction === 0) return { train: all, validation: undefined, test };
  const labels = Uint16Array.from(layout.files, (file) => file.label);
  return { ...splitByClass(all, labels, layout.classes, validationFraction, seed), test };
}

function requireAllClasses(layout: FolderLayout, train: Uint32Array): void {
  const present = new Set<number>();
  for (const index of train) present.add(layout.files[index].label);
  const missing = layout.classes.findIndex((_, label) => !present.has(label));
  if (missing >= 0) {
    throw new UserError(
      `none of the training images of class "${layout.classes[missing]}" can be read: replace them or remove the class`,
    );
  }
}
