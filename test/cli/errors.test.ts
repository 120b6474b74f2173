/** What a wrong command line gets: exit code 2, nothing on standard output, one sentence that says what to do. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { classFolder } from "../data/picture-folders.js";
import { temporaryFolder } from "../temporary-folder.js";
import { rbnet } from "./command.js";

async function complaint(words: readonly string[], folder?: string): Promise<string> {
  const { code, stdout, stderr } = await rbnet(words, folder);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(/^rbnet: [^\n]+\n$/);
  return stderr.slice("rbnet: ".length).trimEnd();
}

describe("a user's error", () => {
  it.each([
    [["train", "--epochs", "0"], "--epochs cannot be 0: it must be at least 1"],
    [["train", "--epochs", "many"], "option '--epochs <n>' argument 'many' is invalid. A number is expected."],
    [["train", "--batch", "1.5"], "--batch cannot be 1.5: a whole number is expected"],
    [["train", "--label-smoothing", "1"], "--label-smoothing cannot be 1: it must be below 1"],
    [["train", "--crop-padding", "-1"], "--crop-padding cannot be -1: it must be at least 0"],
    [["train", "--random-resized-crop", "2"], "--random-resized-crop cannot be 2: it must be at most 1"],
    [
      ["train", "--crop-padding", "2", "--random-resized-crop"],
      "--crop-padding and --random-resized-crop exclude each other; give one of them",
    ],
    [["train", "--optimizer", "adma"], "option '--optimizer <name>' argument 'adma' is invalid. Allowed choices are adam, sgd."],
    [
      ["train", "--network", "resnet"],
      'there is no network "resnet"; the networks are rbnet8, rbnet20, rbnet18, rbnet34, rbnet-s, rbnet-m, rbnet-l, ' +
        "resnet20, resnet18, resnet34, xnornet20, xnornet18, birealnet20, birealnet18, birealnet34, " +
        "real2binary20, real2binary18, reactnet20, reactnet18, reactnet-a, quicknet-s, quicknet, quicknet-l",
    ],
    [["train", "--epoch", "3"], "unknown option '--epoch' (Did you mean --epochs?)"],
    [
      ["train", "nowhere", "--backend", "wasm", "--precision", "bfloat16"],
      "products in bfloat16 were asked for, but WebAssembly has none; use --precision float32",
    ],
    [
      ["train", "nowhere", "--backend", "wasm", "--precision", "float16"],
      "products in float16 were asked for, but GPUs alone take them (--backend webgpu); use --precision float32",
    ],
    [["train", "--threads", "0"], "option '--threads <n>' argument '0' is invalid. A whole number from 1 is expected."],
    [["train", "--batch", "5000"], "the batch of 5000 is larger than the 4000 training images; use a smaller batch"],
    [["train", "--validation-fraction", "2", "nowhere"], /^(there is no folder|the validation fraction)/],
    [["train", "--out", ""], "--out has an empty value, perhaps of a shell variable that is not set; give it a value"],
    [["train", "--out="], "--out has an empty value, perhaps of a shell variable that is not set; give it a value"],
    [["shards", "photos", ""], "word 3 of the command is empty, perhaps of a shell variable that is not set; give it a value"],
    [["summary", "--network", "rbnet8"], /^unknown option '--network'; see (npx )?rbnet summary --help$/],
    [["trian"], "unknown command 'trian' (Did you mean train?)"],
    [
      ["summary", "rbnet19"],
      'there is no network "rbnet19"; the networks are rbnet8, rbnet20, rbnet18, rbnet34, rbnet-s, rbnet-m, rbnet-l, ' +
        "resnet20, resnet18, resnet34, xnornet20, xnornet18, birealnet20, birealnet18, birealnet34, " +
        "real2binary20, real2binary18, reactnet20, reactnet18, reactnet-a, quicknet-s, quicknet, quicknet-l",
    ],
    [
      ["train", "--network", "resnet20", "--blocks", "fixed"],
      "resnet20 is what its paper says, and its blocks cannot be changed; choose a network of residual binary units, such as rbnet20",
    ],
    [
      ["train", "--activation", "gelu"],
      "option '--activation <kind>' argument 'gelu' is invalid. Allowed choices are relu, prelu, rprelu, balanced, none.",
    ],
    [
      ["summary", "missing.safetensors", "--fixed-threshold"],
      "--fixed-threshold cannot be used here: a model file is what it is",
    ],
    [
      ["summary", "rbnet20", "--shortcut", "repeated", "--width", "1.03"],
      "a shortcut that repeats channels cannot get from 16 to 33 of them in rbnet20 (width 1.03); choose a width " +
        "that makes every stage a multiple of the one before, such as a multiple of 1/16",
    ],
    [
      ["summary", "birealnet20", "--halving", "4x4"],
      'birealnet20 has 3x3 convolutions, and halving is said of reshaped ones; choose convolution "reshaped" too, or leave it away',
    ],
    [["summary", "rbnet8", "--units", "2,x"], /'2,x' is invalid\. A number is expected\.$/],
    [["summary", "rbnet8", "--width", "0"], /^a width of 0 gives a layer of 0 channels/],
    [["summary", "missing.safetensors"], /^cannot read the model missing.safetensors \(ENOENT\)/],
    [["summary", "missing.safetensors", "--width", "2"], "--width cannot be used here: a model file is what it is"],
    [["eval", "missing.safetensors"], /^cannot read the model/],
    [["eval", "missing.safetensors", "--set", "exam"], /'exam' is invalid. Allowed choices are train, validation, test, all/],
    [["predict", "missing.safetensors"], /^missing required argument 'image'; see (npx )?rbnet predict --help$/],
  ] as const)("rbnet %j", async (words, sentence) => {
    const found = await complaint(words);
    if (typeof sentence === "string") expect(found).toBe(sentence);
    else expect(found).toMatch(sentence);
  });

  it("in the data is said in one sentence: no folder, an empty one, a class with one image", async () => {
    const root = temporaryFolder();
    expect(await complaint(["train", join(root, "none")])).toContain("there is no folder");
    mkdirSync(join(root, "empty"));
    expect(await complaint(["train", join(root, "empty")])).toContain("empty");
    expect(await complaint(["train", await classFolder(["a", "b"], 1)])).toContain('class "a" has a single usable image');
  });

  it("in the run's folder is said before the training", async () => {
    const root = temporaryFolder();
    writeFileSync(join(root, "file"), "");
    const words = ["train", await classFolder(["a", "b"], 8, 16), "--size", "16", "--batch", "8", "--threads", "1"];
    expect(await complaint([...words, "--out", join(root, "file", "run")])).toContain("cannot");
    expect(await complaint([...words, "--resume", "--out", join(root, "empty")])).toMatch(/there is no .* to resume/);
    expect(await complaint([...words, "--resume"], root)).toMatch(/^there is no run in runs\/.*-rbnet20 to resume/);
  });

  it("is no model: a text file, told from a model", async () => {
    const path = join(temporaryFolder(), "model.safetensors");
    writeFileSync(path, "I am no model, though my name says so.");
    expect(await complaint(["eval", path])).toContain(path);
  });
});

describe("rbnet", () => {
  it.each(["train", "shards", "eval", "predict", "summary", "demo"])("%s --help shows an example", async (command) => {
    const { code, stdout } = await rbnet([command, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Example:\n  (npx )?rbnet ${command} `));
  });

  it("--version says the package's version", async () => {
    const { code, stdout } = await rbnet(["--version"]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
  });
});
