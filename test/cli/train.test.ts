/** From pictures to predictions by commands alone, and what an interruption costs. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { findAccelerator } from "#rbnet/backend/native/accelerator";
import { classFolder } from "../data/picture-folders.js";
import { temporaryFolder } from "../temporary-folder.js";
import { jsonLines, type Outcome, rbnet, said, start } from "./command.js";

const QUICK = ["--network", "rbnet8", "--width", "0.5", "--size", "16", "--batch", "8", "--threads", "1"];
let photos = "";
let folder = "";
let trained: Outcome = { code: null, stdout: "", stderr: "" };
const model = (): string => join(folder, "run", "model.safetensors");

/** What follows the first line of standard output, which is the plan. */
const afterPlan = ({ stdout }: Outcome): string => stdout.slice(stdout.indexOf("\n") + 1);

beforeAll(async () => {
  photos = await classFolder(["cat", "dog"], 20, 16);
  folder = temporaryFolder();
  trained = await rbnet(["train", photos, ...QUICK, "--epochs", "2", "--out", "run", "--json"], folder);
}, 60_000);

describe("rbnet train", () => {
  it("prints its plan, the lines of metrics.jsonl and nothing else with --json", () => {
    expect(trained).toMatchObject({ code: 0, stderr: "" });
    expect(jsonLines(trained).map(({ kind }) => kind)).toEqual(["plan", "run", "epoch", "epoch", "result"]);
    expect(readFileSync(join(folder, "run", "metrics.jsonl"), "utf8")).toBe(afterPlan(trained));
  });

  it("leaves checkpoint, model, metrics and a report that says how to repeat the run", () => {
    for (const file of ["checkpoint.safetensors", "model.safetensors", "metrics.jsonl", "report.html"])
      expect(existsSync(join(folder, "run", file))).toBe(true);
    const report = readFileSync(join(folder, "run", "report.html"), "utf8");
    expect(report).toContain(`rbnet train ${photos} ${QUICK.join(" ")} --epochs 2 --out run --json`);
    expect(report).toContain("finished after 2 epochs");
  });

  const accelerator = findAccelerator();
  it.skipIf("absent" in accelerator || accelerator.addon.bfloat16Sets.length === 0)(
    "multiplies gradients in bfloat16 where that is asked for, which changes the weights a little",
    async () => {
      const words = ["train", photos, ...QUICK, "--epochs", "1", "--json"];
      const [full, rounded] = await Promise.all(
        ["float32", "bfloat16"].map((precision) => rbnet([...words, "--precision", precision], temporaryFolder())),
      );
      const [, run, epoch] = jsonLines(rounded!);
      expect(run!.backend).toMatch(/^native, avx512-(amx-)?bfloat16, 1 thread$/);
      const loss = Number(epoch!.trainLoss);
      const exact = Number(jsonLines(full!)[2]!.trainLoss);
      expect(loss).not.toBe(exact);
      expect(Math.abs(loss - exact)).toBeLessThan(0.1 * exact);
    },
  );

  it("says an epoch a line, the figure and the places to a person", async () => {
    const { code, stdout } = await rbnet(["train", photos, ...QUICK, "--epochs", "2", "--out", join(temporaryFolder(), "run")]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^epoch 1\/2 +train +\d+\.\d % \(loss \d+\.\d+\) +validation/m);
    expect(stdout).toMatch(/^top-1 \d+\.\d % on 4 validation images/m);
    expect(stdout).toMatch(
      /^model .*model\.safetensors \(.*\), of epoch 2 of 2, the last: 4 validation images, of which one is 25\.0 %, are too few/m,
    );
    expect(stdout).not.toContain("\u001b");
  });

  it("takes a new folder each time where none is named, and goes on in the last with --resume", async () => {
    const place = temporaryFolder();
    const words = ["train", photos, ...QUICK, "--epochs", "1"];
    await rbnet(words, place);
    await rbnet(words, place);
    const runs = (name: string): boolean => existsSync(join(place, "runs", name, "report.html"));
    const name = `${photos.split("/").at(-1)}-rbnet8-w0.5`;
    expect([name, `${name}-2`, `${name}-3`].map(runs)).toEqual([true, true, false]);
    expect((await rbnet([...words, "--resume"], place)).code).toBe(0);
    expect(runs(`${name}-3`)).toBe(false);
  });

  it("gives each of two that are started at once a folder of its own, and only one the folder that both name", async () => {
    const place = temporaryFolder();
    const words = ["train", photos, ...QUICK, "--epochs", "1", "--json"];
    const name = `${photos.split("/").at(-1)}-rbnet8-w0.5`;
    const both = await Promise.all([rbnet(words, place), rbnet([...words, "--seed", "2"], place)]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    const kept = [name, `${name}-2`].map((run) => readFileSync(join(place, "runs", run, "metrics.jsonl"), "utf8"));
    expect(kept.sort()).toEqual(both.map(afterPlan).sort());
    expect(existsSync(join(place, "runs", name, ".training"))).toBe(false);
    const named = await Promise.all([1, 2].map((seed) => rbnet([...words, "--seed", String(seed), "--out", "one"], place)));
    const [ended, refused] = named.sort((a, b) => Number(a.code) - Number(b.code));
    expect(ended!.code).toBe(0);
    expect(afterPlan(ended!)).toBe(readFileSync(join(place, "one", "metrics.jsonl"), "utf8"));
    expect(refused!.stderr).toMatch(/(a training is under way in one \(process \d+ on|one holds a run already)/);
  });

  it("refuses to write over another run", async () => {
    const { code, stderr } = await rbnet(["train", photos, ...QUICK, "--out", "run"], folder);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^rbnet: [^\n]*run[^\n]*\n$/);
  });
});

describe("a recipe", () => {
  it("says time and memory before the start, is recorded, and gives way to flags", async () => {
    const out = join(temporaryFolder(), "run");
    const words = ["train", photos, ...QUICK, "--recipe", "two-stage", "--epochs", "2", "--out", out];
    const { code, stdout } = await rbnet(words);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^recipe +two-stage\nmemory +[\d.]+ [KMG]B\n/m);
    expect(stdout).toMatch(/^time +about \d[^\n]* \([\d.]+, then [\d.]+ ms a step, measured by a few\)$/m);
    expect(stdout).toMatch(/^stage 1, epoch 1\/2 .*\nstage 2, epoch 2\/2 /m);
    const metrics = (): string[] => readFileSync(join(out, "metrics.jsonl"), "utf8").trimEnd().split("\n");
    const [run, ...epochs] = metrics().map((line) => JSON.parse(line));
    expect(run).toMatchObject({ recipe: "two-stage", options: { stages: 2, epochs: 2, batch: 8 } });
    expect(epochs.slice(0, 2).map(({ stage }) => stage)).toEqual([1, 2]);
    const resumed = await rbnet([...words, "--resume"]);
    expect([resumed.code, resumed.stdout]).toEqual([0, expect.not.stringContaining("measured by a few")]);
    expect((await rbnet(words.with(words.indexOf("two-stage"), "single-stage").concat("--resume"))).stderr).toMatch(
      /of other settings/,
    );
  });

  it("brings its network and size along", async () => {
    const { code, stderr } = await rbnet(["train", photos, "--recipe", "imagenet-rbnet18"]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^rbnet: the batch of 128 is larger than the 36 training images[^\n]*\n$/),
    ]);
  });

  it("that is unknown or lacks its teacher is refused in one sentence; help lists all", async () => {
    const refused = async (...words: string[]) => {
      const { code, stderr } = await rbnet(["train", photos, "--recipe", ...words]);
      expect(code).toBe(2);
      return stderr;
    };
    expect(await refused("tow-stage")).toMatch(/^rbnet: there is no recipe "tow-stage"; the recipes are single-stage, [^\n]*\n$/);
    expect(await refused("distill")).toMatch(/^rbnet: the recipe distill needs a teacher[^\n]*\n$/);
    const { stdout } = await rbnet(["train", "--help"]);
    for (const name of ["single-stage", "two-stage", "distill", "progressive", "imagenet-rbnet18", "imagenet-rbnet34"])
      expect(stdout).toMatch(new RegExp(`^  ${name} +\\S`, "m"));
  });
});

