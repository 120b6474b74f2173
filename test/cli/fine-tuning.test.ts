/** `rbnet train --from` on the command line: what follows the start, what contradicts it, and that a stopped run goes on. */
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readModelFile } from "#rbnet/deploy/model-file";
import { classFolder } from "../data/picture-folders.js";
import { temporaryFolder } from "../temporary-folder.js";
import { jsonLines, rbnet } from "./command.js";

const VARIED = ["--network", "rbnet8", "--width", "0.5", "--size", "16", "--blocks", "fixed", "--shortcut", "repeated"];
const QUICK = ["--threads", "1", "--batch", "8", "--epochs", "1"];
let photos = "";
let folder = "";

beforeAll(async () => {
  photos = await classFolder(["ant", "bee", "cow"], 14, 16);
  folder = temporaryFolder();
  const pets = await classFolder(["cat", "dog"], 20, 16);
  const { code, stderr } = await rbnet(["train", pets, ...VARIED, ...QUICK, "--out", "start"], folder);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
}, 60_000);

const train = (...words: string[]) => rbnet(["train", photos, ...QUICK, ...words], folder);

describe("rbnet train --from", () => {
  it.each(["start", join("start", "model.safetensors")])("trains the network of %s for the data's classes", async (from) => {
    const out = temporaryFolder();
    const { code, stdout } = await train("--from", from, "--out", join(out, "run"), "--json");
    expect(code).toBe(0);
    const run = jsonLines({ code, stdout, stderr: "" }).find(({ kind }) => kind === "run");
    expect(run).toMatchObject({ network: "rbnet8 (width 0.5)", classes: ["ant", "bee", "cow"], options: { from } });
    const [before, after] = await Promise.all(
      [join(folder, "start", "model.safetensors"), join(out, "run", "model.safetensors")].map(readModelFile),
    );
    expect(after!.operations.map(({ name }) => name)).toEqual(before!.operations.map(({ name }) => name));
    expect({ size: after!.size, mean: after!.mean }).toEqual({ size: 16, mean: before!.mean });
  });

  it("says the start and what of it stays before anything is trained", async () => {
    const { code, stdout } = await train("--from", "start", "--freeze", "body", "--dry-run");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^start +start, its body stays$/m);
    expect(stdout).toMatch(/^network +rbnet8 \(width 0\.5\), input 16 x 16/m);
  });

  it("takes flags that say what the start is, and those of training", async () => {
    const words = ["--from", "start", ...VARIED, "--freeze", "stage2", "--learning-rate", "0.001"];
    const { code, stderr } = await train(...words, "--out", join(temporaryFolder(), "run"));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  it("starts from a model that comes with rbnet by its name", async () => {
    const { code, stdout } = await train(
      "--from",
      "rbnet20-cifar10",
      "--freeze",
      "body",
      "--out",
      join(temporaryFolder(), "run"),
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/rbnet20/);
  });

  it.each([
    [["--width", "2"], "--width 2"],
    [["--network", "rbnet20"], "--network rbnet20"],
    [["--size", "32"], "--size 32"],
    [["--blocks", "shifted"], "--blocks shifted"],
    [["--activation", "prelu"], "--activation prelu"],
    [["--stem", "patches"], "--stem patches"],
    [["--units", "2,3,2"], "--units 2,3,2"],
    [["--fixed-threshold"], "--fixed-threshold"],
  ])("refuses %j, which contradicts the start", async (words, flag) => {
    const { code, stderr } = await train("--from", "start", ...words);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr:
        `rbnet: ${flag} contradicts --from start, whose network is rbnet8 (width 0.5) for images of 16 x 16 pixels; leave the flag ` +
        "out, or train without a start\n",
    });
  });

  it.each([
    [["--freeze", "body"], "rbnet: --freeze cannot be used here: it says what stays of a start; name one by --from\n"],
    [
      ["--from", "start", "--freeze", "all"],
      "rbnet: --freeze cannot be all: expected body, binary, or the name of a stage such as stage2\n",
    ],
  ])("refuses %j in a sentence", async (words, sentence) => {
    expect(await train(...words)).toEqual({ code: 2, stdout: "", stderr: sentence });
  });
});
