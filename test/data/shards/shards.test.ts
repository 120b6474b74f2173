/** Tar shards: the same images as in a folder, in an order that only seed and epoch decide, from files that may be damaged. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Dataset, DatasetOptions } from "#rbnet/data/dataset";
import { Loader, type LoaderOptions } from "#rbnet/data/loading/loader";
import { openDataset } from "#rbnet/data/open-dataset";
import { TAR_END, tarFile } from "#rbnet/data/shards/tar";
import { type ShardOptions, writeShards } from "#rbnet/data/shards/write-shards";
import { UserError } from "#rbnet/errors";
import { temporaryFolder } from "../../temporary-folder.js";
import { classFolder, picture, write } from "../picture-folders.js";

const classes = ["bird", "cat", "dog"];

async function shardsOf(folder: string, more: Partial<ShardOptions> = {}): Promise<string> {
  const out = join(temporaryFolder(), "shards");
  await writeShards(folder, out, { imagesPerShard: 8, seed: 1, ...more });
  return out;
}

function open(path: string, more: DatasetOptions = {}): Promise<Dataset> {
  return openDataset({ path, size: 32, cacheDir: temporaryFolder(), validationFraction: 0, ...more });
}

function loaderOf(data: Dataset, more: Partial<LoaderOptions> = {}): Loader {
  const { mean, standardDeviation, size } = data;
  return new Loader(data.train, { batch: 4, size, mean, standardDeviation, seed: 5, shuffle: true, dropLast: false, ...more });
}

interface Delivered {
  readonly indices: number[];
  readonly labels: number[];
  /** One a picture. */
  readonly pixels: string[];
}

async function epochOf(data: Dataset, more: Partial<LoaderOptions> = {}, epoch = 0, fromBatch = 0): Promise<Delivered[]> {
  await using loader = loaderOf(data, more);
  const delivered: Delivered[] = [];
  for await (const { images, indices, labels, count, release } of loader.epoch(epoch, fromBatch)) {
    const floats = images.length / count;
    const pixels = Array.from({ length: count }, (_, image) =>
      createHash("sha256")
        .update(Uint8Array.from(new Uint8Array(images.slice(image * floats, (image + 1) * floats).buffer)))
        .digest("hex"),
    );
    delivered.push({ indices: [...indices], labels: [...labels], pixels });
    release();
  }
  return delivered;
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  expect((error as UserError).message).not.toContain("\n");
  return (error as UserError).message;
}

function tarsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".tar"))
    .map((name) => join(folder, name));
}

describe("shards written from a folder", () => {
  it("give the folder's pixels, labels and class names, at a size that is stored and at one that is decoded anew", async () => {
    const folder = await classFolder(classes, 7);
    const shards = await shardsOf(folder);
    for (const size of [32, 128]) {
      const statistics = { mean: [0.5, 0.5, 0.5], standardDeviation: [0.2, 0.2, 0.2] } as const;
      const [one, other] = [await open(folder, { size }), await open(shards, { size })];
      expect([other.classes, other.train.count]).toEqual([classes, 21]);
      const pairs = async (data: Dataset): Promise<string[]> =>
        (await epochOf(data, { ...statistics, shuffle: false }))
          .flatMap(({ labels, pixels }) => labels.map((label, image) => `${label} ${pixels[image]}`))
          .sort();
      const expected = await pairs(one);
      expect(new Set(expected).size).toBe(21);
      expect(await pairs(other)).toEqual(expected);
      for (const channel of [0, 1, 2]) expect(other.mean[channel]).toBeCloseTo(one.mean[channel]!, 3);
    }
  });

  it("are the same bytes for the same seed, others for another, and mix the classes", async () => {
    const folder = await classFolder(classes, 20);
    const bytesOf = (out: string): string[] => tarsIn(out).map((path) => readFileSync(path).toString("base64"));
    const first = await shardsOf(folder, { imagesPerShard: 30 });
    expect(bytesOf(await shardsOf(folder, { imagesPerShard: 30 }))).toEqual(bytesOf(first));
    expect(bytesOf(await shardsOf(folder, { imagesPerShard: 30, seed: 2 }))).not.toEqual(bytesOf(first));
    const { train } = await open(first);
    expect(tarsIn(first).length).toBe(2);
    expect(new Set(train.labels.subarray(0, 30)).size).toBe(3);
    expect(new Set(train.labels.subarray(30)).size).toBe(3);
  });

  it("have images that had no ending in the folder", async () => {
    const folder = temporaryFolder();
    const [png, jpeg] = await Promise.all([picture(16, 16).png().toBuffer(), picture(16, 16, 1).jpeg().toBuffer()]);
    write(folder, { "cat/one": png, "dog/two": jpeg, "dog/three.dat": png });
    expect((await open(await shardsOf(folder))).train.count).toBe(3);
  });

  it("keep the parts of a folder, whatever its own name says", async () => {
    const root = join(temporaryFolder(), "test-pictures");
    let seed = 0;
    for (const part of ["train", "val", "test"])
      for (const name of classes)
        for (const image of [0, 1])
          write(root, { [`${part}/${name}/${image}.png`]: await picture(32, 32, seed++).png().toBuffer() });
    const data = await open(await shardsOf(root));
    expect([data.train.count, data.validation?.count, data.test?.count]).toEqual([6, 6, 6]);
  });

  it("leave nothing behind where the writing is stopped or a class cannot be written", async () => {
    const folder = await classFolder(classes, 7);
    const parent = temporaryFolder();
    const stop = new AbortController();
    const options = { imagesPerShard: 4, seed: 1, signal: stop.signal, progress: () => stop.abort() };
    expect(await refusal(writeShards(folder, join(parent, "out"), options))).toContain("stopped");
    write(folder, { " blank/1.png": await picture(32, 32).png().toBuffer() });
    expect(await refusal(writeShards(folder, join(parent, "out"), { imagesPerShard: 4, seed: 1 }))).toContain('" blank"');
    expect(readdirSync(parent)).toEqual([]);
  });
});

