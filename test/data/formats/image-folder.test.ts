/**
 * Image folders: which layouts are understood, how images are held out, what is skipped or refused, and what the cache may and may not do.
 */
import { chmodSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Dataset, DatasetOptions, MemorySource } from "#rbnet/data/dataset";
import { decodeImage } from "#rbnet/data/decoding/image-file";
import { imageFolder } from "#rbnet/data/formats/image-folder";
import { openDataset } from "#rbnet/data/open-dataset";
import { UserError } from "#rbnet/errors";
import { temporaryFolder } from "../../temporary-folder.js";
import { classFolder, picture, write } from "../picture-folders.js";

async function open(path: string, options: DatasetOptions = {}): Promise<Dataset> {
  return openDataset({ path, cacheDir: temporaryFolder(), ...options });
}

async function sentence(opening: Promise<unknown>): Promise<string> {
  const error: unknown = await opening.then(
    () => new Error("it was opened"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
}

function memoryOf(dataset: Dataset): MemorySource {
  if (dataset.train.source.kind !== "memory") throw new Error("expected images in memory");
  return dataset.train.source;
}

describe("layout", () => {
  it("takes one folder per class, sorted by code unit, and holds out a tenth of each", async () => {
    const dataset = await open(await classFolder(["b", "a", "Z", "ä"], 20));
    expect(dataset.classes).toEqual(["Z", "a", "b", "ä"]);
    expect(dataset.train.count).toBe(72);
    expect(dataset.validation?.count).toBe(8);
    expect(dataset.test).toBeUndefined();
    expect(dataset.size).toBe(32);
    for (let label = 0; label < 4; label++) expect(dataset.validation?.labels.filter((other) => other === label).length).toBe(2);
  });

  it("uses train/, val/ (or validation/, valid/) and test/ as they are", async () => {
    for (const name of ["val", "validation", "valid"]) {
      const root = temporaryFolder();
      const png = await picture(16, 16).png().toBuffer();
      write(root, {
        "train/a/1.png": png,
        "train/b/1.png": png,
        [`${name}/b/2.png`]: png,
        "test/a/3.png": png,
        "notes/readme.txt": "no class",
      });
      const dataset = await open(root);
      expect(dataset.classes).toEqual(["a", "b"]);
      expect(dataset.train.count).toBe(2);
      expect([...(dataset.validation?.labels ?? [])]).toEqual([1]);
      expect([...(dataset.test?.labels ?? [])]).toEqual([0]);
      expect(dataset.test?.nameOf(0)).toBe(join(root, "test", "a", "3.png"));
    }
  });

  it("splits validation off train/ where only test/ is there, or not at all when told so", async () => {
    const root = temporaryFolder();
    const png = await picture(16, 16).png().toBuffer();
    for (const image of ["1", "2", "3", "4"]) write(root, { [`train/a/${image}.png`]: png, [`train/b/${image}.png`]: png });
    write(root, { "test/a/1.png": png });
    const split = await open(root, { validationFraction: 0.25 });
    expect([split.train.count, split.validation?.count, split.test?.count]).toEqual([6, 2, 1]);
    const whole = await open(root, { validationFraction: 0 });
    expect([whole.train.count, whole.validation?.count]).toEqual([8, undefined]);
  });

  it("keeps a class called train a class", async () => {
    expect((await open(await classFolder(["car", "train"], 3))).classes).toEqual(["car", "train"]);
  });

  it("reads spaces, Unicode, upper-case endings and deeper folders, and ignores what is no image", async () => {
    const root = temporaryFolder();
    const jpeg = await picture(20, 20).jpeg().toBuffer();
    write(root, { "class one/ein Bild ü.JPG": jpeg, "class one/deeper/日本.jpeg": jpeg, "類/x.jpg": jpeg, "類/y.Jpg": jpeg });
    write(root, {
      "class one/notes.txt": "x",
      "class one/.hidden.jpg": "x",
      ".cache/z.jpg": "x",
      "類/Thumbs.db": "x",
      "list.csv": "x",
    });
    const dataset = await open(root, { validationFraction: 0 });
    expect(dataset.classes).toEqual(["class one", "類"]);
    expect(dataset.train.count).toBe(4);
    expect(dataset.skipped).toEqual([]);
  });

  it("follows links to files and folders, once, and leaves broken ones and those back to where they lie", async () => {
    const other = await classFolder(["far"], 3);
    const root = await classFolder(["near"], 2);
    symlinkSync(join(other, "far"), join(root, "far"));
    symlinkSync(root, join(root, "near", "loop"));
    symlinkSync(join(root, "near"), join(root, "near", "self"));
    symlinkSync(join(root, "nothing"), join(root, "near", "broken.png"));
    symlinkSync(join(other, "far", "000.png"), join(root, "near", "linked.png"));
    const dataset = await open(root, { validationFraction: 0 });
    expect(dataset.classes).toEqual(["far", "near"]);
    expect(dataset.train.labels.filter((label) => label === 0).length).toBe(3);
    expect(dataset.train.labels.filter((label) => label === 1).length).toBe(3);
    expect(dataset.origin.leftOut.map(({ what, count }) => [what, count])).toEqual([
      ["links back to folders that they lie in", 2],
      ["a link that leads nowhere", 1],
    ]);
  });

  it("takes an input that enlarges no usual picture by more than half, from 32 to 224 pixels, unless told otherwise", async () => {
    const sizes = await Promise.all(
      [28, 48, 64, 100, 160, 300].map(async (side) => (await open(await classFolder(["a", "b"], 2, side))).size),
    );
    expect(sizes).toEqual([32, 32, 64, 128, 224, 224]);
    expect((await open(await classFolder(["a", "b"], 2, 28), { size: 64 })).size).toBe(64);
  });
});

describe("split", () => {
  it("is the same for a seed and another for another, with nothing in both parts", async () => {
    const root = await classFolder(["a", "b"], 30);
    const names = async (seed: number): Promise<string[]> => {
      const { train, validation } = await open(root, { seed, validationFraction: 0.2 });
      const held = Array.from({ length: validation?.count ?? 0 }, (_, index) => validation?.nameOf(index) ?? "");
      const all = new Set([...held, ...Array.from({ length: train.count }, (_, index) => train.nameOf(index))]);
      expect(all.size).toBe(60);
      return held;
    };
    expect(await names(1)).toEqual(await names(1));
    expect(await names(1)).not.toEqual(await names(2));
  });

  it("labels agree with the folder that the image lies in", async () => {
    const { train, classes } = await open(await classFolder(["x", "y", "z"], 7));
    for (let image = 0; image < train.count; image++) expect(train.nameOf(image)).toContain(`/${classes[train.labels[image]!]}/`);
  });
});

describe("pixels and statistics", () => {
  it("keeps in memory exactly what decodeImage returns", async () => {
    const dataset = await open(await classFolder(["a", "b"], 4, 40), { size: 24 });
    const source = memoryOf(dataset);
    for (let image = 0; image < dataset.train.count; image++) {
      const start = source.rows[image]! * 24 * 24 * 3;
      expect(source.pixels.slice(start, start + 24 * 24 * 3)).toEqual(
        new Uint8Array(await decodeImage(dataset.train.nameOf(image), 24)),
      );
    }
  });

  it("gives mean and standard deviation of the training images only, by their definition", async () => {
    const dataset = await open(await classFolder(["a", "b"], 10, 16), { size: 16, validationFraction: 0.5 });
    const source = memoryOf(dataset);
    for (let channel = 0; channel < 3; channel++) {
      const values: number[] = [];
      for (const row of source.rows)
        for (let pixel = 0; pixel < 256; pixel++) values.push(source.pixels[(row * 256 + pixel) * 3 + channel]! / 255);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const standardDeviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
      expect(dataset.mean[channel]).toBeCloseTo(mean, 10);
      expect(dataset.standardDeviation[channel]).toBeCloseTo(standardDeviation, 8);
    }
  });
});

describe("bad images", () => {
  async function folderWithBad(): Promise<string> {
    const root = await classFolder(["a", "b"], 15);
    const jpeg = await picture(64, 64).jpeg().toBuffer();
    write(root, { "a/cut.jpg": jpeg.subarray(0, jpeg.length / 2), "b/text.jpg": "not a picture" });
    return root;
  }

  it("are skipped, counted and named with the reason", async () => {
    const dataset = await open(await folderWithBad(), { validationFraction: 0 });
    expect(dataset.train.count).toBe(30);
    expect(dataset.skipped.map(({ path }) => path.split("/").at(-1))).toEqual(["cut.jpg", "text.jpg"]);
    expect(dataset.skipped[0]?.reason).toMatch(/truncated/);
    expect(dataset.skipped[1]?.reason).toMatch(/not an image/);
  });

  it("stop it when they are too many, and the first are named", async () => {
    const message = await sentence(open(await folderWithBad(), { maxBadFraction: 0.05 }));
    expect(message).toMatch(/^2 of the 32 images in .* cannot be used, more than the 5 %.*cut\.jpg.*text\.jpg/);
  });

  it("include images of too many pixels", async () => {
    const root = await classFolder(["a", "b"], 12);
    write(root, { "a/large.png": await picture(200, 200).png().toBuffer() });
    const dataset = await open(root, { pixelLimit: 10_000 });
    expect(dataset.skipped.map(({ reason }) => reason)).toEqual(["it has more than 0.01 megapixels"]);
  });
});

describe("refused with one sentence", () => {
  it("folders that are missing, empty, a file, unreadable or not laid out by class", async () => {
    const root = temporaryFolder();
    write(root, {
      "file.jpg": "x",
      "loose/1.jpg": "x",
      "one/only/1.png": await picture(8, 8).png().toBuffer(),
      "bare/a/.keep": "",
      "bare/b/.keep": "",
    });
    write(root, { "odd/val/a/1.png": "x", "odd/val/b/1.png": "x" });
    expect(await sentence(open(join(root, "missing")))).toMatch(/there is no folder .*missing: give a folder/);
    expect(await sentence(open(join(root, "file.jpg")))).toMatch(/file\.jpg is a file: give a folder/);
    expect(await sentence(open(join(root, "loose")))).toMatch(/holds images but no class folders/);
    expect(await sentence(open(temporaryFolder()))).toMatch(/is empty: expected one folder of images per class/);
    expect(await sentence(open(join(root, "one")))).toMatch(/holds a single class, "only"/);
    expect(await sentence(open(join(root, "bare")))).toMatch(/class folder .*bare\/a holds no images/);
    expect(await sentence(open(join(root, "odd")))).toMatch(/has val\/ but no train\//);
    if (process.getuid?.() !== 0) {
      chmodSync(join(root, "loose"), 0);
      expect(await sentence(open(join(root, "loose")))).toMatch(/may not be read/);
      chmodSync(join(root, "loose"), 0o700);
    }
  });

  it("a class with a single image, by name, unless nothing is held out", async () => {
    const root = await classFolder(["many"], 5);
    write(root, { "lonely/1.png": await picture(16, 16).png().toBuffer() });
    expect(await sentence(open(root))).toMatch(/class "lonely" has a single usable image/);
    expect((await open(root, { validationFraction: 0 })).train.count).toBe(6);
  });

  it("a class in val/ that train/ does not have", async () => {
    const root = temporaryFolder();
    const png = await picture(16, 16).png().toBuffer();
    write(root, { "train/a/1.png": png, "train/b/1.png": png, "val/c/1.png": png });
    expect(await sentence(open(root))).toMatch(/has a class "c" that the training part does not have/);
  });

  it("a class none of whose images can be read", async () => {
    const root = await classFolder(["a", "b"], 30);
    write(root, { "c/1.jpg": "no", "c/2.jpg": "no" });
    expect(await sentence(open(root))).toMatch(/none of the training images of class "c" can be read/);
  });

  it("sizes and fractions out of range", async () => {
    const root = await classFolder(["a", "b"], 2);
    expect(await sentence(open(root, { size: 7.5 }))).toMatch(/image size is 7.5/);
    expect(await sentence(open(root, { validationFraction: 1 }))).toMatch(/validation fraction is 1,/);
    expect(await sentence(open(root, { validationFraction: Number.NaN }))).toMatch(/validation fraction is NaN/);
  });
});

describe("cache", () => {
  async function openCounting(path: string, cacheDir: string): Promise<{ dataset: Dataset; decoded: number }> {
    let decoded = 0;
    const dataset = await imageFolder(path, { cacheDir, progress: (done) => (decoded = done) });
    return { dataset, decoded };
  }

  it("saves decoding the same files again, bad ones included, and gives the same pixels", async () => {
    const root = await classFolder(["a", "b"], 12);
    write(root, { "b/text.jpg": "no" });
    const cacheDir = temporaryFolder();
    const first = await openCounting(root, cacheDir);
    const second = await openCounting(root, cacheDir);
    expect([first.decoded, second.decoded]).toEqual([25, 0]);
    expect(second.dataset.skipped).toEqual(first.dataset.skipped);
    expect(memoryOf(second.dataset).pixels).toEqual(memoryOf(first.dataset).pixels);
  });

  it("is dropped when a file changes, and replaced rather than added to", async () => {
    const root = await classFolder(["a", "b"], 3);
    const cacheDir = temporaryFolder();
    await openCounting(root, cacheDir);
    utimesSync(join(root, "a", "000.png"), 1000, 1000);
    expect((await openCounting(root, cacheDir)).decoded).toBe(6);
    rmSync(join(root, "a", "001.png"));
    expect((await openCounting(root, cacheDir)).decoded).toBe(5);
    expect(readdirSync(cacheDir).length).toBe(1);
  });

  it("is ignored when it is damaged anywhere, and rebuilt", async () => {
    const root = await classFolder(["a", "b"], 3);
    const cacheDir = temporaryFolder();
    const { dataset } = await openCounting(root, cacheDir);
    const file = join(cacheDir, readdirSync(cacheDir)[0]!);
    const good = readFileSync(file);
    for (const at of [0, 9, 20, Math.floor(good.length / 2), good.length - 1]) {
      const damaged = Buffer.from(good);
      damaged[at]! ^= 0x40;
      writeFileSync(file, damaged);
      const again = await openCounting(root, cacheDir);
      expect(again.decoded, `byte ${at}`).toBe(6);
      expect(memoryOf(again.dataset).pixels).toEqual(memoryOf(dataset).pixels);
    }
    for (const length of [0, 5, 100, good.length - 1]) {
      writeFileSync(file, good.subarray(0, length));
      expect((await openCounting(root, cacheDir)).decoded, `cut at ${length}`).toBe(6);
    }
  });

  it("may be unwritable", async () => {
    const root = await classFolder(["a", "b"], 3);
    write(root, { file: "in the way" });
    expect((await openCounting(root, join(root, "file", "cache"))).dataset.train.count).toBe(4);
  });
});
