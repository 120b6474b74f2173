/** `rbnet train --folds`: cross-validation from the command line, and what an interruption costs. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { classFolder } from "../data/picture-folders.js";
import { temporaryFolder } from "../temporary-folder.js";
import { jsonLines, type Outcome, rbnet } from "./command.js";

const QUICK = ["--network", "rbnet8", "--width", "0.5", "--size", "16", "--batch", "8", "--threads", "1", "--epochs", "1"];
let photos = "";
let place = "";
let outcome: Outcome = { code: null, stdout: "", stderr: "" };

interface Summary {
  readonly results: readonly {
    readonly fold: number;
    readonly tested: number;
    readonly top1: number;
    readonly seconds: number;
  }[];
  readonly top1: { readonly mean: number; readonly deviation: number; readonly n: number };
}

function summaryIn(folder: string): Summary {
  return JSON.parse(readFileSync(join(folder, "folds.json"), "utf8"));
}

/** Of what a clock has no part in. */
function figuresOf({ results }: Summary) {
  return results.map(({ seconds: _seconds, ...rest }) => rest);
}

const train = (...flags: readonly string[]): Promise<Outcome> => rbnet(["train", photos, ...QUICK, ...flags], place);

beforeAll(async () => {
  photos = await classFolder(["cat", "dog"], 15, 16);
  place = temporaryFolder();
  outcome = await train("--folds", "3", "--out", "run");
}, 120_000);

describe("a cross-validation", () => {
  it("trains a run for each fold in a folder of its own, and says mean and spread", () => {
    expect([outcome.code, outcome.stderr]).toEqual([0, ""]);
    expect(readdirSync(join(place, "run")).sort()).toEqual(["fold-1", "fold-2", "fold-3", "folds.json"]);
    for (const fold of [1, 2, 3])
      for (const file of ["checkpoint.safetensors", "model.safetensors", "metrics.jsonl", "report.html"])
        expect(existsSync(join(place, "run", `fold-${fold}`, file))).toBe(true);
    const { results, top1 } = summaryIn(join(place, "run"));
    expect(results.map(({ fold, tested }) => [fold, tested])).toEqual([
      [1, 10],
      [2, 10],
      [3, 10],
    ]);
    const mean = results.reduce((sum, result) => sum + result.top1, 0) / 3;
    expect(top1.mean).toBeCloseTo(mean, 12);
    expect(top1.deviation).toBeCloseTo(Math.sqrt(results.reduce((sum, one) => sum + (one.top1 - mean) ** 2, 0) / 2), 12);
    expect(outcome.stdout).toMatch(/^training +20 images$/m);
    expect(outcome.stdout).toMatch(/^test +10 images, fold \d of 3, the same share of each class$/m);
    expect(outcome.stdout).toMatch(/^folds +3 runs like this one, each tested on the images that it was not trained on$/m);
    expect(outcome.stdout).toMatch(/^fold 3 {2}top-1 \d+\.\d % of 10 images$/m);
    expect(outcome.stdout).toMatch(
      /^top-1 \d+\.\d ± \d+\.\d %, mean and deviation over 3 folds: each of 30 images tested once, by a network that had not seen it; /m,
    );
  });

  it("goes on with the folds that have not ended, to the same figures", { timeout: 60_000 }, async () => {
    const folder = join(place, "run");
    const before = summaryIn(folder);
    const file = JSON.parse(readFileSync(join(folder, "folds.json"), "utf8"));
    writeFileSync(join(folder, "folds.json"), JSON.stringify({ ...file, results: file.results.slice(0, 1) }));
    rmSync(join(folder, "fold-3"), { recursive: true });
    const lines = jsonLines(await train("--folds", "3", "--out", "run", "--resume", "--json"));
    expect(lines.filter(({ kind }) => kind === "fold").map(({ fold }) => fold)).toEqual([2, 3]);
    // The second had ended before its result was kept, and has nothing left to train.
    expect(lines.filter(({ kind }) => kind === "epoch").length).toBe(1);
    expect(lines.at(-1)!.kind).toBe("folds");
    expect(figuresOf(summaryIn(folder))).toEqual(figuresOf(before));
  });

  it("is refused where its folder holds another, and where flags mean nothing for it", { timeout: 60_000 }, async () => {
    const said = async (...flags: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await train(...flags);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr.trimEnd().split("\n").length).toBe(1);
      return stderr;
    };
    expect(await said("--folds", "3", "--out", "run")).toContain("run holds a cross-validation already; resume it, or choose");
    expect(await said("--out", "run")).toContain("run holds a cross-validation already");
    expect(await said("--out", "run", "--resume")).toContain("run holds a cross-validation; to go on with it, give --folds");
    expect(await said("--folds", "2", "--out", "run", "--resume")).toMatch(
      /the cross-validation in run is another \(folds is 3 there and 2 now\); resume with what it was started with/,
    );
    expect(await said("--folds", "3", "--out", "other", "--resume")).toContain("other");
    expect(await said("--folds", "1")).toContain("At least 2 are needed: one to test on, the others to train on");
    expect(await said("--folds", "3", "--patience", "4")).toContain("--patience cannot be used here: with --folds no images");
    expect(await said("--folds", "3", "--profile")).toContain("--profile cannot be used here");
    expect(await said("--folds", "3", "--validation-fraction", "0.2")).toContain("--validation-fraction cannot be used here");
    expect(await said("--folds", "16")).toContain('class "cat" of');
  });
});