describe("classes as text", () => {
  /** A shard of six images with the label that `labelOf` gives, in a file with this ending. */
  async function shardWith(
    labelOf: (image: number) => string,
    ending = "cls",
    more: Record<string, string> = {},
  ): Promise<string> {
    const root = temporaryFolder();
    const files: Buffer[] = [];
    for (let image = 0; image < 6; image++) {
      const png = await picture(16, 16, image).png().toBuffer();
      files.push(
        Buffer.from(tarFile(`${image}.png`, png)),
        Buffer.from(tarFile(`${image}.${ending}`, Buffer.from(labelOf(image)))),
      );
    }
    write(root, { "data-000.tar": Buffer.concat([...files, TAR_END]), ...more });
    return root;
  }
  const names = ["dog", "cat", "bird"];
  const named = (image: number): string => `${names[image % 3]}\n`;

  it("are names in alphabetical order, from .cls, .json and .txt", async () => {
    const json = (image: number): string => JSON.stringify({ label: names[image % 3], caption: "x" });
    for (const path of [await shardWith(named), await shardWith(named, "txt"), await shardWith(json, "json")]) {
      const { classes: found, train } = await open(path);
      expect(found).toEqual(["bird", "cat", "dog"]);
      expect([...train.labels]).toEqual([2, 1, 0, 2, 1, 0]);
    }
  });

  it("are the lines of classes.txt in their order, where there is one", async () => {
    const { classes: found, train } = await open(await shardWith(named, "cls", { "classes.txt": "dog\ncat\nbird\nfish\n" }));
    expect(found).toEqual(["dog", "cat", "bird", "fish"]);
    expect([...train.labels]).toEqual([0, 1, 2, 0, 1, 2]);
    expect(await refusal(open(await shardWith(named, "cls", { "classes.txt": "dog\ncat\n" })))).toMatch(
      /2\.png has the class "bird", but classes\.txt does not name it: use the same classes in all$/,
    );
  });

  it("are refused where some are numbers, where they look like captions, and where they are no line", async () => {
    expect(await refusal(open(await shardWith((image) => (image === 4 ? "cat" : String(image % 3)))))).toMatch(
      /have classes as numbers \(.*0\.png: 0\) and as names \(.*4\.png: "cat"\): use one of the two in all$/,
    );
    expect(await refusal(open(await shardWith((image) => `a picture of thing ${image}`, "txt")))).toMatch(
      /have 6 texts for the classes of 6 images, such as "a picture of thing 0" and .*, which look like captions: give the class/,
    );
    const data = await open(await shardWith((image) => (image === 5 ? "-1" : String(image % 2))), { maxBadFraction: 0.5 });
    expect(data.skipped.map(({ reason }) => reason)).toEqual([
      "its class in 5.cls is no whole number from 0 to 65535, and no name of a line",
    ]);
    const lines = await open(await shardWith((image) => (image === 5 ? "a\nb" : named(image))), { maxBadFraction: 0.5 });
    expect(lines.skipped.length).toBe(1);
  });
});