describe("an interrupted run", () => {
  it("saves a checkpoint, exits with 130 and says a command that ends as if never stopped", async () => {
    const place = temporaryFolder();
    const words = ["train", photos, ...QUICK, "--epochs", "24", "--json"];
    const running = start([...words, "--out", "stopped"], place);
    await said(running, "stdout", /"index":2/);
    running.child.kill("SIGINT");
    const { code, stderr } = await running.outcome;
    expect(code).toBe(130);
    const command = /Go on with:\n {2}(?:npx )?rbnet (.*)\n$/.exec(stderr)?.[1]?.split(" ") ?? [];
    expect(command).toEqual([...words, "--resume", "--out", "stopped"]);
    await rbnet(command, place);
    await rbnet([...words, "--out", "whole"], place);
    for (const file of ["checkpoint", "model"]) {
      const bits = (run: string): Buffer => readFileSync(join(place, run, `${file}.safetensors`));
      const tensors = (run: string): string =>
        bits(run)
          .subarray(8 + Number(bits(run).readBigUInt64LE(0)))
          .toString("base64");
      expect(tensors("stopped") === tensors("whole")).toBe(true);
    }
    const epochs = readFileSync(join(place, "stopped", "metrics.jsonl"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line))
      .filter(({ kind }) => kind === "epoch");
    expect(epochs.map(({ index }) => index)).toEqual(Array.from({ length: 24 }, (_, index) => index + 1));
  }, 180_000);

  it("ends at once at the second Ctrl-C, without a word of a checkpoint", async () => {
    const out = join(temporaryFolder(), "run");
    const running = start(["train", photos, ...QUICK, "--epochs", "1000", "--out", out]);
    await said(running, "stdout", /epoch +2\/1000/);
    running.child.kill("SIGINT");
    running.child.kill("SIGTERM");
    const { code, stderr } = await running.outcome;
    expect([130, 143]).toContain(code);
    expect(stderr).not.toContain("Go on with");
  }, 180_000);
});

