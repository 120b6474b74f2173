/** CIFAR's binary format and IDX, from files written here byte by byte. */
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Dataset, MemorySource } from "#rbnet/data/dataset";
import { openDataset } from "#rbnet/data/open-dataset";
import { UserError } from "#rbnet/errors";
import { temporaryFolder } from "../../temporary-folder.js";
import { write } from "../picture-folders.js";

/** One record: label bytes, then planes of which red is `label`, green the column, blue the row. */
function cifarRecord(labels: readonly number[]): Buffer {
  const record = Buffer.alloc(labels.length + 3072);
  Buffer.from(labels).copy(record);
  for (let pixel = 0; pixel < 1024; pixel++) {
    record[labels.length + pixel] = labels.at(-1)!;
    record[labels.length + 1024 + pixel] = pixel % 32;
    record[labels.length + 2048 + pixel] = pixel >> 5;
  }
  return record;
}

function cifarFile(count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, image) => cifarRecord([image % 10])));
}

function idxFile(sizes: readonly number[], values: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * sizes.length);
  header[2] = 8;
  header[3] = sizes.length;
  for (const [index, size] of sizes.entries()) header.writeUInt32BE(size, 4 + 4 * index);
  return Buffer.concat([header, values]);
}

function sourceOf(dataset: Dataset): MemorySource {
  if (dataset.train.source.kind !== "memory") throw new Error("expected images in memory");
  return dataset.train.source;
}

function pixel(dataset: Dataset, image: number, x: number, y: number): number[] {
  const { pixels, rows, side } = sourceOf(dataset);
  const at = ((rows[image]! * side + y) * side + x) * 3;
  return [...pixels.subarray(at, at + 3)];
}

