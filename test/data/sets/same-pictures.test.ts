/** Pictures that are in the data twice are found in memory, in files and in shards; what is there once is not taken for another. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Dataset } from "#rbnet/data/dataset";
import { openDataset } from "#rbnet/data/open-dataset";
import { fileSet } from "#rbnet/data/sets/image-set";
import { findSamePictures } from "#rbnet/data/sets/same-pictures";
import { writeShards } from "#rbnet/data/shards/write-shards";
import { temporaryFolder } from "../../temporary-folder.js";
import { classFolder } from "../picture-folders.js";

/** Three copies in another class, one in another part, and one beside its original, which is nobody's fault. */
async function folderWithCopies(): Promise<string> {
  const root = await classFolder(["train/cat", "train/dog", "val/cat", "val/dog"], 10, 20);
  for (const image of ["000", "001", "002"])
    copyFileSync(join(root, "train/cat", `${image}.png`), join(root, "train/dog", `x${image}.png`));
  copyFileSync(join(root, "train/cat/003.png"), join(root, "val/cat/x.png"));
  copyFileSync(join(root, "train/cat/004.png"), join(root, "train/cat/y.png"));
  return root;
}

const open = (path: string): Promise<Dataset> =>
  openDataset({ path, size: 32, cacheDir: temporaryFolder(), validationFraction: 0 });

describe("the same pictures", () => {
  it("are found by their pixels where they are in memory", async () => {
    const root = await folderWithCopies();
    expect(await findSamePictures(await open(root))).toEqual({
      acrossClasses: { count: 3, example: [join(root, "train/cat/000.png"), join(root, "train/dog/x000.png")] },
      acrossParts: { count: 1, example: [join(root, "train/cat/003.png"), join(root, "val/cat/x.png")] },
      searched: true,
    });
  });

  it("are found by their bytes where they are files or in shards", async () => {
    const root = await folderWithCopies();
    const data = await open(root);
    const asFiles = (set: Dataset["train"]) =>
      fileSet(
        Array.from({ length: set.count }, (_, index) => set.nameOf(index)),
        set.labels,
        1e6,
      );
    const files = { train: asFiles(data.train), validation: asFiles(data.validation!), test: undefined };
    expect(await findSamePictures(files)).toEqual(await findSamePictures(data));
    const out = join(temporaryFolder(), "shards");
    await writeShards(root, out, { imagesPerShard: 10, seed: 1 });
    const inShards = await findSamePictures(await open(out));
    expect([inShards.acrossClasses?.count, inShards.acrossParts?.count]).toEqual([3, 1]);
  });

  it("are none where each is there once", async () => {
    expect(await findSamePictures(await open(await classFolder(["cat", "dog"], 10, 20)))).toEqual({
      acrossClasses: undefined,
      acrossParts: undefined,
      searched: true,
    });
  });

  it("are not looked for among more files than can be read before a start", async () => {
    const paths = Array.from({ length: 200_001 }, (_, index) => `${index}.jpg`);
    const { searched } = await findSamePictures({
      train: fileSet(paths, new Uint16Array(paths.length), 1),
      validation: undefined,
      test: undefined,
    });
    expect(searched).toBe(false);
  });
});
