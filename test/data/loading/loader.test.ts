/** The loader: the same bits whatever the workers, resumable, bounded in memory, and honest about what goes wrong. */

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ImageWriter } from "#rbnet/data/augmentation/image-writer";
import type { Dataset, ImageSet } from "#rbnet/data/dataset";
import { decodeImage } from "#rbnet/data/decoding/image-file";
import type { Batch } from "#rbnet/data/loading/batch-source";
import { Loader, type LoaderOptions } from "#rbnet/data/loading/loader";
import { openDataset } from "#rbnet/data/open-dataset";
import { Random } from "#rbnet/data/random";
import { fileSet } from "#rbnet/data/sets/image-set";
import { shapes } from "#rbnet/data/shapes/shapes";
import { UserError } from "#rbnet/errors";
import { PIXEL_LIMIT } from "#rbnet/pixels/square";
import { temporaryFolder } from "../../temporary-folder.js";
import { classFolder } from "../picture-folders.js";

const data: Dataset = shapes({ train: 50, validation: 0, test: 0 });
const augmentation = {
  crop: { kind: "pad", padding: 4 },
  flip: true,
  colorJitter: { brightness: 0.2, contrast: 0.2, saturation: 0.2 },
  lighting: 0.1,
  cutout: 8,
} as const;

function options(more: Partial<LoaderOptions> = {}): LoaderOptions {
  return {
    batch: 16,
    size: 32,
    mean: data.mean,
    standardDeviation: data.standardDeviation,
    seed: 3,
    shuffle: true,
    dropLast: false,
    ...more,
  };
}

interface KeptBatch {
  readonly images: Float32Array;
  readonly labels: number[];
  readonly mixLabels: number[];
  readonly mixWeight: number[];
  readonly indices: number[];
}

/** One text a batch that stands for all of its bits: comparing these is quick and its failures are readable. */
function bitsOf(batches: readonly KeptBatch[]): string[] {
  return batches.map((batch) => {
    const { images, ...rest } = batch;
    const bytes = new Uint8Array(images.buffer, images.byteOffset, images.byteLength);
    return createHash("sha256").update(bytes).update(JSON.stringify(rest)).digest("hex");
  });
}

/** Copies of all batches of an epoch. */
async function collect(loader: Loader, epoch: number, fromBatch = 0): Promise<KeptBatch[]> {
  const kept: KeptBatch[] = [];
  for await (const batch of loader.epoch(epoch, fromBatch)) {
    const { images, labels, mixLabels, mixWeight, indices } = batch;
    expect(images.length).toBe(batch.count * 32 * 32 * 3);
    kept.push({
      images: images.slice(),
      labels: [...labels],
      mixLabels: [...mixLabels],
      mixWeight: [...mixWeight],
      indices: [...indices],
    });
    batch.release();
  }
  return kept;
}

async function collectOnce(set: ImageSet, more: Partial<LoaderOptions>, epoch = 0, fromBatch = 0): Promise<KeptBatch[]> {
  await using loader = new Loader(set, options(more));
  return await collect(loader, epoch, fromBatch);
}

