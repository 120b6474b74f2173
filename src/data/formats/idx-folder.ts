/**
 * The IDX format of MNIST and its family (Fashion, Kuzushiji, EMNIST), gzipped or not: grey images and their labels in two files a part.
 * A file is a big-endian header (0, 0, element type, dimensions, sizes) and the elements.
 */
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { messageOf, UserError } from "../../errors.js";
import { storedSide } from "../../pixels/square.js";
import type { Dataset, DatasetOptions } from "../dataset.js";
import { contentOf, HEAD_BYTES, UNKNOWN_FILE } from "../decoding/file-content.js";
import { type DecodedPart, memoryDataset, resizeAll, sharedPixels } from "../sets/memory-dataset.js";
import { checkSize, checkValidationFraction } from "../sets/split.js";
import { mappedNames } from "./emnist-mapping.js";

const UNSIGNED_BYTE = 8;
/** Largest file that is unpacked: a guard against a small file that unpacks to all of the memory. */
const UNPACKED_LIMIT = 2 ** 31;

/** train-images-idx3-ubyte, emnist-letters-train-images-idx3-ubyte.gz, train-images.idx3-ubyte ... */
const IMAGES_NAME = /^(.*?)(train|t10k|test)-images[-.]idx3-ubyte(\.gz)?$/;

/** Whether a folder with these entries holds IDX training images. */
export function isIdxFolder(names: readonly string[]): boolean {
  return names.some((name) => IMAGES_NAME.exec(name)?.[2] === "train");
}

/**
 * Opens a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte and, as test images, t10k-... (or test-...), each possibly .gz.
 * Grey becomes RGB; images a little smaller than `size` (default 32) are centred on black, others are scaled.
 *
 * @throws UserError where a file is missing, damaged, or images and labels do not match
 */
export async function idxFolder(path: string, options: DatasetOptions = {}): Promise<Dataset> {
  const { size = 32, validationFraction = 0.1, seed = 1 } = options;
  checkSize(size);
  checkValidationFraction(validationFraction);
  const root = resolve(path);
  const found = await readdir(root).catch(() => {
    throw new UserError(`there is no readable folder ${root}: give the folder with train-images-idx3-ubyte and its companions`);
  });
  const { trainName, testName } = chooseFiles(root, found, options.emnistSplit);
  const train = readPart(root, trainName, found, storedSide(size));
  const test = testName === undefined ? undefined : readPart(root, testName, found, storedSide(size));
  const lowest = Math.min(least(train.labels), test === undefined ? 255 : least(test.labels));
  const highest = Math.max(greatest(train.labels), test === undefined ? 0 : greatest(test.labels));
  if (highest === lowest) throw new UserError(`${root} holds a single class, ${lowest}: a classifier needs at least 2`);
  const shifted = (part: DecodedPart): DecodedPart => ({
    pixels: part.pixels,
    labels: part.labels.map((label) => label - lowest),
  });
  return memoryDataset(
    {
      name: basename(root),
      classes:
        mappedNames(root, IMAGES_NAME.exec(trainName)?.[1] ?? "", found, lowest, highest) ??
        Array.from({ length: highest - lowest + 1 }, (_, label) => String(label + lowest)), // EMNIST's letters count from 1
      size,
      train: shifted(train),
      validation: undefined,
      test: test === undefined ? undefined : shifted(test),
      mirroring: { allowed: false, reason: "IDX data are digits and letters mostly, which a mirror makes others of" },
      format: "IDX (MNIST's format)",
      places: { train: trainName, validation: undefined, test: testName },
      stored: train.stored,
    },
    validationFraction,
    seed,
  );
}

/**
 * The images of training and test; EMNIST has six splits of the same pictures in one folder.
 *
 * @throws UserError where there are several and none is chosen, or not the one that is
 */
