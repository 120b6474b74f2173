/**
 * CIFAR-10 and CIFAR-100 in their published binary format: records of one or two label bytes and 3,072 bytes of a 32x32 image,
 * all red, then all green, then all blue.
 */
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { UserError } from "../../errors.js";
import { storedSide } from "../../pixels/square.js";
import type { Dataset, DatasetOptions } from "../dataset.js";
import { type DecodedPart, memoryDataset, resizeAll, sharedPixels } from "../sets/memory-dataset.js";
import { checkSize, checkValidationFraction } from "../sets/split.js";

const SIDE = 32;
const PLANE_BYTES = SIDE * SIDE;
const IMAGE_BYTES = 3 * PLANE_BYTES;

/** Which files make a data set, and how a record starts. */
interface Edition {
  readonly train: readonly string[];
  readonly test: string;
  /** Bytes before the pixels; the last of them is the label. */
  readonly labelBytes: number;
  readonly classes: number;
  /** Text file with one class name a line. */
  readonly names: string;
}

const CIFAR100: Edition = { train: ["train.bin"], test: "test.bin", labelBytes: 2, classes: 100, names: "fine_label_names.txt" };

/** Whether a folder with these entries is in CIFAR's binary format. */
export function isCifarBinary(names: readonly string[]): boolean {
  return names.includes("train.bin") || names.some((name) => BATCH_NAME.test(name));
}

const BATCH_NAME = /^data_batch_\d+\.bin$/;

/**
 * Opens a folder with data_batch_*.bin and test_batch.bin (CIFAR-10) or train.bin and test.bin (CIFAR-100, fine labels).
 *
 * @throws UserError where a file is missing, cut off or holds a label that does not exist
 */
export async function cifarBinary(path: string, options: DatasetOptions = {}): Promise<Dataset> {
  const { size = SIDE, validationFraction = 0.1, seed = 1 } = options;
  checkSize(size);
  checkValidationFraction(validationFraction);
  const root = resolve(path);
  const found = await readdir(root).catch(() => {
    throw new UserError(`there is no readable folder ${root}: give the folder with CIFAR's .bin files`);
  });
  const edition = editionOf(root, found);
  const read = (names: readonly string[]): DecodedPart =>
    readPart(
      names.map((name) => join(root, name)),
      edition,
      storedSide(size),
    );
  return memoryDataset(
    {
      name: basename(root),
      classes: classNames(root, edition, found),
      size,
      train: read(edition.train),
      validation: undefined,
      test: found.includes(edition.test) ? read([edition.test]) : undefined,
      mirroring: { allowed: true, reason: "a mirrored photograph shows the same thing" },
      format: edition === CIFAR100 ? "CIFAR-100, binary version" : "CIFAR-10, binary version",
      places: {
        train: edition.train.length === 1 ? edition.train[0] : `${edition.train[0]} to ${edition.train.at(-1)}`,
        validation: undefined,
        test: found.includes(edition.test) ? edition.test : undefined,
      },
      stored: [SIDE, SIDE],
    },
    validationFraction,
    seed,
  );
}

function editionOf(root: string, found: readonly string[]): Edition {
  if (found.includes("train.bin")) return CIFAR100;
  const train = found.filter((name) => BATCH_NAME.test(name)).sort();
  if (train.length === 0) throw new UserError(`${root} holds neither data_batch_*.bin (CIFAR-10) nor train.bin (CIFAR-100)`);
  return { train, test: "test_batch.bin", labelBytes: 1, classes: 10, names: "batches.meta.txt" };
}

function readPart(paths: readonly string[], edition: Edition, size: number): DecodedPart {
  const record = edition.labelBytes + IMAGE_BYTES;
  const files = paths.map((path) => {
    const bytes = readFileSync(path);
    if (bytes.length === 0 || bytes.length % record !== 0) {
      throw new UserError(
        `${path} has ${bytes.length} bytes, which is no whole number of records of ${record} bytes: it is cut off or ` +
          "of another format; download it again",
      );
    }
    return { path, bytes };
  });
  const count = files.reduce((sum, { bytes }) => sum + bytes.length / record, 0);
  const pixels = sharedPixels(count, SIDE);
  const labels = new Uint16Array(count);
  let image = 0;
  for (const { path, bytes } of files) {
    for (let at = 0; at < bytes.length; at += record) {
      const label = bytes[at + edition.labelBytes - 1];
      if (label >= edition.classes) {
        throw new UserError(
          `${path} has the label ${label} at byte ${at}, but there are ${edition.classes} classes: the file is damaged ` +
            "or of another format",
        );
      }
      labels[image] = label;
      interleave(bytes, at + edition.labelBytes, pixels, image * IMAGE_BYTES);
      image++;
    }
  }
  return { pixels: resizeAll(pixels, count, SIDE, size), labels };
}

/** Planes of red, green and blue to pixels of red, green and blue. */
function interleave(planes: Uint8Array, from: number, pixels: Uint8Array, to: number): void {
  for (let pixel = 0; pixel < PLANE_BYTES; pixel++) {
    pixels[to + pixel * 3] = planes[from + pixel];
    pixels[to + pixel * 3 + 1] = planes[from + PLANE_BYTES + pixel];
    pixels[to + pixel * 3 + 2] = planes[from + 2 * PLANE_BYTES + pixel];
  }
}

/** From the text file beside the data; numbers where it is missing. */
function classNames(root: string, edition: Edition, found: readonly string[]): readonly string[] {
  const numbers = Array.from({ length: edition.classes }, (_, label) => String(label));
  if (!found.includes(edition.names)) return numbers;
  const names = readFileSync(join(root, edition.names), "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return names.length === edition.classes ? names : numbers;
}
