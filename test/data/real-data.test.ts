/** The real images beside the project, where they are: opened, cached and loaded at the speed that training needs. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join, parse } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { ImageSet } from "#rbnet/data/dataset";
import { Loader } from "#rbnet/data/loading/loader";
import { openDataset } from "#rbnet/data/open-dataset";
import { fileSet } from "#rbnet/data/sets/image-set";
import { writeShards } from "#rbnet/data/shards/write-shards";
import { PIXEL_LIMIT } from "#rbnet/pixels/square";
import { temporaryFolder } from "../temporary-folder.js";

const dataFolder = fileURLToPath(new URL("../../../shared/data/", import.meta.url));
const photographs = `${dataFolder}imagenet-sample`;
const cifar10 = `${dataFolder}cifar10/test`;

describe.skipIf(!existsSync(photographs))(`photographs in ${photographs} (skipped where absent)`, () => {
  it("opens all 200, one a class, for a network of 224 pixels", async () => {
    const dataset = await openDataset({ path: photographs, validationFraction: 0, cacheDir: temporaryFolder() });
    expect([dataset.classes.length, dataset.train.count, dataset.size, dataset.skipped.length]).toEqual([200, 200, 224, 0]);
    // ImageNet's usual means, roughly, of so small a sample.
    for (const [channel, usual] of [0.485, 0.456, 0.406].entries())
      expect(Math.abs(dataset.mean[channel]! - usual)).toBeLessThan(0.05);
  });

  it("gives the same bits from files and from shards, cropped, mirrored and recoloured", { timeout: 60_000 }, async () => {
    const out = join(temporaryFolder(), "shards");
    expect(await writeShards(photographs, out, { imagesPerShard: 64, seed: 1 })).toEqual({
      shards: 4,
      images: 200,
      skipped: [],
      leftOut: [],
    });
    const { train, mean, standardDeviation } = await openDataset({
      path: out,
      validationFraction: 0,
      size: 224,
      cacheDir: temporaryFolder(),
    });
    // Names in shards are "<number>-<name of the file>".
    const names = readdirSync(photographs, { recursive: true, encoding: "utf8" }).filter((name) => /\.jpe?g$/i.test(name));
    const fileOf = new Map(names.map((name) => [parse(name).name, join(photographs, name)]));
    const paths = Array.from({ length: 200 }, (_, index) => fileOf.get(parse(train.nameOf(index)).name.replace(/^\d+-/, ""))!);
    expect(new Set(paths).size).toBe(200);
    const files = fileSet(paths, train.labels, PIXEL_LIMIT);
    const augmentation = {
      crop: { kind: "resized", scale: [0.08, 1], ratio: [3 / 4, 4 / 3] },
      flip: true,
      colorJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4 },
      lighting: 0.1,
    } as const;
    const batchOf = async (set: ImageSet): Promise<string> => {
      const options = { batch: 32, size: 224, mean, standardDeviation, augmentation, seed: 1, shuffle: false, dropLast: true };
      await using loader = new Loader(set, options);
      for await (const { images } of loader.epoch(2)) return createHash("sha256").update(Float32Array.from(images)).digest("hex");
      throw new Error("expected a batch");
    };
    expect(await batchOf(train)).toBe(await batchOf(files));
  });

  it("cannot hold any out, and says which class is too small", async () => {
    await expect(openDataset({ path: photographs, cacheDir: temporaryFolder() })).rejects.toThrow(
      /class "n01440764" has a single usable image/,
    );
  });
});

describe.skipIf(!existsSync(cifar10))(`CIFAR-10 in ${cifar10} (skipped where absent)`, () => {
  it("opens 10,000 files as ten classes, again from the cache, and loads them balanced", { timeout: 60_000 }, async () => {
    const cacheDir = temporaryFolder();
    const dataset = await openDataset({ path: cifar10, cacheDir });
    expect([dataset.classes.length, dataset.train.count, dataset.validation?.count, dataset.size]).toEqual([10, 9000, 1000, 32]);
    let decoded = 0;
    const again = await openDataset({ path: cifar10, cacheDir, progress: (done) => (decoded = done) });
    expect(decoded).toBe(0);
    expect(again.mean).toEqual(dataset.mean);
    await using loader = new Loader(again.train, {
      batch: 128,
      size: 32,
      mean: again.mean,
      standardDeviation: again.standardDeviation,
      seed: 1,
      shuffle: true,
      dropLast: false,
    });
    const counts = new Array<number>(10).fill(0);
    let sum = 0;
    for await (const batch of loader.epoch(0)) {
      for (const label of batch.labels) counts[label]!++;
      for (const value of batch.images) sum += value;
      batch.release();
    }
    expect(counts).toEqual(new Array<number>(10).fill(900));
    expect(Math.abs(sum / (9000 * 3072))).toBeLessThan(1e-3); // normalized by its own mean
  });
});