async function sentence(root: string): Promise<string> {
  const error: unknown = await openDataset({ path: root }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
}

describe("CIFAR binary", () => {
  it("reads all batches in order, planes as pixels, names from the text file", async () => {
    const root = temporaryFolder();
    const names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
    write(root, {
      "data_batch_1.bin": cifarFile(20),
      "data_batch_2.bin": cifarFile(10),
      "test_batch.bin": cifarFile(10),
      "batches.meta.txt": `${names.join("\n")}\n\n`,
    });
    const dataset = await openDataset({ path: root, validationFraction: 0 });
    expect(dataset.classes).toEqual(names);
    expect([dataset.train.count, dataset.validation, dataset.test?.count, dataset.size]).toEqual([30, undefined, 10, 32]);
    expect(dataset.train.labels[23]).toBe(3);
    expect(dataset.mirroring.allowed).toBe(true);
    expect(pixel(dataset, 23, 5, 9)).toEqual([3, 5, 9]);
    expect((await openDataset({ path: root, validationFraction: 0.3 })).validation?.count).toBe(10);
  });

  it("reads CIFAR-100 by its fine labels", async () => {
    const root = temporaryFolder();
    write(root, { "train.bin": Buffer.concat([cifarRecord([4, 99]), cifarRecord([1, 0])]), "test.bin": cifarRecord([7, 42]) });
    const dataset = await openDataset({ path: root, validationFraction: 0 });
    expect(dataset.classes.length).toBe(100);
    expect([...dataset.train.labels]).toEqual([99, 0]);
    expect([...(dataset.test?.labels ?? [])]).toEqual([42]);
    expect(pixel(dataset, 0, 31, 2)).toEqual([99, 31, 2]);
  });

  it("refuses a cut file and labels that do not exist", async () => {
    const cut = temporaryFolder();
    write(cut, { "data_batch_1.bin": cifarFile(3).subarray(0, 9000) });
    expect(await sentence(cut)).toMatch(/data_batch_1\.bin has 9000 bytes, .*cut off/);
    const wrong = temporaryFolder();
    write(wrong, { "data_batch_1.bin": cifarRecord([10]) });
    expect(await sentence(wrong)).toMatch(/label 10 at byte 0, but there are 10 classes/);
  });
});

describe("IDX", () => {
  const values = Uint8Array.from({ length: 6 * 28 * 28 }, (_, index) => index % 251);
  const labels = Uint8Array.from([0, 1, 2, 0, 1, 2]);

  it("is not to be mirrored: digits and letters are of another class in a mirror, or of none", async () => {
    const root = temporaryFolder();
    write(root, {
      "train-images-idx3-ubyte": idxFile([6, 28, 28], values),
      "train-labels-idx1-ubyte": idxFile([6], labels),
    });
    expect((await openDataset({ path: root, validationFraction: 0 })).mirroring.allowed).toBe(false);
  });

  it("frames 28 x 28 grey images with black to 32 x 32 x 3, gzipped or not", async () => {
    for (const end of ["", ".gz"]) {
      const pack = (data: Buffer): Buffer => (end === "" ? data : gzipSync(data));
      const root = temporaryFolder();
      write(root, {
        [`train-images-idx3-ubyte${end}`]: pack(idxFile([6, 28, 28], values)),
        [`train-labels-idx1-ubyte${end}`]: pack(idxFile([6], labels)),
        [`t10k-images-idx3-ubyte${end}`]: pack(idxFile([3, 28, 28], values.subarray(0, 3 * 784))),
        [`t10k-labels-idx1-ubyte${end}`]: pack(idxFile([3], labels.subarray(0, 3))),
      });
      const dataset = await openDataset({ path: root, validationFraction: 0.5 });
      expect(dataset.classes).toEqual(["0", "1", "2"]);
      expect([dataset.train.count, dataset.validation?.count, dataset.test?.count, dataset.size]).toEqual([3, 3, 3, 32]);
      const whole = await openDataset({ path: root, validationFraction: 0 });
      expect(pixel(whole, 4, 1, 16)).toEqual([0, 0, 0]);
      const value = values[4 * 784 + 3 * 28 + 7];
      expect(pixel(whole, 4, 9, 5)).toEqual([value, value, value]);
    }
  });

  it("scales to other sizes, and counts classes from the lowest label", async () => {
    const root = temporaryFolder();
    write(root, {
      "emnist-letters-train-images-idx3-ubyte": idxFile([2, 28, 28], new Uint8Array(2 * 784).fill(90)),
      "emnist-letters-train-labels-idx1-ubyte": idxFile([2], Uint8Array.from([1, 2])),
    });
    const dataset = await openDataset({ path: root, validationFraction: 0, size: 64 });
    expect(dataset.classes).toEqual(["1", "2"]);
    expect([...dataset.train.labels]).toEqual([0, 1]);
    write(root, { "emnist-letters-mapping.txt": "1 65 97\n2 66 98\n3 67 99\n" });
    const named = await openDataset({ path: root, validationFraction: 0 });
    expect([named.classes, [...named.train.labels]]).toEqual([
      ["Aa", "Bb"],
      [0, 1],
    ]);
    for (const [text, problem] of [
      ["1 65 97\n", /emnist-letters-mapping\.txt has no line for the label 2; get it again, or remove it to have numbers/],
      ["1 65\n2 65\n", /names two labels alike/],
      ["1 65\n2 B\n", /has the line "2 B", and a label with codes of characters is expected/],
    ] as const) {
      write(root, { "emnist-letters-mapping.txt": text });
      expect(await sentence(root)).toMatch(problem);
    }
    expect(pixel(dataset, 1, 60, 3)).toEqual([90, 90, 90]);
  });

  it("opens the split of EMNIST that was chosen, and refuses to choose by itself", async () => {
    const root = temporaryFolder();
    for (const [split, highest] of Object.entries({ letters: 3, digits: 2, byclass: 5 })) {
      for (const [part, count] of Object.entries({ train: 2 * highest, test: highest })) {
        write(root, {
          [`emnist-${split}-${part}-images-idx3-ubyte.gz`]: gzipSync(idxFile([count, 28, 28], new Uint8Array(count * 784))),
          [`emnist-${split}-${part}-labels-idx1-ubyte.gz`]: gzipSync(
            idxFile(
              [count],
              Uint8Array.from({ length: count }, (_, index) => 1 + (index % highest)),
            ),
          ),
        });
      }
    }
    expect(await sentence(root)).toMatch(
      /holds 3 splits of its data: choose one by --emnist-split, which can be byclass, digits, letters$/,
    );
    const letters = await openDataset({ path: root, validationFraction: 0, emnistSplit: "letters" });
    expect([letters.classes.length, letters.train.count, letters.test?.count]).toEqual([3, 6, 3]);
    expect(letters.origin.places).toEqual({
      train: "emnist-letters-train-images-idx3-ubyte.gz",
      validation: undefined,
      test: "emnist-letters-test-images-idx3-ubyte.gz",
    });
    expect((await openDataset({ path: root, validationFraction: 0, emnistSplit: "byclass" })).classes.length).toBe(5);
    await expect(openDataset({ path: root, emnistSplit: "mnist" })).rejects.toThrow(
      /has no split "mnist": it has byclass, digits, letters$/,
    );
    await expect(openDataset({ path: "shapes", emnistSplit: "mnist" })).rejects.toThrow(
      /shapes has no splits; leave --emnist-split away/,
    );
  });

  it("says what a file is that is no IDX file at all", async () => {
    const root = temporaryFolder();
    write(root, { "train-images-idx3-ubyte.gz": "<html><body>403 Forbidden</body></html>", "train-labels-idx1-ubyte.gz": "x" });
    expect(await sentence(root)).toMatch(/train-images-idx3-ubyte\.gz is an HTML page, not an IDX file: download it again$/);
  });

  it("refuses missing labels, wrong headers, wrong lengths and counts that differ", async () => {
    const images = idxFile([6, 28, 28], values);
    const cases: [Record<string, Buffer>, RegExp][] = [
      [{ "train-images-idx3-ubyte": images }, /but not its labels, train-labels-idx1-ubyte/],
      [
        { "train-images-idx3-ubyte": Buffer.alloc(32, 7), "train-labels-idx1-ubyte": idxFile([6], labels) },
        /is no IDX file of bytes with 3 dimensions/,
      ],
      [
        { "train-images-idx3-ubyte": images.subarray(0, 999), "train-labels-idx1-ubyte": idxFile([6], labels) },
        /should hold 4704 values \(6 x 28 x 28\) but has 983/,
      ],
      [
        { "train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": idxFile([5], labels.subarray(1)) },
        /holds 6 images, but .* 5 labels/,
      ],
      [
        { "train-images-idx3-ubyte.gz": gzipSync(images).subarray(0, 60), "train-labels-idx1-ubyte": idxFile([6], labels) },
        /cannot be read/,
      ],
      [
        { "train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": idxFile([6], new Uint8Array(6)) },
        /holds a single class, 0/,
      ],
    ];
    for (const [files, expected] of cases) {
      const root = temporaryFolder();
      write(root, files);
      expect(await sentence(root)).toMatch(expected);
      expect(await sentence(root)).toContain(join(root));
    }
  });
});