describe("batches", () => {
  it("show every image once an epoch, in an order that changes from epoch to epoch, with its label", async () => {
    await using loader = new Loader(data.train, options({ augmentation }));
    expect(loader.batchesPerEpoch).toBe(4);
    const epochs = [await collect(loader, 0), await collect(loader, 1)];
    for (const epoch of epochs) {
      const indices = epoch.flatMap((batch) => batch.indices);
      expect([...indices].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index));
      expect(epoch.flatMap((batch) => batch.labels)).toEqual(indices.map((index) => data.train.labels[index]));
      expect(epoch.map((batch) => batch.labels.length)).toEqual([16, 16, 16, 2]);
      expect(epoch.flatMap((batch) => batch.mixWeight).every((weight) => weight === 1)).toBe(true);
    }
    expect(epochs[0]?.flatMap((batch) => batch.indices)).not.toEqual(epochs[1]?.flatMap((batch) => batch.indices));
  });

  it("without shuffling or augmentation are the images in order, normalized", async () => {
    const batches = await collectOnce(data.train, { shuffle: false, dropLast: true });
    expect(batches.length).toBe(3);
    expect(batches.flatMap((batch) => batch.indices)).toEqual(Array.from({ length: 48 }, (_, index) => index));
    const source = data.train.source;
    if (source.kind !== "memory") throw new Error("expected images in memory");
    const writer = new ImageWriter(32, data.mean, data.standardDeviation);
    const expected = new Float32Array(3072);
    for (let index = 0; index < 48; index++) {
      writer.write(source.pixels, index * 3072, 32, expected, 0, new Random());
      expect(batches[index >> 4]?.images.slice((index % 16) * 3072, ((index % 16) + 1) * 3072)).toEqual(expected);
    }
  });

  it("are the same to the bit for any number of workers and any depth", async () => {
    const all = { augmentation: { ...augmentation, mixup: 0.4 } };
    const one = bitsOf(await collectOnce(data.train, { ...all, workers: 1, ahead: 1 }, 5));
    expect(bitsOf(await collectOnce(data.train, { ...all, workers: 2 }, 5))).toEqual(one);
    expect(bitsOf(await collectOnce(data.train, { ...all, workers: 5, ahead: 4 }, 5))).toEqual(one);
    expect(bitsOf(await collectOnce(data.train, { ...all, seed: 4 }, 5))).not.toEqual(one);
  });

  it("go on in mid-epoch with the very same bits", async () => {
    const all = { augmentation: { ...augmentation, mixup: 0.4 } };
    const whole = bitsOf(await collectOnce(data.train, all, 2));
    for (const from of [1, 3, 4]) expect(bitsOf(await collectOnce(data.train, all, 2, from))).toEqual(whole.slice(from));
  });

  it("show all classes as often with a balanced sampler, and an image that comes again otherwise augmented", async () => {
    // 40 images of the first class, 8 of the second and 2 of the third.
    const labels = Uint16Array.from({ length: 50 }, (_, index) => (index < 40 ? 0 : index < 48 ? 1 : 2));
    const set: ImageSet = { ...data.train, labels, nameOf: (index) => data.train.nameOf(index) };
    const all = { sampler: "balanced", augmentation: { ...augmentation, mixup: 0.4 } } as const;
    const batches = await collectOnce(set, { sampler: "balanced", augmentation });
    const found = batches.flatMap((batch) => batch.labels);
    expect([0, 1, 2].map((label) => found.filter((one) => one === label).length).sort()).toEqual([16, 17, 17]);
    const indices = batches.flatMap((batch) => batch.indices);
    expect(found).toEqual(indices.map((index) => labels[index]));
    expect(indices.filter((index) => index === 49).length).toBeGreaterThanOrEqual(8);
    const looks = batches.flatMap(({ images, indices: own }) =>
      own.map((index, place) => ({ index, text: images.slice(place * 3072, (place + 1) * 3072).join() })),
    );
    const ofLast = looks.filter(({ index }) => index === 49).map(({ text }) => text);
    expect(new Set(ofLast).size).toBe(ofLast.length);

    const one = bitsOf(await collectOnce(set, { ...all, workers: 1 }, 5));
    expect(bitsOf(await collectOnce(set, { ...all, workers: 3 }, 5))).toEqual(one);
    expect(bitsOf(await collectOnce(set, all, 5, 2))).toEqual(one.slice(2));
    expect(bitsOf(await collectOnce(set, all, 6))).not.toEqual(one);
  });

  it("see an image differently in every epoch", async () => {
    await using loader = new Loader(data.train, options({ augmentation, shuffle: false }));
    const first = await collect(loader, 0);
    const second = await collect(loader, 1);
    expect(first.map(({ indices }) => indices)).toEqual(second.map(({ indices }) => indices));
    for (const [number, bits] of bitsOf(first).entries()) expect(bitsOf(second)[number]).not.toBe(bits);
  });
});

