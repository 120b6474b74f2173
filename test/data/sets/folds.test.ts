/** Folds: every image is tested once, by what was trained on the others; classes are shared out evenly; the seed decides. */
import { describe, expect, it } from "vitest";
import type { Dataset, ImageSet } from "#rbnet/data/dataset";
import { foldsOf } from "#rbnet/data/sets/folds";
import { memoryStatistics } from "#rbnet/data/sets/statistics";
import { shapes } from "#rbnet/data/shapes/shapes";

/** 53 images of ten classes, of which three have six and the others five. */
const data: Dataset = shapes({ train: 53, validation: 0, test: 7, size: 16 });

const namesOf = (set: ImageSet | undefined): readonly string[] =>
  Array.from({ length: set?.count ?? 0 }, (_, index) => set!.nameOf(index));

const countsOf = (set: ImageSet): readonly number[] =>
  data.classes.map((_, label) => set.labels.filter((one) => one === label).length);

describe("folds", () => {
  it("test each training image once, and train on exactly the others", async () => {
    const folds = await foldsOf(data, 4, 1);
    const all = namesOf(data.train);
    expect(folds.flatMap(({ test }) => namesOf(test)).sort()).toEqual([...all].sort());
    for (const { train, test, validation } of folds) {
      expect(validation).toBeUndefined();
      expect([...namesOf(train), ...namesOf(test)].sort()).toEqual([...all].sort());
    }
  });

  it("are alike large, in all and in each class, but for one image", async () => {
    const folds = await foldsOf(data, 4, 1);
    expect(folds.map(({ test }) => test!.count).sort()).toEqual([13, 13, 13, 14]);
    for (const { test } of folds) for (const count of countsOf(test!)) expect([1, 2]).toContain(count);
  });

  it("are decided by the seed", async () => {
    const tested = async (seed: number) => (await foldsOf(data, 3, seed)).map(({ test }) => namesOf(test));
    expect(await tested(1)).toEqual(await tested(1));
    expect(await tested(1)).not.toEqual(await tested(2));
  });

  it("are normalized by what they are trained on", async () => {
    const [first, second] = await foldsOf(data, 2, 1);
    if (first!.train.source.kind !== "memory") throw new Error("expected images in memory");
    expect(first!.mean).toEqual(memoryStatistics(first!.train.source).mean);
    expect(first!.mean).not.toEqual(second!.mean);
  });

  it("say that the data's own test images are not used", async () => {
    const [first] = await foldsOf(data, 2, 1);
    expect(first!.origin.doubts).toEqual(["the 7 test images (drawn) are not used: each fold is tested on its own"]);
    expect((await foldsOf({ ...data, test: undefined }, 2, 1))[0]!.origin.doubts).toEqual([]);
  });

  it("are refused where they make no sense", async () => {
    await expect(foldsOf(data, 6, 1)).rejects.toThrow(/class ".*" of shapes has 5 images, too few for 6 folds; add images of it/);
    await expect(foldsOf(data, 1, 1)).rejects.toThrow("1 folds were asked for, but it must be a whole number from 2");
    const validated = shapes({ train: 50, validation: 10, test: 0, size: 16 });
    await expect(foldsOf(validated, 2, 1)).rejects.toThrow("shapes has validation images besides those to train on (drawn)");
  });
});