describe("the order of an epoch over shards", () => {
  it("is the same for 1, 2 and 4 workers, other in each epoch and for each seed, and has every image once", async () => {
    const data = await open(await shardsOf(await classFolder(classes, 10)));
    const augmentation = { crop: { kind: "pad", padding: 3 }, flip: true } as const;
    const alone = await epochOf(data, { workers: 1, augmentation }, 1);
    for (const workers of [2, 4]) expect(await epochOf(data, { workers, augmentation }, 1)).toEqual(alone);
    const indices = alone.flatMap((batch) => batch.indices);
    expect([...indices].sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, index) => index));
    for (const other of [await epochOf(data, {}, 2), await epochOf(data, { seed: 6 }, 1)])
      expect(other.flatMap((batch) => batch.indices)).not.toEqual(indices);
  });

  it("has all classes as often with a balanced sampler, and an image that comes again augmented otherwise", async () => {
    const data = await open(await shardsOf(await classFolder(classes, 10)));
    const labels = data.train.labels.map((label, index) => (index < 3 ? 2 : label % 2));
    const lopsided = { ...data, train: { ...data.train, labels, nameOf: (index: number) => data.train.nameOf(index) } };
    const all = { sampler: "balanced", augmentation: { crop: { kind: "pad", padding: 3 }, flip: true } } as const;
    const epoch = await epochOf(lopsided, all, 1);
    const found = epoch.flatMap((batch) => batch.labels);
    expect([0, 1, 2].map((label) => found.filter((one) => one === label).length)).toEqual([10, 10, 10]);
    const indices = epoch.flatMap((batch) => batch.indices);
    const looks = epoch.flatMap((batch) => batch.pixels).filter((_, place) => indices[place] === 0);
    expect(looks.length).toBeGreaterThanOrEqual(3);
    expect(new Set(looks).size).toBe(looks.length);
    expect(await epochOf(lopsided, { ...all, workers: 3 }, 1)).toEqual(epoch);
    expect(await epochOf(lopsided, { ...all, workers: 2 }, 1, 3)).toEqual(epoch.slice(3));
  });

  it("goes on from any batch as if never left", async () => {
    const data = await open(await shardsOf(await classFolder(classes, 10)));
    const augmentation = { crop: { kind: "pad", padding: 3 }, flip: true } as const;
    const whole = await epochOf(data, { augmentation }, 3);
    for (const batch of [1, 4, 7])
      expect(await epochOf(data, { augmentation, workers: 2 }, 3, batch)).toEqual(whole.slice(batch));
  });
});

describe("the index of shards", () => {
  it("is read once, and again only for a shard of another size or time", async () => {
    const shards = await shardsOf(await classFolder(classes, 10));
    const cacheDir = temporaryFolder();
    let read = 0;
    const reopen = async (): Promise<readonly [number, number]> => {
      read = 0;
      const { train } = await open(shards, { cacheDir, progress: (done) => (read = done) });
      return [read, train.count];
    };
    const [first, second] = tarsIn(shards);
    utimesSync(second!, 1000, 1000);
    expect(await reopen()).toEqual([4, 30]);
    expect(await reopen()).toEqual([0, 30]);
    utimesSync(first!, 1, 1);
    expect(await reopen()).toEqual([1, 30]);
    const image = await picture(32, 32, 99).png().toBuffer();
    writeFileSync(
      second!,
      Buffer.concat([
        readFileSync(second!).subarray(0, -TAR_END.length),
        tarFile("new.png", image),
        tarFile("new.cls", Buffer.from("1")),
        TAR_END,
      ]),
    );
    utimesSync(second!, 1000, 1000);
    expect(await reopen()).toEqual([1, 31]);
  });

  it("that is damaged is read anew", async () => {
    const shards = await shardsOf(await classFolder(classes, 10));
    const cacheDir = temporaryFolder();
    await open(shards, { cacheDir });
    const [name] = readdirSync(cacheDir).filter((file) => file.endsWith(".shards"));
    const kept = readFileSync(join(cacheDir, name!));
    // Still JSON, and still within the shard: only the checksum tells.
    const offset = kept.indexOf('"offsets":[512,') + '"offsets":['.length;
    expect(kept.toString("latin1", offset, offset + 4)).toBe("512,");
    kept.write("513", offset, "latin1");
    writeFileSync(join(cacheDir, name!), kept);
    let read = 0;
    expect((await open(shards, { cacheDir, progress: (done) => (read = done) })).train.count).toBe(30);
    expect(read).toBe(1);
  });
});