describe("mixup", () => {
  it("mixes pairs of a batch with the weights and labels that it reports", async () => {
    const plain = await collectOnce(data.train, {});
    const mixed = await collectOnce(data.train, { augmentation: { mixup: 1 } });
    for (const [number, batch] of mixed.entries()) {
      const before = plain[number]!;
      expect(batch.indices).toEqual(before.indices);
      expect(batch.labels).toEqual(before.labels);
      const used = new Set<number>();
      for (let position = 0; position < batch.labels.length; position++) {
        const weight = batch.mixWeight[position]!;
        expect(weight).toBeGreaterThanOrEqual(0);
        expect(weight).toBeLessThanOrEqual(1);
        // The partner is the one image of the batch that explains every pixel.
        const partner = batch.labels.findIndex((label, other) => {
          if (other === position || label !== batch.mixLabels[position] || used.has(other)) return false;
          for (let at = 0; at < 3072; at += 97) {
            const expected = weight * before.images[position * 3072 + at]! + (1 - weight) * before.images[other * 3072 + at]!;
            if (Math.abs(batch.images[position * 3072 + at]! - expected) > 1e-5) return false;
          }
          return true;
        });
        expect(partner).toBeGreaterThanOrEqual(0);
        used.add(partner);
      }
    }
  });

  it("leaves the odd image of a batch alone", async () => {
    const [batch] = await collectOnce(data.train, { batch: 5, augmentation: { mixup: 1 } });
    const alone = batch?.mixWeight.map((weight, index) => weight === 1 && batch.mixLabels[index] === batch.labels[index]) ?? [];
    expect(alone.filter((single) => single).length).toBe(1);
  });

  it("draws weights from Beta(alpha, alpha): mean a half, variance 1 / (4 (2 alpha + 1))", async () => {
    const many = shapes({ train: 3000, validation: 0, test: 0, size: 8 });
    for (const alpha of [0.2, 1, 4]) {
      const batches = await collectOnce8(many, alpha);
      const mean = batches.reduce((sum, weight) => sum + weight, 0) / batches.length;
      const variance = batches.reduce((sum, weight) => sum + (weight - mean) ** 2, 0) / batches.length;
      expect(Math.abs(mean - 0.5)).toBeLessThan(0.035);
      expect(variance * 4 * (2 * alpha + 1)).toBeGreaterThan(0.9);
      expect(variance * 4 * (2 * alpha + 1)).toBeLessThan(1.1);
    }
  });

  async function collectOnce8(set: Dataset, alpha: number): Promise<number[]> {
    await using loader = new Loader(set.train, options({ size: 8, batch: 100, augmentation: { mixup: alpha } }));
    const weights: number[] = [];
    for await (const batch of loader.epoch(0)) {
      weights.push(...batch.mixWeight);
      batch.release();
    }
    return weights;
  }
});

describe("memory", () => {
  it("is one ring, used again: no more than `ahead` buffers are ever seen, all of one shared memory", async () => {
    await using loader = new Loader(data.train, options({ batch: 5, ahead: 2 }));
    const offsets = new Set<number>();
    const memories = new Set<ArrayBufferLike>();
    for (let epoch = 0; epoch < 3; epoch++) {
      for await (const batch of loader.epoch(epoch)) {
        offsets.add(batch.images.byteOffset);
        memories.add(batch.images.buffer);
        batch.release();
      }
    }
    expect(offsets.size).toBe(2);
    expect(memories.size).toBe(1);
  });

  it("is not overwritten while a batch is held, and running out of it is an error, not a hang", async () => {
    await using loader = new Loader(data.train, options({ batch: 5, ahead: 2 }));
    const batches = loader.epoch(0);
    const first = await batches.next();
    if (first.done) throw new Error("expected a batch");
    const copy = first.value.images.slice();
    const second = await batches.next();
    if (second.done) throw new Error("expected a batch");
    second.value.release();
    const third = await batches.next();
    expect(third.done).toBe(false);
    expect(first.value.images).toEqual(copy);
    await expect(batches.next()).rejects.toThrow("release()");
  });

  it("is not given away twice by releasing a batch again", async () => {
    await using loader = new Loader(data.train, options({ batch: 5 }));
    const expected = await collect(loader, 0);
    const seen: number[] = [];
    for await (const batch of loader.epoch(0)) {
      seen.push(...batch.indices);
      batch.release();
      batch.release();
    }
    expect(seen).toEqual(expected.flatMap((batch) => batch.indices));
  });

  it("can be left in mid-epoch and used for another, which late releases do not disturb", async () => {
    await using loader = new Loader(data.train, options({ batch: 5, augmentation }));
    const expected = bitsOf(await collect(loader, 7));
    let held: Batch | undefined;
    for await (const batch of loader.epoch(1)) {
      held = batch;
      break;
    }
    const kept: string[] = [];
    for await (const batch of loader.epoch(7)) {
      held?.release();
      await setTimeout(5); // long enough for a worker to write over this batch, were its slot given away
      const { labels, mixLabels, mixWeight, indices } = batch;
      kept.push(
        ...bitsOf([
          {
            images: batch.images.slice(),
            labels: [...labels],
            mixLabels: [...mixLabels],
            mixWeight: [...mixWeight],
            indices: [...indices],
          },
        ]),
      );
      batch.release();
    }
    expect(kept).toEqual(expected);
  });
});