function chooseFiles(
  root: string,
  found: readonly string[],
  split: string | undefined,
): { trainName: string; testName: string | undefined } {
  const files = found.flatMap((name) => {
    const [, prefix, part] = IMAGES_NAME.exec(name) ?? [];
    return prefix === undefined ? [] : [{ name, prefix, isTrain: part === "train" }];
  });
  const trains = files.filter(({ isTrain }) => isTrain);
  if (trains.length === 0) throw new UserError(`${root} holds no train-images-idx3-ubyte (or .gz) file`);
  const splitOf = (prefix: string): string => prefix.replace(/^emnist[-_.]?/i, "").replace(/[-_.]+$/, "");
  const splits = [...new Set(trains.map(({ prefix }) => splitOf(prefix)))].sort();
  if (split === undefined && splits.length > 1)
    throw new UserError(
      `${root} holds ${splits.length} splits of its data: choose one by --emnist-split, which can be ${splits.join(", ")}`,
    );
  const train = trains.find(({ prefix }) => splitOf(prefix) === (split ?? splits[0]));
  if (train === undefined)
    throw new UserError(
      splits.join("") === ""
        ? `${root} holds a single data set and no splits; leave --emnist-split away`
        : `${root} has no split "${split}": it has ${splits.join(", ")}`,
    );
  return { trainName: train.name, testName: files.find(({ prefix, isTrain }) => !isTrain && prefix === train.prefix)?.name };
}

interface IdxPart extends DecodedPart {
  /** Width and height of the images in the file. */
  readonly stored: readonly [number, number];
}

function readPart(root: string, name: string, found: readonly string[], size: number): IdxPart {
  const labelsName = name.replace("-images", "-labels").replace("idx3", "idx1").replace(/\.gz$/, "");
  const labelsFile = [labelsName, `${labelsName}.gz`].find((candidate) => found.includes(candidate));
  if (labelsFile === undefined) throw new UserError(`${root} holds ${name} but not its labels, ${labelsName} (or .gz)`);
  const images = readIdx(join(root, name), 3);
  const labels = readIdx(join(root, labelsFile), 1);
  const [count, height, width] = images.sizes;
  if (labels.sizes[0] !== count) {
    throw new UserError(
      `${join(root, name)} holds ${count} images, but ${labelsFile} ${labels.sizes[0]} labels: they do not belong together`,
    );
  }
  const side = Math.max(height, width);
  // A frame of a few pixels (28 in 32) keeps strokes sharp; scaling would blur them.
  const framed = side <= size && side >= 0.75 * size ? size : side;
  const pixels = sharedPixels(count, framed);
  const top = (framed - height) >> 1;
  const left = (framed - width) >> 1;
  for (let image = 0; image < count; image++) {
    for (let y = 0; y < height; y++) {
      const from = (image * height + y) * width;
      const to = ((image * framed + y + top) * framed + left) * 3;
      for (let x = 0; x < width; x++) pixels.fill(images.values[from + x], to + x * 3, to + x * 3 + 3);
    }
  }
  return { pixels: resizeAll(pixels, count, framed, size), labels: Uint16Array.from(labels.values), stored: [width, height] };
}

interface IdxFile {
  readonly sizes: readonly number[];
  readonly values: Uint8Array;
}

function readIdx(path: string, dimensions: number): IdxFile {
  let bytes: Buffer;
  try {
    const raw = readFileSync(path);
    bytes = raw[0] === 0x1f && raw[1] === 0x8b ? gunzipSync(raw, { maxOutputLength: UNPACKED_LIMIT }) : raw;
  } catch (error) {
    throw new UserError(`${path} cannot be read (${messageOf(error)}): download it again`);
  }
  const headerBytes = 4 + 4 * dimensions;
  const isIdx =
    bytes.length >= headerBytes && bytes.readUInt16BE(0) === 0 && bytes[2] === UNSIGNED_BYTE && bytes[3] === dimensions;
  if (!isIdx) {
    const content = contentOf(bytes.subarray(0, HEAD_BYTES));
    if (typeof content !== "string" && content.one !== UNKNOWN_FILE.one)
      throw new UserError(`${path} is ${content.one}, not an IDX file: download it again`);
    throw new UserError(
      `${path} is no IDX file of bytes with ${dimensions} dimension${dimensions === 1 ? "" : "s"}: its header is wrong`,
    );
  }
  const sizes = Array.from({ length: dimensions }, (_, index) => bytes.readUInt32BE(4 + 4 * index));
  const expected = sizes.reduce((product, size) => product * size, 1);
  if (expected === 0 || bytes.length - headerBytes !== expected) {
    throw new UserError(
      `${path} should hold ${expected} values (${sizes.join(" x ")}) but has ${bytes.length - headerBytes}: it is ` +
        "cut off or damaged; download it again",
    );
  }
  return { sizes, values: bytes.subarray(headerBytes) };
}

function least(labels: Uint16Array): number {
  return labels.reduce((a, b) => Math.min(a, b), 65535);
}

function greatest(labels: Uint16Array): number {
  return labels.reduce((a, b) => Math.max(a, b), 0);
}