describe("a folder of shards", () => {
  const image = picture(32, 32).png().toBuffer();

  async function sample(key: string, label: string, kind = "cls"): Promise<Uint8Array[]> {
    return [tarFile(`${key}.png`, await image), tarFile(`${key}.${kind}`, Buffer.from(label))];
  }

  async function tar(...samples: readonly Promise<Uint8Array[]>[]): Promise<Buffer> {
    return Buffer.concat([...(await Promise.all(samples)).flat(), TAR_END]);
  }

  it("may say its parts by folders and its classes in JSON, without names", async () => {
    const root = temporaryFolder();
    write(root, {
      "train/0.tar": await tar(sample("a", '{"label": 0}', "json"), sample("b", '{"label": 2}', "json")),
      "val/0.tar": await tar(sample("a", "2")),
    });
    const { classes: names, train, validation } = await open(root);
    expect([names, [...train.labels], [...(validation?.labels ?? [])]]).toEqual([["0", "1", "2"], [0, 2], [2]]);
  });

  it("knows parts by the names that folders of images have, with classes.txt in the one for training", async () => {
    const root = temporaryFolder();
    write(root, {
      "Training/0.tar": await tar(sample("a", "0"), sample("b", "1")),
      "Training/classes.txt": "cat\ndog\n",
      "dev/0.tar": await tar(sample("a", "1")),
      "Testing/0.tar": await tar(sample("a", "0"), sample("b", "0")),
    });
    const { classes: names, train, validation, test } = await open(root);
    expect([names, train.count, validation?.count, test?.count]).toEqual([["cat", "dog"], 2, 1, 2]);
  });

  it.each([
    [
      "cut off",
      (path: string) => truncateSync(path, 4000),
      /^the shard .*000001\.tar cannot be used: it is cut off: .*byte 4000/,
    ],
    ["overwritten", (path: string) => writeFileSync(path, "x".repeat(4096)), /cannot be used: it is damaged at byte 0: /],
  ])("with a shard that is %s is refused in one sentence", async (_, damage, sentence) => {
    const shards = await shardsOf(await classFolder(classes, 10));
    damage(tarsIn(shards)[1]!);
    expect(await refusal(open(shards))).toMatch(sentence);
  });

  it("is refused where a class is beyond classes.txt, shards are compressed, or too many samples have no class", async () => {
    const root = temporaryFolder();
    write(root, { "train/0.tar": await tar(sample("a", "0"), sample("b", "5")), "classes.txt": "cat\ndog\n" });
    expect(await refusal(open(root))).toContain("b.png has the class 5, but classes.txt names only 2");
    const other = temporaryFolder();
    write(other, { "train/0.tar.gz": "packed" });
    expect(await refusal(open(other))).toContain("is compressed");
    const renamed = temporaryFolder();
    write(renamed, { "train/0.tar": gzipSync(await tar(sample("a", "0"), sample("b", "1"))) });
    expect(await refusal(open(renamed))).toMatch(/0\.tar is a gzip archive under the name of a tar: unpack it to a plain \.tar$/);
    const packed = temporaryFolder();
    const png = await picture(16, 16).png().toBuffer();
    write(packed, { "photos.tar": Buffer.concat([tarFile("cat/1.png", png), tarFile("dog/2.png", png), TAR_END]) });
    expect(await refusal(open(packed))).toMatch(
      /photos\.tar is an archive of images in folders \(such as cat\/1\.png\), and a shard has a file with the class beside each/,
    );
    const third = temporaryFolder();
    write(third, { "train/0.tar": await tar(sample("a", "0"), sample("b", "1"), sample("c", "-7")) });
    expect(await refusal(open(third))).toContain("c.png (its class in c.cls is no whole number");
  });

  it("replaces a damaged image by its neighbour and names it; with too many it stops", async () => {
    const root = temporaryFolder();
    const samples = Array.from({ length: 20 }, (_, index) => sample(`s${index}`, String(index % 2)));
    const broken = Promise.resolve([tarFile("broken.png", Buffer.from("no picture")), tarFile("broken.cls", Buffer.from("1"))]);
    write(root, { "train/0.tar": await tar(...samples.slice(0, 10), broken, ...samples.slice(10)) });
    const data = await open(root);
    await using loader = loaderOf(data, { shuffle: false });
    const indices: number[] = [];
    for await (const batch of loader.epoch(0)) {
      indices.push(...batch.indices);
      batch.release();
    }
    expect(indices.slice(9, 12)).toEqual([9, 11, 11]);
    expect(loader.skipped).toEqual([{ path: `${join(root, "train/0.tar")}/broken.png`, reason: expect.any(String) }]);
    const strict = await open(root, { maxBadFraction: 0 });
    expect(await refusal(epochOf(strict))).toContain("1 of the 21 images to load cannot be used");
  });
});