describe("files", () => {
  it("decoded on the way give the bits that decoded images in memory give", async () => {
    const folder = await openDataset({
      path: await classFolder(["a", "b"], 10, 48),
      size: 32,
      validationFraction: 0,
      cacheDir: temporaryFolder(),
    });
    const paths = Array.from({ length: folder.train.count }, (_, index) => folder.train.nameOf(index));
    const files = fileSet(paths, folder.train.labels, PIXEL_LIMIT);
    const expected = bitsOf(await collectOnce(folder.train, { augmentation: { ...augmentation, mixup: 1 } }, 1));
    expect(bitsOf(await collectOnce(files, { augmentation: { ...augmentation, mixup: 1 }, workers: 2 }, 1))).toEqual(expected);
    const evaluated = await collectOnce(files, { shuffle: false, batch: 1 });
    const writer = new ImageWriter(32, data.mean, data.standardDeviation);
    const image = new Float32Array(3072);
    writer.writeCropped(await decodeImage(paths[4]!, 32), image, 0, new Random());
    expect(evaluated[4]?.images).toEqual(image);
  });

  it("crop regions the same way for any number of workers", async () => {
    const root = await classFolder(["a", "b"], 6, 60);
    const names = ["a", "b"].flatMap((label) => Array.from({ length: 6 }, (_, image) => join(root, label, `00${image}.png`)));
    const files = fileSet(
      names,
      Uint16Array.from(names, (_, index) => (index < 6 ? 0 : 1)),
      PIXEL_LIMIT,
    );
    const crop = { crop: { kind: "resized", scale: [0.2, 1], ratio: [0.75, 1.33] }, flip: true } as const;
    const one = bitsOf(await collectOnce(files, { batch: 4, augmentation: crop, workers: 1 }));
    expect(bitsOf(await collectOnce(files, { batch: 4, augmentation: crop, workers: 3 }))).toEqual(one);
  });

  it("that break during training are replaced by the next good one, named and counted", async () => {
    const root = await classFolder(["a", "b"], 5);
    const names = ["a", "b"].flatMap((label) => Array.from({ length: 5 }, (_, image) => join(root, label, `00${image}.png`)));
    const set = fileSet(
      names,
      Uint16Array.from(names, (_, index) => (index < 5 ? 0 : 1)),
      PIXEL_LIMIT,
      0.2,
    );
    for (const broken of [4, 9]) writeFileSync(names[broken]!, readFileSync(names[broken]!).subarray(0, 60));
    await using loader = new Loader(set, options({ batch: 5, shuffle: false, workers: 2 }));
    const batches = await collect(loader, 0);
    expect(batches.flatMap((batch) => batch.indices)).toEqual([0, 1, 2, 3, 5, 5, 6, 7, 8, 0]);
    expect(batches.flatMap((batch) => batch.labels)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 1, 0]);
    await collect(loader, 1);
    expect(loader.skipped.map(({ path }) => path).sort()).toEqual([names[4], names[9]]);
  });
});

describe("failures", () => {
  it("inside a worker reject the epoch", async () => {
    const names = Array.from({ length: 8 }, (_, index) => `/nowhere/${index}.png`);
    await using loader = new Loader(fileSet(names, new Uint16Array(8), PIXEL_LIMIT), options({ batch: 4 }));
    await expect(collect(loader, 0)).rejects.toThrow(/101 images in a row cannot be read/);
  });

  it("in the middle of a batch reject, in the next epoch too", async () => {
    const torn: ImageSet = {
      ...data.train,
      source: { kind: "memory", pixels: null as unknown as Uint8Array, side: 32, rows: new Uint32Array(50) },
    };
    await using loader = new Loader(torn, options());
    await expect(collect(loader, 0)).rejects.toThrow(/could not be prepared/);
    await expect(collect(loader, 1)).rejects.toThrow(/could not be prepared/);
  });

  it("by the death of a worker reject, now and later", async () => {
    await using loader = new Loader(data.train, options({ mean: null as unknown as Dataset["mean"] }));
    await expect(collect(loader, 0)).rejects.toThrow(/a data worker failed/);
    await expect(collect(loader, 1)).rejects.toThrow(/a data worker failed/);
  });

  it("by closing it in mid-epoch reject too", async () => {
    const loader = new Loader(data.train, options({ batch: 5, ahead: 1 }));
    const batches = loader.epoch(0);
    const first = await batches.next();
    if (first.done) throw new Error("expected a batch");
    await loader.close();
    first.value.release();
    await expect(batches.next()).rejects.toThrow("closed");
  });

  it("of the options are the user's, in a sentence", () => {
    expect(() => new Loader(data.train, options({ batch: 51, dropLast: true }))).toThrow(
      /batch of 51 is larger than the data, 50 images/,
    );
    expect(() => new Loader(data.train, options({ batch: 0 }))).toThrow(UserError);
    expect(() => new Loader(fileSet([], new Uint16Array(0), 1), options())).toThrow(/no images/);
    expect(() => new Loader(data.train, options({ augmentation: { cutout: 99 } }))).toThrow(/cutout of 99/);
  });
});
