/**
 * What keeps `rbnet/runtime` from running as usual in a page, or from running at all: with the same answers where it can, and a
 * sentence with the remedy where it cannot.
 */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { loadModel } from "#rbnet/deploy/load-model";
import { encodeModel } from "#rbnet/runtime/model";
import { SIZE, smallModel } from "../runtime/small-model.js";
import { chromiumPath, launchChromium } from "./chromium.js";
import { type PageTerms, STRICT, servePage, USUAL } from "./page-server.js";

/** Grey, darker to the right. */
const PIXELS = Array.from({ length: SIZE * SIZE }, (_, i) => (i % SIZE) * 9);

/** `before` runs before the runtime is loaded; `asked` is evaluated with `loadModel` and `pixels` at hand. */
function pageScript(asked: string, before = ""): string {
  return `
    const show = (found) => { document.querySelector("#found").textContent = JSON.stringify(found); };
    const said = (error) => error.name + ": " + error.message;
    ${before}
    try {
      const { loadModel } = await import("/dist/browser/load-model.js");
      const pixels = { data: Uint8Array.from(${JSON.stringify(PIXELS)}), width: ${SIZE}, height: ${SIZE} };
      show(await (async () => { ${asked} })().catch(said));
    } catch (error) {
      show("not loaded: " + said(error));
    }`;
}

const CLASSIFY = `
  const classify = await loadModel("/model.safetensors", { threads: 2 });
  return { backend: classify.facts.backend, features: Array.from(await classify.features(pixels)) };`;
const PAGE = `<!doctype html><title>test</title><pre id="found"></pre><script type="module" src="/page.js"></script>`;

describe.skipIf(chromiumPath === undefined)("rbnet/runtime in Chromium, hindered (skipped where none is installed)", () => {
  let browser: Browser | undefined;
  let model: Uint8Array;
  let features: readonly number[];

  beforeAll(async () => {
    browser = await launchChromium();
    using backend = await createWasmBackend({ threads: 1 });
    model = encodeModel(await smallModel(backend));
    using classify = await loadModel(model, { backend: "wasm" });
    features = [...(await classify.features({ data: Uint8Array.from(PIXELS), width: SIZE, height: SIZE }))];
  });
  afterAll(async () => browser?.close());

  async function found(script: string, terms: PageTerms): Promise<unknown> {
    await using server = await servePage({ "/page.html": PAGE, "/page.js": script, "/model.safetensors": model }, terms);
    const page = await browser!.newPage();
    await page.goto(`${server.address}/page.html`);
    const text = await page.locator("#found", { hasText: /./ }).textContent({ timeout: 30_000 });
    await page.close();
    return JSON.parse(text ?? "");
  }

  it.each([
    { hindrance: "blobs forbidden", terms: { isolated: true, policy: STRICT }, threads: "2 threads" },
    {
      hindrance: "the thread's file missing",
      terms: { isolated: true, missing: "/dist/backend/wasm/web-thread.js" },
      threads: "2 threads",
    },
    {
      hindrance: "no workers allowed",
      terms: { isolated: true, policy: STRICT.replace("worker-src 'self'", "worker-src 'none'") },
      threads: "1 thread of 2 (a worker cannot be started here)",
    },
    {
      hindrance: "trusted types asked for, and no second file",
      terms: {
        isolated: true,
        policy: `${USUAL}; require-trusted-types-for 'script'`,
        missing: "/dist/backend/wasm/web-thread.js",
      },
      threads: expect.stringMatching(/^1 thread of 2 \(.*TrustedScriptURL/),
    },
    {
      hindrance: "no isolation",
      terms: { isolated: false },
      threads: "1 thread of 2 (more need a page that is cross-origin isolated)",
    },
  ])("computes the same with $hindrance", async ({ terms, threads }) => {
    const result = (await found(pageScript(CLASSIFY), terms)) as { backend: string; features: readonly number[] };
    expect(result.features).toEqual(features);
    expect(result.backend.replace("wasm, relaxed SIMD, ", "")).toEqual(threads);
  });

  it("computes with kernels that the platform has compiled, where it forbids to compile", async () => {
    const asked = `
      const module = await WebAssembly.compileStreaming(fetch("/dist/backend/wasm/runtime-kernels.wasm"));
      WebAssembly.compile = async () => { throw new WebAssembly.CompileError("code generation disallowed by embedder"); };
      const without = await loadModel("/model.safetensors").catch(said);
      const wrong = await loadModel("/model.safetensors", { module: new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)) })
        .then(async (classify) => String(await classify.features(pixels)), said).catch(said);
      const classify = await loadModel("/model.safetensors", { module, threads: 4 });
      return { without, wrong, backend: classify.facts.backend, features: Array.from(await classify.features(pixels)) };`;
    const result = (await found(pageScript(asked), { isolated: true })) as Record<string, unknown>;
    expect(result.without).toMatch(
      /^UserError: this platform compiles no WebAssembly .*rbnet\/runtime\/kernels.wasm.*\{ module \}/,
    );
    expect(result.wrong).toMatch(/^UserError: the given module does not hold the kernels/);
    expect(result.backend).toBe("wasm, plain SIMD, 1 thread of 4 (kernels that are given run on one)");
    const off = (result.features as number[]).map((value, i) => Math.abs(value - (features[i] ?? Number.NaN)));
    expect(Math.max(...off)).toBeLessThan(1e-5);
  });

  it.each([
    {
      hindrance: "a policy without 'wasm-unsafe-eval'",
      script: pageScript(CLASSIFY),
      policy: USUAL.replace(" 'wasm-unsafe-eval'", ""),
      says: /^UserError: the page's Content-Security-Policy forbids WebAssembly; add 'wasm-unsafe-eval' to its script-src$/,
    },
    {
      hindrance: "no WebAssembly",
      script: pageScript(CLASSIFY, "delete globalThis.WebAssembly;"),
      says: /^UserError: this engine has no WebAssembly.*use a current browser/,
    },
    {
      hindrance: "no SIMD",
      script: pageScript(CLASSIFY, "WebAssembly.validate = () => false;"),
      says: /^UserError: this engine's WebAssembly has no SIMD.*Safari from 16.4/,
    },
    {
      hindrance: "a path for an image",
      script: pageScript(`return (await loadModel("/model.safetensors"))("cat.jpg");`),
      says: /^UserError: the image is the text "cat.jpg", but a Blob, .* is expected/,
    },
    {
      hindrance: "a number for a model",
      script: pageScript("return loadModel(5);"),
      says: /^UserError: the model is 5, but an address, /,
    },
    {
      hindrance: "a file's text for an address",
      script: pageScript(`return loadModel("/" + "x".repeat(280_000));`),
      says: /^UserError: the model \/x{59}… \(280001 characters\) cannot be fetched.{0,120}$/,
    },
  ])("says what to do with $hindrance", async ({ script, policy, says }) => {
    expect(await found(script, { isolated: false, ...(policy === undefined ? {} : { policy }) })).toMatch(says);
  });

  it("takes bytes of another realm, and reads a model without a TextDecoder", async () => {
    const asked = `
      const frame = document.body.appendChild(document.createElement("iframe"));
      const bytes = new frame.contentWindow.Uint8Array(await (await fetch("/model.safetensors")).arrayBuffer());
      const classify = await loadModel(bytes);
      return { foreign: !(bytes instanceof Uint8Array), features: Array.from(await classify.features(pixels)) };`;
    const result = await found(pageScript(asked, "delete globalThis.TextDecoder;"), { isolated: false });
    expect(result).toEqual({ foreign: true, features });
  });
});
