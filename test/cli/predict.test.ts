/** `rbnet predict` on whatever a person has: files, folders, patterns, standard input; one line for each picture, good or bad. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeModel } from "#rbnet/runtime/model";
import { picture, shapesModel } from "../serve/served.js";
import { temporaryFolder } from "../temporary-folder.js";
import { jsonLines, rbnet } from "./command.js";

const folder = temporaryFolder();
const run = join(folder, "run");
const model = join(run, "model.safetensors");
const pictures = join(folder, "pictures");
const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

interface Answer {
  readonly image: string;
  readonly predictions?: readonly { readonly label: string; readonly score: number }[];
  readonly error?: string;
}

beforeAll(async () => {
  for (const made of [run, join(pictures, "deep")]) mkdirSync(made, { recursive: true });
  writeFileSync(model, encodeModel(await shapesModel()));
  for (let i = 0; i < 18; i++)
    writeFileSync(join(pictures, i < 9 ? "" : "deep", `p${String(i).padStart(2, "0")}.png`), await picture(i));
  for (const name of [".hidden.png", "notes.txt"]) writeFileSync(join(pictures, name), "no picture");
});

describe("rbnet predict", () => {
  it("answers a folder as its pictures one by one, for any number of threads, and takes the folder of a run as a model", async () => {
    const whole = jsonLines(await rbnet(["predict", run, pictures, "--json", "--threads", "2"])) as unknown as Answer[];
    expect(whole.map(({ image }) => image.slice(pictures.length + 1))).toEqual([
      ...Array.from({ length: 9 }, (_, i) => join("deep", `p${String(i + 9).padStart(2, "0")}.png`)),
      ...Array.from({ length: 9 }, (_, i) => `p0${i}.png`),
    ]);
    const few = whole.slice(3, 6).map(({ image }) => image);
    const single = jsonLines(await rbnet(["predict", model, ...few, "--json"])) as unknown as Answer[];
    for (const [i, { image, predictions = [] }] of single.entries()) {
      const same = whole[3 + i]!;
      expect([image, predictions.map(({ label }) => label)]).toEqual([same.image, same.predictions?.map(({ label }) => label)]);
      for (const [rank, { score }] of predictions.entries()) expect(score).toBeCloseTo(same.predictions![rank]!.score, 6);
    }
  });

  it("has a line for each of many pictures, those that cannot be read too, and all of them may be such", async () => {
    const broken = join(folder, "broken");
    mkdirSync(broken);
    for (let i = 0; i < 120; i++) writeFileSync(join(broken, `b${String(i).padStart(3, "0")}.jpg`), "no picture");
    const outcome = await rbnet(["predict", model, broken, "--json"]);
    const answers = jsonLines(outcome) as unknown as Answer[];
    expect(outcome.code).toBe(2);
    expect(answers).toHaveLength(120);
    for (const { image, error } of answers) expect(error).toMatch(new RegExp(`^cannot read the image ${image}: `));
    copyFileSync(join(pictures, "p00.png"), join(broken, "b050.jpg"));
    const mixed = jsonLines(await rbnet(["predict", model, broken, "--json"])) as unknown as Answer[];
    expect(mixed.flatMap(({ predictions }, i) => (predictions === undefined ? [] : i))).toEqual([50]);
  });

  it("finds pictures in a folder by their content, and says what it leaves out, but not of litter", async () => {
    const mixed = join(folder, "mixed");
    mkdirSync(join(mixed, "__MACOSX"), { recursive: true });
    copyFileSync(join(pictures, "p01.png"), join(mixed, "without-ending"));
    copyFileSync(join(pictures, "p02.png"), join(mixed, "p02.png"));
    writeFileSync(join(mixed, "IMG_1.HEIC"), "\0\0\0\x18ftypheic\0\0\0\0mif1heic");
    writeFileSync(join(mixed, "Thumbs.db"), "");
    const outcome = await rbnet(["predict", model, mixed, "--json"]);
    expect(jsonLines(outcome).map(({ image }) => image)).toEqual([join(mixed, "p02.png"), join(mixed, "without-ending")]);
    expect(outcome.stderr).toMatch(/^rbnet: left out a HEIC picture \(IMG_1\.HEIC; convert it to JPEG, [^\n]*\)\n$/);
  });

  it("writes a table that a spreadsheet reads, names with commas and pictures that cannot be read among them", async () => {
    const odd = join(folder, 'a, "b".png');
    copyFileSync(join(pictures, "p01.png"), odd);
    const { stdout, code } = await rbnet(["predict", model, odd, "missing.png", "--csv", "--top-k", "2"]);
    const [head, first = "", second = ""] = stdout.trimEnd().split("\n");
    expect(code).toBe(2);
    expect(head).toBe("image,label,score,label2,score2,error");
    expect(first).toMatch(/^".*a, ""b""\.png",\w+,0\.\d+,\w+,0\.\d+,$/);
    expect(second).toMatch(/^missing\.png,,,,,.*missing\.png/);
    const best = await rbnet(["predict", model, odd, "--csv"]);
    expect(best.stdout.split("\n")[0]).toBe("image,label,score,error");
  });

  it("expands a pattern that the shell has left alone, and reads a picture from standard input", async () => {
    const found = jsonLines(await rbnet(["predict", model, join(pictures, "p0[1-3].png"), "--json"])) as unknown as Answer[];
    expect(found.map(({ image }) => image.slice(-7))).toEqual(["p01.png", "p02.png", "p03.png"]);
    const words = [MAIN, "predict", model, "-", "--json"];
    const { stdout } = spawnSync(process.execPath, words, { input: readFileSync(join(pictures, "p01.png")), encoding: "utf8" });
    expect(JSON.parse(stdout)).toEqual({ ...found[0], image: "-" });
  });

  it.each([
    [
      ["predict", model, join(folder, "run")],
      /holds no pictures, but a file of an unknown kind \(model\.safetensors\); give a folder of JPEG/,
    ],
    [["predict", model, join(pictures, "*.bmp2")], /no file fits the pattern/],
    [["predict", model, "-", "-"], /given twice, and can be read once only/],
    [["predict", model, pictures, "--csv", "--json"], /--json cannot be used here: a run prints one or the other/],
    [["predict", pictures, pictures], /cannot read the model .*pictures \(ENOENT\)/],
  ])("refuses %j in a sentence", async (words, sentence) => {
    const { code, stderr } = await rbnet(words as string[]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(sentence) });
  });
});
