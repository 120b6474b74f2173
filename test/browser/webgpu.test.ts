/** A model in a page answers on the GPU, which Chromium has in software, as on WebAssembly in Node. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { Random } from "#rbnet/data/random";
import { loadModel } from "#rbnet/deploy/load-model";
import { chromiumPath, launchChromium, WITH_GPU } from "./chromium.js";
import { servePage } from "./page-server.js";

const IMAGES = 6;
const SIDE = 32;
const BYTES = SIDE * SIDE * 3;
const MODEL = fileURLToPath(new URL("../../models/rbnet20-cifar10.safetensors", import.meta.url));

interface Found {
  readonly absent?: boolean;
  readonly backend: string;
  readonly labels: readonly string[];
  readonly without: string;
  /** What the model that was loaded with `auto` runs on, and its first answer. */
  readonly auto: string;
  readonly chosen: string;
}

const SCRIPT = `
import { loadModel } from "/dist/browser/load-model.js";
const without = await loadModel("/model.safetensors", { device: "webgpu" }).catch((error) => error.message);
await import("/dist/browser/webgpu.js");
const show = (found) => { document.querySelector("#found").textContent = JSON.stringify(found); };
try {
  if ((await navigator.gpu?.requestAdapter()) == null) show({ absent: true });
  else {
      const classify = await loadModel("/model.safetensors", { device: "webgpu" });
      const pixels = new Uint8Array(await (await fetch("/pixels")).arrayBuffer());
      const labels = [];
      for (let at = 0; at < pixels.length; at += ${BYTES}) {
        const [best] = await classify({ data: pixels.subarray(at, at + ${BYTES}), width: ${SIDE}, height: ${SIDE} }, { top: 1 });
        labels.push(best.label);
      }
      classify.dispose();
      const auto = await loadModel("/model.safetensors", { device: "auto" });
      const [chosen] = await auto({ data: pixels.subarray(0, ${BYTES}), width: ${SIDE}, height: ${SIDE} }, { top: 1 });
      show({ auto: auto.facts.backend, chosen: chosen.label, backend: classify.facts.backend, labels, without });
  }
} catch (error) { show(String(error)); }
`;

describe.skipIf(chromiumPath === undefined)("a page's GPU (skipped where no Chromium is installed)", () => {
  it("answers as WebAssembly in Node", { timeout: 240_000 }, async (context) => {
    const random = new Random(3);
    // Smooth pictures, so that answers differ.
    const pixels = Uint8Array.from({ length: IMAGES * BYTES }, (_, i) => {
      const [image, x, y] = [Math.floor(i / BYTES), Math.floor(i / 3) % SIDE, Math.floor(i / 3 / SIDE) % SIDE];
      const wave = Math.sin((x * (image + 1)) / 9 + (i % 3)) * Math.cos((y * (image + 2)) / 13);
      return Math.round(127 + 100 * wave + 20 * (random.uniform() - 0.5));
    });
    const files = {
      "/page.html": `<!doctype html><title>test</title><pre id="found"></pre><script type="module" src="/page.js"></script>`,
      "/page.js": SCRIPT,
      "/model.safetensors": readFileSync(MODEL),
      "/pixels": pixels,
    };
    await using server = await servePage(files, { isolated: false });
    const browser = await launchChromium(WITH_GPU);
    try {
      const page = await browser.newPage();
      await page.goto(`${server.address}/page.html`);
      const text = await page.locator("#found", { hasText: /./ }).textContent({ timeout: 220_000 });
      const found = JSON.parse(text ?? "") as Found;
      if (found.absent === true) context.skip("this Chromium gives pages no GPU");
      expect(found.backend).toMatch(/^webgpu/);
      expect(found.without).toMatch(/^device: "webgpu" needs rbnet\/runtime\/webgpu, which is not loaded by itself; import that/);
      using classify = await loadModel(MODEL, { backend: "wasm" });
      const expected: string[] = [];
      for (let at = 0; at < pixels.length; at += BYTES) {
        const image = { data: pixels.subarray(at, at + BYTES), width: SIDE, height: SIDE };
        expected.push((await classify(image, { top: 1 }))[0]!.label);
      }
      expect(found.labels).toEqual(expected);
      // Whose compiled loops no GPU in software comes near.
      expect([found.auto, found.chosen]).toEqual([expect.stringMatching(/^wasm/), expected[0]]);
      expect(new Set(expected).size).toBeGreaterThan(1);
    } finally {
      await browser.close();
    }
  });
});
