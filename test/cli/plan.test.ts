/** What `rbnet train` says that it has understood, before it starts. */
import { copyFileSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { classFolder, picture, write } from "../data/picture-folders.js";
import { temporaryFolder } from "../temporary-folder.js";
import { jsonLines, rbnet } from "./command.js";

const QUICK = ["--network", "rbnet8", "--width", "0.5", "--batch", "8", "--threads", "1", "--epochs", "1"];

/** Twelve pictures of cats and dogs each, two more for test, and what lies beside. */
async function photos(): Promise<string> {
  const root = await classFolder(["Training/cat", "Training/dog"], 12, 40);
  for (const [seed, path] of ["cat/1", "cat/2", "dog/1", "dog/2"].entries())
    write(root, {
      [`Testing/${path}.png`]: await picture(48, 64, 100 + seed)
        .png()
        .toBuffer(),
    });
  write(root, { "Training/cat/notes.txt": "tabby", "extra/x.png": "", "__MACOSX/._x": "" });
  return root;
}

describe("a dry run", () => {
  it("says data, network and settings in a table, and leaves nothing behind", async () => {
    const place = temporaryFolder();
    const data = await photos();
    const { code, stdout, stderr } = await rbnet(["train", data, ...QUICK, "--dry-run"], place);
    expect([code, stderr]).toEqual([0, ""]);
    const rows = stdout.trimEnd().split("\n");
    expect(rows.slice(0, -1)).toEqual([
      `data        ${data.split("/").at(-1)}, folder of images by class`,
      "training    22 images, Training/",
      "validation  2 images, held out of the training images (10 % of each class)",
      "test        4 images, Testing/",
      "classes     2: cat 11, dog 11",
      "left out    a text file (Training/cat/notes.txt)",
      "            a folder beside the parts (extra)",
      "            a hidden file or one of a system's own (__MACOSX)",
      "pictures    40 x 40 to 48 x 64 pixels, 40 x 40 in the median (of 28 looked at)",
      expect.stringMatching(/^network {5}rbnet8 \(width 0\.5\), input 32 x 32, [\d.]+ K parameters, [\d.]+ K OPs an image$/),
      "augmented   moved by up to 4 pixels",
      "mirrored    yes, because neither class names nor images tell left from right",
      "steps       2 an epoch of 8 images each (6 images of an epoch left over), 1 epoch",
      "rate        0.01 at its peak, with adam",
      expect.stringMatching(/^memory {6}[\d.]+ MB$/),
    ]);
    expect(rows.at(-1)).toMatch(/^time {8}about [\d.]+ s \([\d.]+ ms a step, measured by a few\)$/);
    expect(readdirSync(place)).toEqual([]);
  });

  it("says the same as one JSON object", async () => {
    const outcome = await rbnet(["train", await photos(), ...QUICK, "--dry-run", "--json", "--no-flip"], temporaryFolder());
    const [plan, ...more] = jsonLines(outcome);
    expect(more).toEqual([]);
    expect(plan).toMatchObject({
      kind: "plan",
      format: "folder of images by class",
      parts: [
        { part: "train", images: 22, from: "Training/" },
        { part: "validation", images: 2, from: "held out of the training images (10 % of each class)" },
        { part: "test", images: 4, from: "Testing/" },
      ],
      classes: [
        { name: "cat", images: { train: 11, validation: 1, test: 2 } },
        { name: "dog", images: { train: 11, validation: 1, test: 2 } },
      ],
      leftOut: [{ count: 1, example: "Training/cat/notes.txt" }, { count: 1 }, { count: 1, litter: true }],
      skipped: { count: 0, named: [] },
      sizes: { smallest: [40, 40], median: [40, 40], largest: [48, 64], images: 28 },
      network: { name: "rbnet8 (width 0.5)", size: 32 },
      mirrored: { on: false, reason: "it was asked for" },
      augmentation: { flip: false },
      batch: 8,
      stepsPerEpoch: 2,
      epochs: 1,
      optimizer: "adam",
      learningRate: 0.01,
      warnings: [],
    });
    expect((plan!.estimate as { seconds: number }).seconds).toBeGreaterThan(0);
  });

  it("warns of lopsided and tiny classes, and of pictures that are there twice", async () => {
    const root = await classFolder(["cat"], 40, 32);
    write(root, {
      "dog/a.png": await picture(32, 32, 77).png().toBuffer(),
      "dog/b.png": await picture(32, 32, 78).png().toBuffer(),
    });
    copyFileSync(join(root, "cat", "003.png"), join(root, "dog", "copy.png"));
    const { stderr } = await rbnet(["train", root, ...QUICK, "--dry-run", "--validation-fraction", "0"], temporaryFolder());
    expect(stderr.replaceAll(root, "ROOT").trimEnd().split("\n")).toEqual([
      'rbnet: warning: the classes are lopsided, from 3 images of "dog" to 40 images of "cat": the network will seldom say the small ' +
        "ones; add images of them, or train with --class-weights balanced or --sampler balanced",
      'rbnet: warning: a class has fewer than 10 training images (3 images of "dog"): add images, or remove or join such classes',
      "rbnet: warning: a picture is there under two classes, such as ROOT/cat/003.png and ROOT/dog/copy.png: remove the wrong one of each",
    ]);
  });

  it("warns of a class that a part for measuring lacks", async () => {
    const root = await classFolder(["train/cat", "train/dog", "val/dog"], 12, 32);
    const { stderr } = await rbnet(["train", root, ...QUICK, "--dry-run"], temporaryFolder());
    expect(stderr).toContain(
      'rbnet: warning: validation has no images of the class "cat": its figures say nothing of it; add some\n',
    );
  });

  it("says what a flag against lopsided classes does, and no longer warns of them", async () => {
    const root = await classFolder(["cat"], 40, 32);
    for (const [seed, name] of ["a", "b", "c", "d"].entries())
      write(root, {
        [`dog/${name}.png`]: await picture(32, 32, 77 + seed)
          .png()
          .toBuffer(),
      });
    const said = async (...flags: readonly string[]) => {
      const words = ["train", root, ...QUICK, "--dry-run", "--validation-fraction", "0", ...flags];
      const { stdout, stderr } = await rbnet(words, temporaryFolder());
      expect(stderr).not.toContain("lopsided");
      return stdout;
    };
    expect(await said("--class-weights", "balanced")).toMatch(
      /^balanced +an image counts in the loss by its class, of dog 5\.5 times, of cat 0\.55 times$/m,
    );
    expect(await said("--sampler", "balanced")).toMatch(
      /^balanced +an image is drawn by its class, of dog 5\.5 times an epoch, of cat 0\.55 times$/m,
    );
  });

  it("warns of a size that does not suit the pictures", async () => {
    const warning = async (side: number, size: string): Promise<string> =>
      (
        await rbnet(
          ["train", await classFolder(["cat", "dog"], 12, side), ...QUICK, "--size", size, "--dry-run"],
          temporaryFolder(),
        )
      ).stderr;
    expect(await warning(16, "16")).toBe("");
    expect(await warning(24, "64")).toBe(
      "rbnet: warning: the pictures are far smaller than the network's input (24 x 24 in the median, 64 x 64): " +
        "enlarging them adds nothing; --size 32 takes less time\n",
    );
    expect(await warning(200, "32")).toBe(
      "rbnet: warning: the pictures are far larger than the network's input (200 x 200 in the median, 32 x 32): " +
        "--size 224 shows it more of them\n",
    );
  });

  it("shortens a long list of classes, and puts odd names in quotes", async () => {
    const names = Array.from({ length: 15 }, (_, index) => `class ${String(index).padStart(2, "0")}`);
    const root = await classFolder([...names, "two\nlines"], 2, 16);
    const { stdout } = await rbnet(["train", root, ...QUICK, "--dry-run", "--validation-fraction", "0"], temporaryFolder());
    expect(stdout).toMatch(/^classes +16: class 00 2, class 01 2, [^\n]*class 09 2 and 6 more with 2 images each$/m);
    const few = await rbnet(["train", await classFolder(["a", "two\nlines"], 12), ...QUICK, "--dry-run"], temporaryFolder());
    expect(few.stdout).toContain('classes     2: a 11, "two\\nlines" 11\n');
  });
});

describe("a training", () => {
  it("starts with the table, without a measurement where it takes hardly longer, and goes on", async () => {
    const out = join(temporaryFolder(), "run");
    const { code, stdout } = await rbnet(["train", await photos(), ...QUICK, "--out", out]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^data +[\s\S]*^memory +[\d.]+ MB\n[^\n]*everything goes to [^\n]*\nepoch 1\/1 /m);
    expect(stdout).not.toContain("measured by a few");
    expect(existsSync(join(out, "model.safetensors"))).toBe(true);
  });
});
