/** The page of `rbnet serve` in a real browser, as a person uses it. */

import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp, type ServedModel } from "#rbnet/serve/app";
import { chromiumPath, launchChromium, WITH_GPU } from "../browser/chromium.js";
import { picture, served } from "./served.js";

describe.skipIf(chromiumPath === undefined)("the served page in Chromium (skipped where none is installed)", () => {
  let browser: Browser | undefined;
  let model: ServedModel;
  let server: ReturnType<typeof serve>;
  let address = "";

  beforeAll(async () => {
    browser = await launchChromium();
    model = await served();
    server = serve({ fetch: createApp(model).fetch, port: 0, hostname: "127.0.0.1" });
    await new Promise((done) => server.once("listening", done));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterAll(async () => {
    await browser?.close();
    await new Promise((done) => {
      server.close(done);
      if ("closeAllConnections" in server) server.closeAllConnections();
    });
    model.classify.dispose();
  });

  async function open(width: number): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser!.newPage({ viewport: { width, height: 900 } });
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(address);
    await page.locator("#backend", { hasText: "threads" }).waitFor();
    return { page, complaints };
  }

  it.each([320, 390, 768, 1280])("fits a window of %i pixels", async (width) => {
    const { page } = await open(width);
    const box = await page.locator("main").boundingBox();
    expect(box?.width).toBeLessThanOrEqual(width);
    for (const part of ["#pictures", "#camera", "#drawing", ".facts"]) {
      const place = await page.locator(part).boundingBox();
      expect((place?.x ?? 0) + (place?.width ?? 0), part).toBeLessThanOrEqual(width);
    }
    await page.close();
  });

  it("answers pictures in the page as the server does, and names one that is none", async () => {
    const { page, complaints } = await open(1280);
    const requests: string[] = [];
    page.on("request", (request) => requests.push(`${request.method()} ${new URL(request.url()).pathname}`));
    const image = await picture(4);
    await page.locator("input[type=file]").setInputFiles([
      { name: "picture.png", mimeType: "image/png", buffer: image },
      { name: "text.png", mimeType: "image/png", buffer: Buffer.from("no picture") },
    ]);
    await page.locator(".result.failed", { hasText: "text.png" }).waitFor();
    const rows = await page.locator(".result:not(.failed) .bars li").allTextContents();
    const expected = (await model.classify(image)).map(({ label, score }) => `${label}${(100 * score).toFixed(1)} %`);
    expect(rows).toEqual(expected);
    expect(await page.locator(".result.failed p").textContent()).toMatch(/cannot be decoded/);
    expect(await page.locator("#latency").textContent()).toMatch(/^[\d.]+ ms$/);
    expect(requests.filter((request) => !request.startsWith("GET"))).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("offers the GPU where the browser gives one, answers on it, and shows the times of both", {
    timeout: 240_000,
  }, async (context) => {
    const withGpu = await launchChromium(WITH_GPU);
    try {
      const page = await withGpu.newPage();
      await page.goto(address);
      await page.locator("#backend", { hasText: "thread" }).waitFor();
      const isThere = await page.evaluate(
        "navigator.gpu === undefined ? false : navigator.gpu.requestAdapter().then((gpu) => gpu !== null)",
      );
      if (isThere !== true) context.skip("this Chromium gives pages no GPU");
      await page.locator("#device select").selectOption("webgpu");
      await page.locator("#backend", { hasText: /^webgpu/ }).waitFor({ timeout: 200_000 });
      expect(await page.locator("#latency").textContent()).toMatch(/^[\d.]+ ms, GPU [\d.]+ ms$/);
      const image = await picture(4);
      await page.locator("input[type=file]").setInputFiles([{ name: "picture.png", mimeType: "image/png", buffer: image }]);
      const first = await page.locator(".result .bars li").first().textContent();
      expect(first).toContain((await model.classify(image))[0]!.label);
      await page.locator("#device select").selectOption("wasm");
      await page.locator("#backend", { hasText: /^wasm/ }).waitFor();
    } finally {
      await withGpu.close();
    }
  });

  it("answers a drawing while it is drawn, and forgets it when it is cleared", async () => {
    const { page, complaints } = await open(390);
    const canvas = page.locator("#drawing canvas");
    await canvas.scrollIntoViewIfNeeded();
    const box = (await canvas.boundingBox())!;
    await page.mouse.move(box.x + 60, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + 160, box.y + 160, { steps: 5 });
    await page.mouse.up();
    await page.locator("#drawing .bars li").first().waitFor();
    expect(await page.locator("#drawing .bars li").count()).toBe(5);
    await page.locator("#drawing .clear").click();
    expect(await page.locator("#drawing .bars li").count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.close();
  });
});