interface Evaluated {
  readonly top1: number;
  readonly classes: readonly { readonly name: string; readonly images: number; readonly top1: number }[];
  readonly confusion: readonly (readonly number[])[];
}

describe("a trained model", () => {
  it("is as good by rbnet eval as the training said, on the same held-out images", async () => {
    const { evaluation } = jsonLines(trained).at(-1) as { evaluation: Record<string, number> };
    const words = ["eval", model(), photos, "--set", "validation"];
    const [found] = jsonLines(await rbnet([...words, "--json"]));
    expect(found).toMatchObject({ ...evaluation, set: "validation", skipped: 0 });
    const { stdout } = await rbnet(words);
    expect(stdout).toMatch(/^top-1 \d+\.\d %, loss \d\.\d{4}, calibration error \d+\.\d % on 4 validation images of /m);
  });

  it("finds the images that its own training held out, whatever seed that had", { timeout: 60_000 }, async () => {
    const out = join(temporaryFolder(), "run");
    const held = ["--seed", "9", "--validation-fraction", "0.4"];
    const run = jsonLines(await rbnet(["train", photos, ...QUICK, "--epochs", "1", ...held, "--out", out, "--json"]));
    const { evaluation } = run.at(-1) as { evaluation: Record<string, number> };
    expect(evaluation.images).toBe(16);
    for (const place of [out, join(out, "model.safetensors")]) {
      const [found] = jsonLines(await rbnet(["eval", place, photos, "--set", "validation", "--json"]));
      expect(found).toMatchObject(evaluation);
    }
  });

  it("is measured on all of a folder by class, by class, with a page", async () => {
    const page = join(temporaryFolder(), "page.html");
    const outcome = await rbnet(["eval", model(), photos, "--json", "--report", page]);
    const [found] = jsonLines(outcome) as unknown as readonly [Evaluated];
    expect(found).toMatchObject({ images: 40, set: "all", skipped: 0 });
    expect(found.classes.map(({ name, images }) => [name, images])).toEqual([
      ["cat", 20],
      ["dog", 20],
    ]);
    const right = found.confusion.map((row, label) => row[label] ?? 0);
    expect(right.reduce((sum, count) => sum + count) / 40).toBeCloseTo(found.top1, 12);
    expect(found.classes.map(({ top1 }) => 20 * top1)).toEqual(right);
    expect(outcome.stderr).toMatch(/the model was trained on data of the name .*--set validation takes those that the training/);
    expect(readFileSync(page, "utf8")).toMatch(/rbnet8 \(width 0\.5\) on images, all of [\s\S]*Mixed up most|No image was taken/);
  });

  it("is measured on a folder that lacks a class or has one in another form, and refused one that it does not know", async () => {
    const some = await classFolder(["dog"], 4, 16);
    const [found] = jsonLines(await rbnet(["eval", model(), some, "--json"])) as unknown as readonly [Evaluated];
    expect(found.confusion[0]).toEqual([0, 0]);
    expect(found.confusion[1]?.reduce((sum, count) => sum + count, 0)).toBe(4);
    expect((await rbnet(["eval", model(), some])).stderr).toContain("has no images of a class that the model knows: cat");
    const { code, stderr } = await rbnet(["eval", model(), await classFolder(["cat", "duck"], 4, 16)]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('has a class "duck" that the model does not know (it knows cat, dog)'),
    ]);
    expect((await rbnet(["eval", model()])).stderr).toMatch(
      /^rbnet: no data were named, and .* give the folder of the images: (npx )?rbnet/,
    );
    expect((await rbnet(["eval", model(), "shapes"])).stderr).toContain("it knows 2 classes (cat, dog), shapes has 10");
    expect((await rbnet(["eval", model(), "shapes", "--set", "all"])).stderr).toContain("shapes is divided into parts");
  });

  it("is exported with scores that are closer to how often they are right", async () => {
    const out = join(temporaryFolder(), "calibrated.safetensors");
    const [{ calibration }] = jsonLines(
      await rbnet(["export", model(), "--calibrate", photos, "--precision", "float32", "--out", out, "--json"]),
    ) as [{ calibration: Record<string, number> }];
    expect(calibration).toMatchObject({ images: 4, on: expect.stringMatching(/^validation images of /) });
    const words = ["--set", "validation", "--json", "--seed", "1"];
    const [before] = jsonLines(await rbnet(["eval", model(), photos, ...words])) as [Record<string, number>];
    const [after] = jsonLines(await rbnet(["eval", out, photos, ...words])) as [Record<string, number>];
    expect(after.top1).toBe(before.top1);
    // The temperature is the one of least loss.
    expect(after.loss).toBeLessThanOrEqual(before.loss! + 1e-6);
    expect(before.calibrationError).toBeCloseTo(calibration.before!, 5);
    expect(after.calibrationError).toBeCloseTo(calibration.after!, 5);
  });

  it("predicts pictures, best first, and names one that cannot be read without giving up on the rest", async () => {
    const picture = join(photos, "cat", "000.png");
    const outcome = await rbnet(["predict", model(), picture, "missing.png", picture, "--json"]);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toMatch(/^rbnet: [^\n]*missing.png[^\n]*\n$/);
    const answers = jsonLines(outcome) as { image: string; predictions: { label: string; score: number }[] }[];
    expect(answers.map(({ image }) => image)).toEqual([picture, "missing.png", picture]);
    expect(answers[1]).toEqual({ image: "missing.png", error: expect.stringContaining("missing.png") });
    const [best, second] = answers[0]!.predictions;
    expect(best!.score).toBeGreaterThanOrEqual(second!.score);
    expect(best!.score + second!.score).toBeCloseTo(1, 5);
    const { stdout } = await rbnet(["predict", model(), picture, "--top", "1"]);
    expect(stdout).toBe(`${picture}\n  ${(100 * best!.score).toFixed(1).padStart(5)} %  ${best!.label}\n`);
  });

  it("is summarized as the network was", async () => {
    const file = jsonLines(await rbnet(["summary", model(), "--json"]))[0] as { totals: Record<string, number> };
    const network = jsonLines(
      await rbnet(["summary", "rbnet8", "--width", "0.5", "--size", "16", "--classes", "2", "--json"]),
    )[0] as { totals: Record<string, number> };
    const { trainingBytes, batch, ...rest } = network.totals;
    expect(file.totals).toEqual(rest);
    expect(batch).toBe(128);
    expect(trainingBytes).toBeGreaterThan(1e6);
  });
});

