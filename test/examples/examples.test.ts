/** The examples do what they say: each is run as it stands, with a model and a picture beside it. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadModel } from "#rbnet/deploy/load-model";
import { encodeModel } from "#rbnet/runtime/model";
import { chromiumPath, launchChromium } from "../browser/chromium.js";
import { picture, shapesModel } from "../serve/served.js";
import { temporaryFolder } from "../temporary-folder.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = temporaryFolder();
const TYPES: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript" };
let model: Uint8Array;
let image: Buffer;
let expected = "";
/** Folder of the site that the bundler has made. */
let bundle = "";

beforeAll(async () => {
  model = encodeModel(await shapesModel());
  image = await picture(6);
  writeFileSync(join(folder, "model.safetensors"), model);
  writeFileSync(join(folder, "picture.png"), image);
  using classify = await loadModel(model, { backend: "wasm" });
  const [best] = await classify(image);
  expected = `${best!.label} (${(100 * best!.score).toFixed(1)} %)`;
  bundle = await bundled();
});

/** What the bundler makes of its example, with the package installed beside it. */
async function bundled(): Promise<string> {
  const project = join(folder, "bundler");
  cpSync(`${root}examples/bundler`, project, { recursive: true });
  mkdirSync(join(project, "node_modules"));
  symlinkSync(root, join(project, "node_modules", "rbnet"), "junction");
  const warnings: string[] = [];
  const onwarn = ({ message }: { message: string }): number => warnings.push(message);
  await build({ root: project, logLevel: "silent", build: { rolldownOptions: { onwarn } } });
  expect(warnings).toEqual([]);
  return join(project, "dist");
}

/** A folder as a site, with the package and the model where an example looks for them. `isolated`: a page that may have threads. */
async function site(files: string, isolated = false): Promise<{ server: Server; address: string }> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    response.setHeader("Content-Type", TYPES[extname(path)] ?? "application/octet-stream");
    if (isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    const packaged = /^\/node_modules\/rbnet\/(dist\/.*)$/.exec(path)?.[1];
    try {
      if (path === "/model.safetensors") response.end(model);
      else response.end(readFileSync(packaged === undefined ? `${files}${path}` : `${root}${packaged}`));
    } catch {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { server, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/index.html` };
}

describe("the example", () => {
  it("node classifies a picture file", () => {
    const words = ["examples/node/classify.mjs", join(folder, "model.safetensors"), join(folder, "picture.png")];
    expect(execFileSync(process.execPath, words, { cwd: root, encoding: "utf8" })).toBe(
      `${join(folder, "picture.png")}: ${expected}\n`,
    );
  });

  describe.skipIf(chromiumPath === undefined)("in Chromium (skipped where none is installed)", () => {
    let browser: Browser | undefined;
    beforeAll(async () => {
      browser = await launchChromium();
    });
    afterAll(async () => browser?.close());

    it.each(["page", "worker"])("%s classifies a chosen picture", async (example) => {
      await classifies(await site(`${root}examples/${example}`));
    });

    it("bundler classifies a chosen picture, with threads where the page may have them", async () => {
      await classifies(await site(bundle));
      await classifies(await site(bundle, true));
    });

    it("electron classifies a chosen picture with threads, under the policy that its main process sets", async () => {
      const project = join(folder, "electron");
      cpSync(`${root}examples/electron`, project, { recursive: true });
      cpSync(`${root}test/examples/electron-stand-in`, join(project, "node_modules/electron"), { recursive: true });
      symlinkSync(root, join(project, "node_modules/rbnet"), "junction");
      writeFileSync(join(project, "model.safetensors"), model);
      const main = spawn(process.execPath, ["main.js"], { cwd: project, stdio: ["ignore", "pipe", "inherit"] });
      try {
        const [said] = await once(main.stdout, "data");
        const address = String(said).trim();
        expect(await answers(address, async (page) => page.locator("p", { hasText: "thread" }).textContent())).toMatch(
          /2 threads/,
        );
        expect((await fetch(new URL("/..%2f..%2fpackage.json", address))).status).toBe(404);
      } finally {
        main.kill();
      }
    });

    async function classifies({ server, address }: { server: Server; address: string }): Promise<void> {
      try {
        await answers(address);
      } finally {
        server.closeAllConnections();
        await new Promise((done) => server.close(done));
      }
    }

    /** Gives the page the picture, and returns what `look` sees then. */
    async function answers<Seen>(address: string, look?: (page: Page) => Promise<Seen>): Promise<Seen | undefined> {
      const page = await browser!.newPage();
      try {
        // The page listens once its model is loaded.
        await page.goto(address, { waitUntil: "networkidle" });
        await page.locator("input").setInputFiles({ name: "picture.png", mimeType: "image/png", buffer: image });
        expect(await page.locator("output", { hasText: "%" }).textContent()).toBe(expected);
        return await look?.(page);
      } finally {
        await page.close();
      }
    }
  });

  it("bundler brings nothing of Node along, and less than 42 KB", () => {
    const assets = join(bundle, "assets");
    const code = readdirSync(assets).map((name) => readFileSync(join(assets, name), "utf8"));
    for (const text of code) expect(text).not.toMatch(/node:|require\(|sharp/);
    expect(gzipSync(code.join("\n")).length).toBeLessThan(42_000);
  });
});
