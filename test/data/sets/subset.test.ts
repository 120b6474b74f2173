/** A part of a set: the same share of every class, the images themselves, and a smaller part within a larger one. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Dataset, ImageSet } from "#rbnet/data/dataset";
import { Loader } from "#rbnet/data/loading/loader";
import { openDataset } from "#rbnet/data/open-dataset";
import { subsetByClass } from "#rbnet/data/sets/subset";
import { shapes } from "#rbnet/data/shapes/shapes";
import { writeShards } from "#rbnet/data/shards/write-shards";
import { temporaryFolder } from "../../temporary-folder.js";
import { classFolder } from "../picture-folders.js";

const CLASSES = ["bird", "cat", "dog"];

function countsOf({ labels }: ImageSet): readonly number[] {
  return CLASSES.map((_, label) => labels.filter((one) => one === label).length);
}

/** Label, name and pixels of every image. */
async function contentsOf(data: Dataset, set: ImageSet): Promise<readonly string[]> {
  const { size, mean, standardDeviation } = data;
  await using loader = new Loader(set, { batch: 1, size, mean, standardDeviation, seed: 1, shuffle: false, dropLast: false });
  const found: string[] = [];
  for await (const { images, labels, indices, release } of loader.epoch(0)) {
    found.push(`${labels[0]} ${set.nameOf(indices[0]!)} ${Buffer.from(images.slice().buffer).toString("base64")}`);
    release();
  }
  return found;
}

/** The same pictures decoded in memory, as files, and in shards. */
async function everySource(): Promise<readonly Dataset[]> {
  const folder = await classFolder(CLASSES, 6);
  const shards = join(temporaryFolder(), "shards");
  await writeShards(folder, shards, { imagesPerShard: 7, seed: 1 });
  const open = (path: string) => openDataset({ path, size: 32, cacheDir: temporaryFolder(), validationFraction: 0 });
  const [memory, sharded] = [await open(folder), await open(shards)];
  const paths = Array.from({ length: 18 }, (_, index) => memory.train.nameOf(index));
  const source = { kind: "files", paths, pixelLimit: 1e6, maxBadFraction: 0 } as const;
  return [memory, { ...memory, train: { ...memory.train, source } }, sharded];
}

describe("a part of a set", () => {
  it("has the images of the whole, from memory, files and shards", async () => {
    for (const data of await everySource()) {
      const { kind } = data.train.source;
      const whole = await contentsOf(data, data.train);
      const part = subsetByClass(data.train, 9, 4);
      const contents = await contentsOf(data, part);
      expect(countsOf(part), kind).toEqual([3, 3, 3]);
      expect(contents.length, kind).toBe(9);
      expect(
        contents.every((one) => whole.includes(one)),
        kind,
      ).toBe(true);
      expect(new Set(contents).size, kind).toBe(9);
    }
  });

  it("of shards knows where each of its images lies", async () => {
    const whole = (await everySource()).at(-1)!.train;
    const placesOf = ({ source, count, nameOf }: ImageSet): ReadonlyMap<string, readonly number[]> => {
      if (source.kind !== "shards") throw new Error("expected shards");
      const { shardOf, offsets, lengths } = source;
      return new Map(Array.from({ length: count }, (_, i) => [nameOf(i), [shardOf[i]!, offsets[i]!, lengths[i]!]]));
    };
    const all = placesOf(whole);
    const some = placesOf(subsetByClass(whole, 9, 4));
    expect(some.size).toBe(9);
    for (const [name, place] of some) expect(place, name).toEqual(all.get(name));
  });

  it("lies within a larger one of the same seed, and is another for another seed", () => {
    const { train } = shapes({ train: 200, validation: 0, test: 0, size: 16 });
    const namesOf = (count: number, seed: number): readonly string[] => {
      const part = subsetByClass(train, count, seed);
      return Array.from({ length: part.count }, (_, index) => part.nameOf(index));
    };
    expect(namesOf(100, 1)).toEqual(expect.arrayContaining([...namesOf(37, 1)]));
    expect(namesOf(37, 2)).not.toEqual(namesOf(37, 1));
    expect(namesOf(200, 1).length).toBe(200);
  });

  it.each([9, 201, 10.5])("of %d images is refused: there are ten classes and 200 images", (count) => {
    const { train } = shapes({ train: 200, validation: 0, test: 0, size: 16 });
    expect(() => subsetByClass(train, count, 1)).toThrow(
      `${count} training images were asked for, but it must be a whole number from 10 (one a class) to 200 (all there are)`,
    );
  });
});