describe("what varies in a network", () => {
  const realParameters = async (...words: readonly string[]): Promise<number> => {
    const [found] = jsonLines(await rbnet(["summary", "rbnet20", "--json", ...words])) as {
      totals: { realParameters: number };
    }[];
    return found!.totals.realParameters;
  };

  it("is asked for by flags: thresholds, the activation's parameters, the convolution", async () => {
    // Eighteen units and their inputs' channels: 6 of 16, 6 of 32 and 6 of 64, the first of a stage reads the one before.
    const [outputs, inputs] = [6 * 112, 6 * 112 - 16 - 32];
    const whole = await realParameters();
    expect(whole - (await realParameters("--fixed-threshold"))).toBe(inputs);
    expect(whole - (await realParameters("--activation", "none"))).toBe(4 * outputs);
    expect(whole - (await realParameters("--activation", "prelu"))).toBe(3 * outputs);
    // A 3x3 has a normalization by channel, a reshaped convolution one by place of the block, where it keeps the map.
    expect(whole - (await realParameters("--convolution", "3x3"))).toBe(2 * 3 * (outputs - 32 - 64));
  });

  it("is trained, and counts as another network when a run is resumed", async () => {
    const out = join(temporaryFolder(), "run");
    const words = ["train", photos, "--network", "rbnet8", "--epochs", "1", "--batch", "4", "--threads", "1", "--out", out];
    expect(await rbnet([...words, "--blocks", "fixed"])).toMatchObject({ code: 0, stderr: "" });
    const other = await rbnet([...words, "--blocks", "shifted", "--resume"]);
    expect([other.code, other.stderr]).toEqual([
      2,
      expect.stringContaining('is of another network (blocks "fixed" in the checkpoint, "shifted" now)'),
    ]);
  });
});

describe("standard output", () => {
  it("may be closed by its reader", async () => {
    const running = start(["summary", "rbnet34"]);
    running.child.stdout?.destroy();
    expect(await running.outcome).toMatchObject({ code: 0, stderr: "" });
  });
});
