/**
 * The same model answers the same everywhere: `rbnet eval`, `rbnet/runtime` in Node and a real browser agree on the top-1 of all
 * 10,000 test images of CIFAR-10, since they run the same kernels. Kernels of other instructions round otherwise; how often that
 * changes an answer is measured here, and bounded.
 *
 * RBNET_MODEL names a trained model to take instead of one of random weights.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { findAccelerator } from "#rbnet/backend/native/accelerator";
import { openBackend } from "#rbnet/backend/open";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import type { Dataset, ImageSet } from "#rbnet/data/dataset";
import { openDataset } from "#rbnet/data/open-dataset";
import { Random } from "#rbnet/data/random";
import { Network } from "#rbnet/networks/network";
import { rbnet20 } from "#rbnet/networks/rbnet";
import { createClassifier } from "#rbnet/runtime/classifier";
import { decodeModel, encodeModel, type Model } from "#rbnet/runtime/model";
import { evaluateModel } from "#rbnet/training/evaluate";
import { chromiumPath, launchChromium } from "./chromium.js";
import { servePage } from "./page-server.js";

const cifar10 = fileURLToPath(new URL("../../../shared/data/cifar10/test", import.meta.url));
const SIDE = 32;
const BYTES = SIDE * SIDE * 3;
/** Share of answers that another rounding may change: it moves a value over a threshold now and then. */
const MOST_CHANGED = 0.02;

const SCRIPT = `
import { loadModel } from "/dist/browser/load-model.js";
const show = (found) => { document.querySelector("#found").textContent = JSON.stringify(found); };
try {
  const classify = await loadModel("/model.safetensors");
  const pixels = new Uint8Array(await (await fetch("/pixels")).arrayBuffer());
  const labels = [];
  for (let at = 0; at < pixels.length; at += ${BYTES}) {
    const [best] = await classify({ data: pixels.subarray(at, at + ${BYTES}), width: ${SIDE}, height: ${SIDE} }, { top: 1 });
    labels.push(best.label);
  }
  show({ backend: classify.facts.backend, labels });
} catch (error) { show(String(error)); }
`;

async function randomModel(): Promise<Model> {
  using backend = await createWasmBackend({ threads: 1 });
  const random = new Random(11);
  const classes = Array.from({ length: 10 }, (_, i) => `class ${i}`);
  const network = new Network(backend, rbnet20({ classes: classes.length }), {
    normal: (count, standardDeviation) => Float32Array.from({ length: count }, () => standardDeviation * random.normal()),
  });
  const operations = await network.fold();
  const mean = [0.49, 0.48, 0.45] as const;
  return { network: { name: "rbnet20", width: 1 }, classes, size: SIDE, mean, standardDeviation: [0.25, 0.24, 0.26], operations };
}

function pixelsOf({ source, count }: ImageSet): Uint8Array {
  if (source.kind !== "memory") throw new Error("images of this size are kept in memory");
  const pixels = new Uint8Array(count * BYTES);
  for (const [i, row] of source.rows.entries()) pixels.set(source.pixels.subarray(row * BYTES, (row + 1) * BYTES), i * BYTES);
  return pixels;
}

describe.skipIf(!existsSync(cifar10) || chromiumPath === undefined)(
  "one model on 10,000 images (skipped without CIFAR-10 or Chromium)",
  () => {
    let browser: Browser;
    let model: Model;
    let images: ImageSet;
    let pixels: Uint8Array;
    /** Of WebAssembly in Node, what everything else is compared with. */
    let labels: readonly string[];

    beforeAll(async () => {
      browser = await launchChromium();
      const path = process.env.RBNET_MODEL;
      model = path === undefined ? await randomModel() : decodeModel(readFileSync(path), path);
      const data: Dataset = await openDataset({ path: cifar10, size: SIDE, validationFraction: 0 });
      images = data.train;
      pixels = pixelsOf(images);
      labels = await answers(await createWasmBackend({ threads: 1 }));
    }, 120_000);
    afterAll(async () => browser?.close());

    /** Disposes of the backend. */
    async function answers(backend: Backend): Promise<readonly string[]> {
      using classify = createClassifier(model, backend, (at: number) => pixels.subarray(at, at + BYTES));
      const found: string[] = [];
      for (let at = 0; at < pixels.length; at += BYTES) found.push((await classify(at, { top: 1 }))[0]!.label);
      return found;
    }

    const changed = (found: readonly string[]): number => found.filter((label, i) => label !== labels[i]).length;

    it("is answered in Chromium as in Node, every one", { timeout: 120_000 }, async () => {
      const page = `<!doctype html><title>test</title><pre id="found"></pre><script type="module" src="/page.js"></script>`;
      const files = { "/page.html": page, "/page.js": SCRIPT, "/model.safetensors": encodeModel(model), "/pixels": pixels };
      await using server = await servePage(files, { isolated: false });
      const tab = await browser.newPage();
      await tab.goto(`${server.address}/page.html`);
      const text = await tab.locator("#found", { hasText: /./ }).textContent({ timeout: 100_000 });
      const found = JSON.parse(text ?? "") as { backend: string; labels: string[] };
      expect(found.backend).toMatch(/relaxed SIMD/);
      expect(found.labels.length).toBe(images.count);
      expect(changed(found.labels)).toBe(0);
    });

    it("is evaluated in batches and on threads as one by one", { timeout: 60_000 }, async () => {
      using backend = await createWasmBackend({ threads: 2 });
      const { confusion } = await evaluateModel(backend, model, images);
      const counted = model.classes.map(() => model.classes.map(() => 0));
      for (const [i, label] of labels.entries()) counted[images.labels[i]!]![model.classes.indexOf(label)]!++;
      expect(confusion).toEqual(counted);
    });

    it("rarely changes with another rounding: without fused multiply-add", { timeout: 60_000 }, async () => {
      const found = changed(await answers(await createWasmBackend({ threads: 1, relaxed: false })));
      console.log(`plain SIMD changes ${found} of ${labels.length} answers`);
      expect(found / labels.length).toBeLessThan(MOST_CHANGED);
    });

    it.skipIf("absent" in findAccelerator())("rarely changes with the accelerator", { timeout: 60_000 }, async () => {
      const found = changed(await answers(await openBackend({ threads: 1, backend: "native" })));
      console.log(`the accelerator changes ${found} of ${labels.length} answers`);
      expect(found / labels.length).toBeLessThan(MOST_CHANGED);
    });
  },
);
