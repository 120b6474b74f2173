/** A folder in Hugging Face's layout: what is in it, and that transformers.js and a page open it. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { Random } from "#rbnet/data/random";
import { encodeModel, type Model } from "#rbnet/runtime/model";
import { chromiumPath, launchChromium } from "../../browser/chromium.js";
import { jsonLines, rbnet } from "../../cli/command.js";
import { CLASSES, SIZE, smallModel } from "../../runtime/small-model.js";
import { temporaryFolder } from "../../temporary-folder.js";
import { installedElsewhere } from "./elsewhere.js";
import { ownAnswer } from "./onnx-runtime.js";

const RECORDS = [
  { kind: "run", data: { name: "pets", validationFraction: 0.1 }, options: { seed: 1 } },
  { kind: "epoch", index: 1 },
  { kind: "result", set: "test", evaluation: { images: 1234, loss: 0.5, top1: 0.876, top5: 1 }, bestEpoch: 1 },
];

/** The folder of a run as far as an export looks at it. */
async function runFolder(): Promise<{ readonly folder: string; readonly model: Model }> {
  const folder = temporaryFolder();
  using backend = await createWasmBackend({ threads: 1 });
  const model = await smallModel(backend);
  writeFileSync(join(folder, "model.safetensors"), encodeModel(model));
  writeFileSync(join(folder, "metrics.jsonl"), RECORDS.map((record) => `${JSON.stringify(record)}\n`).join(""));
  return { folder, model };
}

async function exported(
  words: readonly string[] = [],
): Promise<{ readonly run: string; readonly hub: string; readonly model: Model }> {
  const { folder, model } = await runFolder();
  const { code, stderr } = await rbnet(["export", folder, "--format", "hub", ...words]);
  expect([code, stderr]).toEqual([0, ""]);
  return { run: folder, hub: join(folder, "hub"), model };
}

/** Of the size that the network reads, so that nobody scales. */
async function picture(folder: string, seed: number): Promise<string> {
  const random = new Random(seed);
  const data = Uint8Array.from({ length: SIZE * SIZE * 3 }, () => random.integer(256));
  const file = join(folder, `${seed}.png`);
  await sharp(data, { raw: { width: SIZE, height: SIZE, channels: 3 } })
    .png()
    .toFile(file);
  return file;
}

describe("rbnet export --format hub", () => {
  it("says classes, size and normalization to libraries, and accuracy, operations and licence to people", async () => {
    const { hub, model } = await exported(["--licence", "cc-by-4.0"]);
    const read = (name: string) => JSON.parse(readFileSync(join(hub, name), "utf8"));
    expect(read("config.json")).toMatchObject({ id2label: { 0: CLASSES[0], 2: CLASSES[2] }, label2id: { [CLASSES[2]!]: 2 } });
    expect(read("preprocessor_config.json")).toMatchObject({
      ...{ size: { shortest_edge: SIZE }, crop_size: { height: SIZE, width: SIZE } },
      ...{ do_resize: true, do_center_crop: true, do_rescale: true, rescale_factor: 1 / 255, do_normalize: true },
      ...{ image_mean: [...model.mean], image_std: [...model.standardDeviation] },
    });
    const card = readFileSync(join(hub, "README.md"), "utf8");
    for (const said of [
      'license: "cc-by-4.0"',
      "| test top-1 | 87.6 % of 1,234 images |",
      "| trained on | pets |",
      "| operations an image |",
    ])
      expect(card).toContain(said);
  });

  it("leaves a folder alone that has something in it, and says so in a sentence", async () => {
    const { folder } = await runFolder();
    mkdirSync(join(folder, "hub"));
    writeFileSync(join(folder, "hub", "mine.txt"), "mine");
    const { code, stderr } = await rbnet(["export", folder, "--format", "hub"]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/there are files in .*hub already; choose a new folder by --out\n$/),
    ]);
    expect(readFileSync(join(folder, "hub", "mine.txt"), "utf8")).toBe("mine");
  });
});

const transformers = installedElsewhere("@huggingface/transformers");
const PIPELINE = `
import { env, pipeline } from "@huggingface/transformers";
env.allowRemoteModels = false;
const [folder, ...pictures] = process.argv.slice(1);
const classify = await pipeline("image-classification", folder);
console.log(JSON.stringify(await classify(pictures, { top_k: null })));
`;

describe.skipIf(transformers === undefined)("transformers.js", { timeout: 120_000 }, () => {
  it("opens the folder by pipeline and gives the labels and scores of rbnet predict", async () => {
    const { run, hub } = await exported();
    const pictures = await Promise.all([1, 2, 3].map((seed) => picture(run, seed)));
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--input-type=module", "--eval", PIPELINE, "--", hub, ...pictures],
      { cwd: process.env.RBNET_INTEROP, encoding: "utf8" },
    );
    expect([status, stderr]).toEqual([0, ""]);
    const theirs: { label: string; score: number }[][] = JSON.parse(stdout);
    const ours = jsonLines(await rbnet(["predict", run, ...pictures, "--json"]));
    for (const [i, { predictions }] of ours.entries())
      for (const { label, score } of predictions as { label: string; score: number }[])
        expect(theirs[i]!.find((one) => one.label === label)?.score).toBeCloseTo(score, 4);
  });
});

const web = chromiumPath === undefined ? undefined : installedElsewhere("onnxruntime-web");
const PAGE = `<!doctype html><script type="module">
import * as ort from "/ort.wasm.bundle.min.mjs";
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = "/";
window.answer = async (values, size) => {
  const session = await ort.InferenceSession.create("/model.onnx");
  const { logits } = await session.run({ pixel_values: new ort.Tensor("float32", Float32Array.from(values), [1, 3, size, size]) });
  return [...logits.data];
};
window.ready = true;
</script>`;

describe.skipIf(web === undefined)("onnxruntime-web in Chromium", { timeout: 120_000 }, () => {
  it("runs the graph and gives the runtime's scores", async () => {
    const { hub, model } = await exported();
    const random = new Random(3);
    const planes = Array.from({ length: 3 * SIZE * SIZE }, () => random.normal());
    const pixels = Float32Array.from(planes, (_, at) => planes[(at % 3) * SIZE * SIZE + Math.floor(at / 3)]!);
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      await page.route("http://graph.test/**", (route) => {
        const name = new URL(route.request().url()).pathname.slice(1);
        if (name === "") return route.fulfill({ contentType: "text/html", body: PAGE });
        const path = name === "model.onnx" ? join(hub, "onnx", name) : join(web!, "dist", name);
        return route.fulfill({ contentType: name.endsWith("mjs") ? "text/javascript" : "application/wasm", path });
      });
      await page.goto("http://graph.test/");
      await page.waitForFunction("window.ready");
      const answer = await page.evaluate<number[]>(`window.answer(${JSON.stringify(planes)}, ${SIZE})`);
      using backend = await createWasmBackend({ threads: 1 });
      const own = await ownAnswer(backend, model, pixels);
      for (const [i, value] of answer.entries()) expect(value).toBeCloseTo(own[i]!, 4);
      expect(answer.length).toBe(CLASSES.length);
    } finally {
      await browser.close();
    }
  });
});
