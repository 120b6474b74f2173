/** Folders as people have them: parts under many names, one folder too high, litter, links, and what is left out said by kind. */
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type FolderLayout, readFolderLayout } from "#rbnet/data/formats/folder-layout";
import { leftOutText } from "#rbnet/data/formats/left-out";
import { partNamed } from "#rbnet/data/formats/part-names";
import { openDataset } from "#rbnet/data/open-dataset";
import { UserError } from "#rbnet/errors";
import { temporaryFolder } from "../../temporary-folder.js";
import { picture, write } from "../picture-folders.js";

let png: Buffer;
beforeAll(async () => {
  png = await picture(16, 16).png().toBuffer();
});

/** A folder with a picture at each path, where nothing else is given. */
function folderWith(paths: readonly string[], others: Readonly<Record<string, Uint8Array | string>> = {}): string {
  const root = temporaryFolder();
  write(root, Object.fromEntries(paths.map((path) => [path, png])));
  write(root, others);
  return root;
}

const inParts = (train: string, held: string): string =>
  folderWith([`${train}/cat/1.png`, `${train}/cat/2.png`, `${train}/dog/1.png`, `${held}/cat/3.png`, `${held}/dog/3.png`]);

function counts({ files }: FolderLayout): number[] {
  return (["train", "validation", "test"] as const).map((part) => files.filter((file) => file.part === part).length);
}

