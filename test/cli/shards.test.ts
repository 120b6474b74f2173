/** `rbnet shards` as it is used: written, trained on, and refused in a sentence with nothing left behind. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { decodeImage, imageShape } from "#rbnet/data/decoding/image-file";
import { classFolder, picture, write } from "../data/picture-folders.js";
import { temporaryFolder } from "../temporary-folder.js";
import { jsonLines, rbnet, said, start } from "./command.js";

const TINY = ["--size", "16", "--batch", "8", "--epochs", "1", "--threads", "1"] as const;

describe("rbnet shards", () => {
  it("writes shards that rbnet train reads, and names what it left out", { timeout: 60_000 }, async () => {
    const folder = await classFolder(["cat", "dog"], 20, 16);
    write(folder, { "cat/broken.png": "no picture", "dog/notes.txt": "a dog", "dog/Thumbs.db": "" });
    const out = join(temporaryFolder(), "shards");
    const written = await rbnet(["shards", folder, out, "--images-per-shard", "15", "--json"]);
    expect([written.code, jsonLines(written)]).toEqual([0, [{ folder: out, shards: 3, images: 40, skipped: 1 }]]);
    expect(written.stderr).toMatch(
      /^rbnet: left out a text file \(dog\/notes\.txt\)\nrbnet: skipped an image that cannot be read: .*broken\.png \([^\n]+\)\n$/,
    );
    expect(readFileSync(join(out, "classes.txt"), "utf8")).toBe("cat\ndog\n");
    expect(readdirSync(out).filter((name) => /-train-00000[0-2]\.tar$/.test(name)).length).toBe(3);
    const trained = await rbnet(["train", out, ...TINY, "--out", join(out, "..", "run"), "--json"]);
    expect([trained.code, trained.stderr]).toEqual([0, ""]);
    expect(jsonLines(trained)[1]).toMatchObject({ kind: "run", classes: ["cat", "dog"] });
  });

  it("says in a sentence what is wrong, with code 2, and leaves all as it was", async () => {
    const folder = await classFolder(["cat", "dog"], 4, 16);
    const root = temporaryFolder();
    mkdirSync(join(root, "full"));
    writeFileSync(join(root, "full", "mine"), "");
    writeFileSync(join(root, "file"), "");
    const before = readdirSync(root);
    const bad = await classFolder(["cat", "dog"], 1, 16);
    write(bad, { "cat/000.png": "no picture" });
    for (const [words, sentence] of [
      [[join(root, "none"), join(root, "out")], "there is no folder"],
      [[folder, join(root, "full")], "it holds something already"],
      [[folder, join(root, "file")], "there is a file in its place"],
      [[folder, join(root, "none", "out")], "does not exist"],
      [[bad, join(root, "out")], "cannot be used"],
      [[folder, join(root, "out"), "--images-per-shard", "0"], "'--images-per-shard <n>' argument '0' is invalid"],
      [[folder, join(root, "out"), "--size", "64", "--quality", "101"], "from 1 to 100"],
      [[folder, join(root, "out"), "--quality", "80"], "give --size, too"],
    ] as const) {
      const { code, stdout, stderr } = await rbnet(["shards", ...words]);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(/^rbnet: [^\n]+\n$/);
      expect(stderr).toContain(sentence);
    }
    expect(readdirSync(root)).toEqual(before);
  });

  it("makes images smaller whose shorter side is longer, in the colours that training sees, and leaves the others", async () => {
    const folder = temporaryFolder();
    const [tall, small] = [await picture(96, 160, 3).png().toBuffer(), await picture(64, 20, 5).png().toBuffer()];
    write(folder, { "cat/tall.png": tall, "dog/small.png": small });
    const out = join(temporaryFolder(), "shards");
    expect((await rbnet(["shards", folder, out, "--size", "48", "--quality", "95"])).code).toBe(0);
    const [shard] = readdirSync(out).filter((name) => name.endsWith(".tar"));
    const tar = readFileSync(join(out, shard!));
    const files = new Map<string, Buffer>();
    for (let at = 0; tar[at] !== 0; ) {
      const [name] = tar.toString("latin1", at, at + 100).split("\0");
      const size = Number.parseInt(tar.toString("latin1", at + 124, at + 136), 8);
      files.set(name!.replace(/^\d+-/, ""), tar.subarray(at + 512, at + 512 + size));
      at += 512 * (1 + Math.ceil(size / 512));
    }
    expect([...files.keys()].sort()).toEqual(["small.cls", "small.png", "tall.cls", "tall.jpg"]);
    expect(files.get("small.png")!.equals(small)).toBe(true);
    const shrunk = files.get("tall.jpg")!;
    expect(await imageShape(shrunk)).toEqual({ width: 48, height: 80 });
    const [before, after] = [await decodeImage(tall, 48), await decodeImage(shrunk, 48)];
    const difference = before.reduce((sum, value, i) => sum + Math.abs(value - after[i]!), 0) / before.length;
    expect(difference).toBeLessThan(3);
  });

  it("takes an empty folder's place", async () => {
    const out = join(temporaryFolder(), "empty");
    mkdirSync(out);
    const { code, stdout } = await rbnet(["shards", await classFolder(["cat", "dog"], 4, 16), out]);
    expect([code, stdout]).toEqual([0, `${out}: 8 images in 1 shard\n`]);
  });
});

describe("rbnet train on shards", () => {
  it("names images that cannot be read at the end of the epoch, in --json and in the report", { timeout: 60_000 }, async () => {
    const folder = await classFolder(["cat", "dog"], 20, 16);
    const out = join(temporaryFolder(), "shards");
    await rbnet(["shards", folder, out]);
    const [tar] = readdirSync(out).filter((name) => name.endsWith(".tar"));
    const bytes = readFileSync(join(out, tar!));
    // The first picture loses its pixels, but stays in its place.
    bytes.fill(0, 512, 560);
    writeFileSync(join(out, tar!), bytes);
    const run = join(out, "..", "run");
    const words = ["train", out, ...TINY, "--validation-fraction", "0", "--out", run];
    const { code, stdout, stderr } = await rbnet([...words, "--json"]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^rbnet: skipped an image that cannot be read: .*\.tar\/00000000-\d+\.png \([^\n]+\)\n$/);
    const epochs = stdout.split("\n").filter((line) => line.includes('"kind":"epoch"') && line.includes('"skipped"'));
    expect(epochs.map((line) => JSON.parse(line).skipped.count)).toEqual([1]);
    expect(readFileSync(join(run, "report.html"), "utf8")).toContain("Images that could not be read");
  });

  it("refuses a damaged shard with code 2 and makes no run", async () => {
    const root = temporaryFolder();
    write(root, { "train/0.tar": "no tar at all" });
    const { code, stdout, stderr } = await rbnet(["train", root, ...TINY, "--out", join(root, "run")]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^rbnet: the shard [^\n]+0\.tar cannot be used: [^\n]+\n$/);
    expect(existsSync(join(root, "run"))).toBe(false);
  });
});

it("rbnet shards removes what it began when it is interrupted", { timeout: 60_000 }, async () => {
  const folder = await classFolder(["cat", "dog"], 1500, 8);
  const root = temporaryFolder();
  const running = start(["shards", folder, join(root, "out"), "--images-per-shard", "50"]);
  while (readdirSync(root).length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  const told = said(running, "stderr", /removing the unfinished shards/);
  running.child.kill("SIGINT");
  await told;
  expect((await running.outcome).code).toBe(130);
  expect(readdirSync(root)).toEqual([]);
});
