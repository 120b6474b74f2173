/** The models of the folder models/: found by name from anywhere, whole, and as good as their card says. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { openBackend } from "#rbnet/backend/open";
import { openDataset } from "#rbnet/data/open-dataset";
import { readModelFile, writeModelFile } from "#rbnet/deploy/model-file";
import { modelFileOf, shippedModels } from "#rbnet/deploy/shipped-models";
import { summarizeOperations, totalsOf } from "#rbnet/networks/summary";
import { evaluateModel } from "#rbnet/training/evaluate";
import { jsonLines, rbnet } from "../cli/command.js";
import { smallModel } from "../runtime/small-model.js";
import { temporaryFolder } from "../temporary-folder.js";

const folder = fileURLToPath(new URL("../../models", import.meta.url));
const cifar10 = fileURLToPath(new URL("../../../shared/data/cifar10", import.meta.url));
const NAME = "rbnet20-cifar10";
const card = readFileSync(join(folder, "README.md"), "utf8");

/** What a model's card says in the first row of its table that begins with these words. */
function said(model: string, words: string): string {
  const section = card.split(/^## /m).find((text) => text.startsWith(`${model}\n`));
  const row = new RegExp(`^\\| ${words}[^|]*\\|([^|]*)\\|`, "m").exec(section ?? "");
  if (row === null) throw new Error(`the card of ${model} has no row "${words}"`);
  return row[1]!.replaceAll("*", "").trim();
}

async function greyPicture(): Promise<string> {
  const file = join(temporaryFolder(), "grey.png");
  await sharp({ create: { width: 40, height: 40, channels: 3, background: "#777" } })
    .png()
    .toFile(file);
  return file;
}

describe("the models that come with rbnet", () => {
  it("are found by the names of their files, and by nothing else", () => {
    const files = readdirSync(folder).filter((file) => file.endsWith(".safetensors"));
    expect(shippedModels()).toEqual(files.map((file) => file.replace(".safetensors", "")));
    expect(shippedModels()).toContain(NAME);
    expect(modelFileOf(NAME)).toBe(join(folder, `${NAME}.safetensors`));
    for (const other of ["README", "../models/rbnet20-cifar10", "nothing"]) expect(modelFileOf(other)).toBe(other);
  });

  it.each(shippedModels())("have as many operations, and files as large, as the card of %s says", async (name) => {
    const { operations, size } = await readModelFile(name);
    const { ops } = totalsOf(summarizeOperations(operations, { height: size, width: size, channels: 3 }));
    expect(said(name, "OPs")).toBe(`${(ops / 1e6).toFixed(2)}M`);
    expect(said(name, "file")).toBe(`${Math.round(readFileSync(modelFileOf(name)).length / 1e3)} KB`);
  });

  it("answer by name from any folder, in every command that takes a model", { timeout: 60_000 }, async () => {
    const picture = await greyPicture();
    const predicted = await rbnet(["predict", NAME, picture, "--json"], temporaryFolder());
    expect(predicted.code).toBe(0);
    const [answer] = jsonLines(predicted);
    expect(answer).toMatchObject({ image: picture, predictions: { length: 5 } });
    const summary = await rbnet(["summary", NAME], temporaryFolder());
    expect([summary.code, summary.stdout]).toEqual([0, expect.stringMatching(/^rbnet20 \(width 2\), input 32 x 32 x 3/)]);
    const here = temporaryFolder();
    expect((await rbnet(["export", NAME, "--precision", "float32"], here)).code).toBe(0);
    expect(readdirSync(here)).toEqual(["model-float32.safetensors"]);
  });

  it("give way to a file of one's own of the same name", { timeout: 60_000 }, async () => {
    const here = temporaryFolder();
    using backend = await openBackend({ threads: 1 });
    await writeModelFile(join(here, NAME), await smallModel(backend));
    const { code, stdout } = await rbnet(["summary", NAME], here);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^rbnet8 \(width 0\.5\)/)]);
  });

  it("are named where another is asked for", async () => {
    const { code, stderr } = await rbnet(["predict", "rbnet20-cifar11", await greyPicture()]);
    expect(code).toBe(2);
    expect(stderr).toContain(`the name of a model that comes with rbnet: ${shippedModels().join(", ")}`);
  });

  describe.skipIf(!existsSync(cifar10))(`on the images in ${cifar10} (skipped where absent)`, () => {
    it.each(shippedModels())(
      "get as many of the 10,000 test images right as the card of %s says",
      { timeout: 120_000 },
      async (name) => {
        using backend = await openBackend({ threads: 2, backend: "wasm" });
        const model = await readModelFile(name);
        const data = await openDataset({ path: join(cifar10, "test"), size: model.size, validationFraction: 0 });
        const { top1, images } = await evaluateModel(backend, model, data.train);
        expect([images, `${(100 * top1).toFixed(1)} %`]).toEqual([10_000, said(name, "test top-1")]);
      },
    );
  });
});
