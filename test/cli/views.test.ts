/** `rbnet views` as a person types it, and trainings that learn from what it has written. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { classFolder } from "../data/picture-folders.js";
import { temporaryFolder } from "../temporary-folder.js";
import { modelFile } from "../training/teachers/random-model.js";
import { data } from "../training/tiny-runs.js";
import { jsonLines, rbnet, said, start } from "./command.js";

const CLASSES = ["cat", "cow", "dog"];
const NETWORK = ["--network", "rbnet8", "--width", "0.5", "--size", "16", "--batch", "4", "--threads", "1", "--epochs", "2"];

describe("rbnet views", () => {
  const place = temporaryFolder();
  let photos: string;

  beforeAll(async () => {
    photos = await classFolder(CLASSES, 6, 16);
    await modelFile(join(place, "one.safetensors"), 16, CLASSES);
    await modelFile(join(place, "two.safetensors"), 16, CLASSES, undefined, 500);
    await modelFile(join(place, "ten.safetensors"), 16, data.classes);
  });

  const teachers = ["--teacher", "one.safetensors", "--teacher", "two.safetensors"];

  it("writes views, from which trainings learn with what is held out by them", { timeout: 60_000 }, async () => {
    const words = ["views", ...teachers, photos, "--size", "16", "--crop-padding", "1", "--out", "views", "--threads", "1"];
    const { code, stdout, stderr } = await rbnet(words, place);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^views: 18 images in 18 views each, \d+(\.\d+)? KB; the teachers are right in \d+\.\d % of them\n$/);
    const run = ["train", photos, ...NETWORK, "--views", "views", "--teacher-weight", "0.5", "--teacher-end-weight", "0"];
    for (const seed of ["1", "2"]) {
      const trained = await rbnet(
        [...run, "--validation-fraction", "0.2", "--seed", seed, "--out", `run-${seed}`, "--json"],
        place,
      );
      expect([trained.code, trained.stderr]).toEqual([0, expect.not.stringMatching(/error/)]);
      expect(jsonLines(trained)[0]).toMatchObject({
        kind: "plan",
        views: "views",
        augmentation: { crop: { padding: 1 }, flip: true },
      });
    }
    const settings = readFileSync(join(place, "run-1", "metrics.jsonl"), "utf8").split("\n", 1)[0]!;
    expect(JSON.parse(settings)).toMatchObject({ options: { distill: { views: "views", weight: 0.5, endWeight: 0 } } });
    const dry = await rbnet([...run, "--dry-run"], place);
    expect(dry.stdout).toMatch(/^views {7}views$/m);
  });

  it("goes on with the same command where Ctrl-C has cut it", { timeout: 60_000 }, async () => {
    const words = [
      "views",
      "shapes",
      "--teacher",
      "ten.safetensors",
      "--size",
      "16",
      "--count",
      "4",
      "--out",
      "cut",
      "--threads",
      "1",
    ];
    const running = start(words, place);
    const asked = said(running, "stderr", /keeping the answers so far/);
    while (!existsSync(join(place, "cut", "answers-000000.bin"))) await setTimeout(10);
    running.child.kill("SIGINT");
    await asked;
    const { code, stderr } = await running.outcome;
    expect(code).toBe(130);
    expect(stderr).toMatch(/stopped, and the answers so far are kept\. Go on with:\n {2}(npx )?rbnet views /);
    const whole = await rbnet([...words, "--json"], place);
    expect([whole.code, whole.stderr]).toEqual([0, ""]);
    expect(jsonLines(whole)).toMatchObject([{ kind: "views", folder: "cut", images: 4000, views: 4, classes: 10 }]);
  });

  it.each<[string, readonly string[], RegExp]>([
    ["no teacher", ["views", "shapes", "--out", "x"], /required option '--teacher <file>' not specified/],
    [
      "a taken folder",
      ["views", "shapes", "--teacher", "one.safetensors", "--out", "."],
      /cannot write views to \.: it holds something else/,
    ],
    [
      "views that are not there",
      ["train", "shapes", "--views", "nowhere"],
      /cannot read the views nowhere\/views\.json \(ENOENT\)/,
    ],
  ])("with %s is refused in a sentence", async (_, words, message) => {
    const { code, stderr } = await rbnet(words, place);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
    expect(stderr.trimEnd()).not.toContain("\n");
  });
});