async function refusal(root: string): Promise<string> {
  const error: unknown = await openDataset({ path: root, cacheDir: temporaryFolder() }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message.replaceAll(root, "ROOT");
}

describe("parts", () => {
  it.each([
    [
      "train",
      "Train",
      "TRAIN",
      "training",
      "Training",
      "train_set",
      "trainset",
      "seg_train",
      "train-images",
      "train2017",
      "TrainData",
    ],
  ])("%s and such are for training", (...names) => {
    expect(names.map(partNamed)).toEqual(names.map(() => "train"));
  });

  it("for validation and test are known by their usual names, in any case", () => {
    for (const name of ["val", "Valid", "VALIDATION", "dev", "eval", "holdout", "val2017", "images_val", "dev-set"])
      expect(partNamed(name), name).toBe("validation");
    for (const name of ["test", "Testing", "test_set", "seg_test", "test1", "TestImages"])
      expect(partNamed(name), name).toBe("test");
    for (const name of ["cat", "trains", "contest", "valley", "device", "tester", "protrain", "seg_pred", "2", "類"])
      expect(partNamed(name), name).toBeUndefined();
  });

  it.each([
    ["Training", "Testing", [3, 0, 2], { train: "Training/", validation: undefined, test: "Testing/" }],
    ["Train", "Val", [3, 2, 0], { train: "Train/", validation: "Val/", test: undefined }],
    ["train", "dev", [3, 2, 0], { train: "train/", validation: "dev/", test: undefined }],
    [
      "seg_train/seg_train",
      "seg_test/seg_test",
      [3, 0, 2],
      { train: "seg_train/seg_train/", validation: undefined, test: "seg_test/seg_test/" },
    ],
  ])("%s/ and %s/ are parts and no classes", (train, held, expected, places) => {
    const layout = readFolderLayout(inParts(train, held));
    expect(layout.classes).toEqual(["cat", "dog"]);
    expect(counts(layout)).toEqual(expected);
    expect(layout.places).toEqual(places);
    expect(layout.leftOut).toEqual([]);
  });

  it("are taken by the plainest name, and folders beside them are said", () => {
    const root = inParts("train", "val");
    write(root, { "train_extra/cat/9.png": png, "valid/cat/9.png": png, "seg_pred/9.png": png, "extra/9.png": png });
    const layout = readFolderLayout(root);
    expect(counts(layout)).toEqual([3, 2, 0]);
    expect(layout.leftOut).toEqual([{ what: "folders beside the parts", count: 4, example: "extra" }]);
  });

  it("without class folders are unlabelled, and said so", () => {
    const root = inParts("train", "val");
    write(root, { "test/1.png": png, "test/2.png": png });
    const layout = readFolderLayout(root);
    expect(counts(layout)).toEqual([3, 2, 0]);
    expect(layout.places.test).toBeUndefined();
    expect(layout.leftOut.map(leftOutText)).toEqual([
      "2 unlabelled test pictures (such as test/1.png; they have no class folders; ask `rbnet predict` what they show)",
    ]);
  });

  it("that hold pictures only are no classes either", async () => {
    expect(await refusal(folderWith(["Train/1.png", "Test/2.png"]))).toBe(
      "ROOT holds Test/ and Train/, but ROOT/Train has no class folders: put the images of each class in a folder named after the class",
    );
  });

  it("of unknown names are doubted where their folders are called alike", async () => {
    const root = folderWith(["one/cat/1.png", "one/dog/1.png", "two/cat/2.png", "two/dog/2.png"]);
    const { classes, origin } = await openDataset({ path: root, validationFraction: 0, cacheDir: temporaryFolder() });
    expect(classes).toEqual(["one", "two"]);
    expect(origin.doubts).toEqual([
      "all class folders hold folders of the same names (cat, dog); if those are the classes, call the outer ones train, val and test",
    ]);
  });

  it("are matched by class in both of Unicode's forms, and empty folders count for nothing", () => {
    const root = folderWith(["train/caf\u00e9/1.png", "train/tea/1.png", "val/cafe\u0301/2.png", "val/tea/2.png"]);
    mkdirSync(join(root, "val", "milk"));
    const { classes, files, leftOut } = readFolderLayout(root);
    expect(classes).toEqual(["caf\u00e9", "tea"]);
    expect(files.filter(({ part }) => part === "validation").map(({ label }) => label)).toEqual([0, 1]);
    expect(leftOut.map(leftOutText)).toEqual(["a folder without images (val/milk)"]);
  });

  it("with a class that is written otherwise are refused with both ways", async () => {
    expect(await refusal(folderWith(["train/red/1.png", "train/blue/1.png", "val/Red/2.png"]))).toBe(
      'ROOT/val has a class "Red", which is "red" in the training part: give both the same name',
    );
  });
});

describe("a folder that is one too high", () => {
  it.each([
    [
      ["photos/cat/1.png", "photos/dog/1.png"],
      "holds a single folder, photos/, but ROOT/photos holds 2 folders of images (cat, dog): give ROOT/photos",
    ],
    [
      ["a/b/train/cat/1.png", "a/b/train/dog/1.png"],
      "holds a single folder, a/, but ROOT/a/b holds train/ with class folders: give ROOT/a/b",
    ],
    [
      ["MNIST/raw/train-images-idx3-ubyte"],
      "holds a single folder, MNIST/, but ROOT/MNIST/raw holds IDX files: give ROOT/MNIST/raw",
    ],
    [["cifar/data_batch_1.bin"], "holds a single folder, cifar/, but ROOT/cifar holds CIFAR's binary files: give ROOT/cifar"],
  ])("with %j names the one to give", async (paths, expected) => {
    expect(await refusal(folderWith(paths, { "__MACOSX/x": "" }))).toBe(`ROOT ${expected}`);
  });
});

describe("what is left out", () => {
  it("is counted by kind, with an example and what to do", () => {
    const root = folderWith(["cat/1.png", "dog/1.png"], {
      "cat/IMG_1.HEIC": "\0\0\0\x18ftypheic\0\0\0\0mif1heic",
      "cat/IMG_2.HEIC": "\0\0\0\x18ftypheic\0\0\0\0mif1heic",
      "dog/raw.nef": "II*\0",
      "dog/notes.txt": "hello",
      "dog/nothing": "",
      "labels.csv": "a,b",
      "cover.png": png,
    });
    symlinkSync(join(root, "nowhere"), join(root, "cat", "link.png"));
    symlinkSync("circle", join(root, "cat", "circle"));
    const { files, leftOut } = readFolderLayout(root);
    expect(files.length).toBe(2);
    expect(leftOut.map(leftOutText)).toEqual([
      "2 text files (such as labels.csv)",
      expect.stringMatching(/^2 HEIC pictures \(such as cat\/IMG_1\.HEIC; convert them to JPEG, for example by `magick /),
      "2 links that lead nowhere (such as cat/circle)",
      "an image outside of the class folders (cover.png)",
      "an empty file (dog/nothing; copy it again)",
      "a camera's raw picture (dog/raw.nef; convert it to JPEG or PNG)",
    ]);
  });

  it("is not what has no ending, or another, and is an image by its content", async () => {
    const jpeg = await picture(16, 16).jpeg().toBuffer();
    const root = folderWith(["cat/1.png"], { "cat/2": png, "cat/photo.dat": jpeg, "dog/1": jpeg, "dog/2.BMP": "BM" });
    const { files, leftOut } = readFolderLayout(root);
    expect(files.map(({ path }) => path.slice(root.length + 1))).toEqual([
      "cat/1.png",
      "cat/2",
      "cat/photo.dat",
      "dog/1",
      "dog/2.BMP",
    ]);
    expect(leftOut).toEqual([]);
  });

  it("is litter of systems, which is no class and no image", () => {
    const litter = [
      "__MACOSX/cat/._1.png",
      ".DS_Store",
      "cat/Thumbs.db",
      "cat/desktop.ini",
      "cat/@eaDir/1.png/thumb.jpg",
      "dog/._1.png",
    ];
    const { classes, files, leftOut } = readFolderLayout(folderWith(["cat/1.png", "dog/1.png", ...litter]));
    expect([classes, files.length]).toEqual([["cat", "dog"], 2]);
    expect(leftOut).toEqual([{ what: "hidden files and those of a system's own", count: 6, example: ".DS_Store", litter: true }]);
  });

  it("is said where nothing remains, instead of that there are no images", async () => {
    const heic = "\0\0\0\x18ftypheic\0\0\0\0mif1heic";
    expect(await refusal(folderWith(["cat/1.png"], { "dog/1.HEIC": heic, "dog/2.HEIC": heic }))).toMatch(
      /^the class folder ROOT\/dog holds no images that can be read, but 2 HEIC pictures \(such as dog\/1\.HEIC; convert them to JPEG/,
    );
    expect(await refusal(folderWith(["train/cat/1.png", "train/dog/1.png"], { "val/cat/a.svg": "<svg></svg>" }))).toMatch(
      /^ROOT\/val holds no images that can be read, but an SVG drawing \(cat\/a\.svg; export it as PNG\): /,
    );
  });
});

describe("names that are not UTF-8", () => {
  // The file systems of Windows and macOS have no such names.
  const odd = Buffer.from([0x62, 0x6c, 0xfc]);
  const place = (root: string): Buffer => Buffer.concat([Buffer.from(`${root}/`), odd]);

  it.skipIf(process.platform !== "linux")("of a class folder are refused with its bytes", async () => {
    const root = folderWith(["cat/1.png", "dog/1.png"]);
    renameSync(join(root, "cat"), place(root));
    expect(await refusal(root)).toBe("the name of the folder bl\\xfc in ROOT is not UTF-8: give it another name");
  });

  it.skipIf(process.platform !== "linux")("of a file leave it out", () => {
    const root = folderWith(["cat/1.png", "dog/1.png"]);
    writeFileSync(place(join(root, "cat")), png);
    expect(readFolderLayout(root).leftOut).toEqual([
      { what: "a file whose name is not UTF-8", count: 1, example: "cat/bl\uFFFD", advice: "rename it" },
    ]);
  });
});

describe("what was downloaded otherwise", () => {
  it.each([
    [
      "CIFAR-10 in Python",
      ["data_batch_1", "batches.meta", "readme.html"],
      /is the Python version of CIFAR-10.*download the binary version, cifar-10-binary\.tar\.gz/,
    ],
    [
      "CIFAR-10 compressed",
      ["data_batch_1.bin.gz", "test_batch.bin.gz"],
      /^ROOT holds CIFAR's files compressed, such as data_batch_1\.bin\.gz: unpack them/,
    ],
    ["an archive", ["photos.tar.gz"], /^ROOT holds no class folders, but an archive, photos\.tar\.gz: unpack it/],
    [
      "pickles",
      ["images.pkl"],
      /^ROOT holds no class folders, but a Python pickle \(images\.pkl; write the pictures to image files\)/,
    ],
  ])("is named: %s", async (_, names, expected) => {
    const root = temporaryFolder();
    for (const name of names) writeFileSync(join(root, name), Buffer.from([0x80, 0x04, 0x95]));
    expect(await refusal(root)).toMatch(expected);
  });

  it("is named where the archive itself is given", async () => {
    const file = join(temporaryFolder(), "photos.zip");
    writeFileSync(file, "PK\x03\x04");
    expect(await refusal(file)).toBe(
      "ROOT is a ZIP archive: unpack it, and give the folder with one sub-folder of images per class",
    );
  });
});
