/**
 * `rbnet/runtime` in a real browser computes what Node computes, to the bit: in a page and in a worker, with threads and without,
 * under a strict policy.
 */

import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { Random } from "#rbnet/data/random";
import { loadModel } from "#rbnet/deploy/load-model";
import type { Prediction } from "#rbnet/runtime/classifier";
import { encodeModel } from "#rbnet/runtime/model";
import { SIZE, smallModel } from "../runtime/small-model.js";
import { chromiumPath, launchChromium } from "./chromium.js";
import { servePage } from "./page-server.js";

/** What the page's script leaves on the window for the test to read. */
interface Found {
  readonly isolated: boolean;
  readonly backend: string;
  readonly fromPixels: readonly (readonly Prediction[])[];
  readonly features: readonly number[];
  readonly fromBlob: readonly Prediction[];
  readonly fromBitmap: readonly Prediction[];
  readonly fromTransparent: readonly Prediction[];
  readonly error: string;
}

/** Engines of different age differ in the last bit of Math.exp, which makes scores of the network's logits. */
const almost = (predictions: readonly Prediction[]): readonly Prediction[] =>
  predictions.map(({ label, score }) => ({ label, score: expect.closeTo(score, 12) as number }));

const IMAGES = 3;

/** Runs in the page, or in a worker of it. */
const SCRIPT = `
import { loadModel } from "/dist/browser/load-model.js";
export async function answer() {
  const classify = await loadModel("/model.safetensors", { threads: 2 });
  const pixels = new Uint8ClampedArray(await (await fetch("/pixels")).arrayBuffer());
  const length = ${SIZE * SIZE * 4};
  const images = Array.from({ length: ${IMAGES} }, (_, i) => new ImageData(pixels.slice(i * length, (i + 1) * length), ${SIZE}, ${SIZE}));
  const blob = await (await fetch("/picture.png")).blob();
  const found = {
    isolated: crossOriginIsolated,
    backend: classify.facts.backend,
    fromPixels: await classify(images),
    features: Array.from(await classify.features(images[0])),
    fromBlob: await classify(blob),
    fromBitmap: await classify(await createImageBitmap(blob)),
    fromTransparent: await classify(await (await fetch("/transparent.png")).blob()),
    error: await classify(new Blob(["no image"])).then(() => "", (error) => error.name + ": " + error.message),
  };
  classify.dispose();
  return found;
}
`;
/** The answer becomes text of the page: reading a variable would need an eval, which the policy forbids. */
const pageWith = (script: string): string =>
  `<!doctype html><title>test</title><pre id="found"></pre><script type="module" src="${script}"></script>`;
const SHOW = `const show = (found) => { document.querySelector("#found").textContent = JSON.stringify(found); };`;
const PAGE_SCRIPT = `import { answer } from "/answer.js"; ${SHOW} answer().then(show, (error) => show(String(error)));`;
const START_SCRIPT = `${SHOW} new Worker("/worker.js", { type: "module" }).onmessage = ({ data }) => show(data);`;
const WORKER_SCRIPT = `import { answer } from "/answer.js"; answer().then(postMessage, (error) => postMessage(String(error)));`;

describe.skipIf(chromiumPath === undefined)("rbnet/runtime in Chromium (skipped where none is installed)", () => {
  let browser: Browser | undefined;
  let files: Record<string, string | Uint8Array> = {};
  let expected: {
    readonly predictions: readonly (readonly Prediction[])[];
    readonly features: readonly number[];
    readonly transparent: readonly Prediction[];
  };

  beforeAll(async () => {
    browser = await launchChromium();
    using backend = await createWasmBackend({ threads: 1 });
    const model = encodeModel(await smallModel(backend));
    const random = new Random(8);
    const images = Array.from({ length: IMAGES }, () =>
      Uint8Array.from({ length: SIZE * SIZE * 4 }, (_, i) => (i % 4 === 3 ? 255 : random.integer(256))),
    );
    const png = (data: Uint8Array): Promise<Buffer> =>
      sharp(data, { raw: { width: SIZE, height: SIZE, channels: 4 } })
        .png()
        .toBuffer();
    const picture = await png(images[1]!);
    const transparent = await png(images[2]!.map((value, i) => (i % 4 === 3 && i % 3 === 0 ? 0 : value)));
    files = {
      "/page.html": pageWith("/page.js"),
      "/page.js": PAGE_SCRIPT,
      "/worker.html": pageWith("/start.js"),
      "/start.js": START_SCRIPT,
      "/worker.js": WORKER_SCRIPT,
      "/answer.js": SCRIPT,
      "/model.safetensors": model,
      "/pixels": Buffer.concat(images),
      "/picture.png": picture,
      "/transparent.png": transparent,
    };
    using classify = await loadModel(model, { backend: "wasm" });
    const pixels = images.map((data) => ({ data, width: SIZE, height: SIZE }));
    expected = {
      predictions: await classify(pixels),
      features: [...(await classify.features(pixels[0]!))],
      transparent: await classify(transparent),
    };
    expect(expected.transparent).not.toEqual(expected.predictions[2]);
  });
  afterAll(async () => browser?.close());

  async function found(path: string, isolated: boolean): Promise<Found> {
    await using server = await servePage(files, { isolated });
    const page: Page = await browser!.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(`${server.address}${path}`);
    const text = await page.locator("#found", { hasText: /./ }).textContent({ timeout: 30_000 });
    const result = JSON.parse(text ?? "") as Found | string;
    await page.close();
    if (typeof result === "string") throw new Error(result);
    expect(complaints).toEqual([]);
    return result;
  }

  it.each([
    { where: "a page", path: "/page.html", isolated: false, threads: 1 },
    { where: "an isolated page", path: "/page.html", isolated: true, threads: 2 },
    { where: "a worker of an isolated page", path: "/worker.html", isolated: true, threads: 2 },
    { where: "a worker", path: "/worker.html", isolated: false, threads: 1 },
  ])("computes in $where what Node computes, to the bit, with $threads threads", async ({ path, isolated, threads }) => {
    const result = await found(path, isolated);
    expect(result.isolated).toBe(isolated);
    expect(result.backend).toMatch(new RegExp(`^wasm, relaxed SIMD, ${threads} thread`));
    expect(result.features).toEqual(expected.features);
    expect(result.fromPixels).toEqual(expected.predictions.map(almost));
    for (const found of [result.fromBlob, result.fromBitmap]) expect(found).toEqual(almost(expected.predictions[1]!));
    expect(result.fromTransparent).toEqual(almost(expected.transparent));
    expect(result.error).toMatch(/^UserError: the image cannot be decoded/);
  });
});
