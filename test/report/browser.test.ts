/** The report in a browser: it fits the window, asks for nothing, and shows values under the pointer. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderReport } from "#rbnet/report/report";
import { chromiumPath, launchChromium } from "../browser/chromium.js";
import { sampleReport } from "./sample-run.js";

describe.skipIf(chromiumPath === undefined)("the report in Chromium (skipped where none is installed)", () => {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(async () => browser?.close());

  async function open(width: number, classes: number) {
    const page = await browser!.newPage({ viewport: { width, height: 800 } });
    const requests: string[] = [];
    page.on("request", (request) => requests.push(request.url()));
    await page.setContent(renderReport(await sampleReport({ classes, epochs: 12, finished: true })));
    await page.evaluate('for (const part of document.querySelectorAll("details")) part.open = true');
    return { page, requests };
  }

  it.each([
    [320, 10],
    [390, 100],
    [1280, 10],
    [1280, 30],
  ])("fits a window of %i pixels with %i classes", async (width, classes) => {
    const { page, requests } = await open(width, classes);
    expect(await page.evaluate<number>("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    expect(requests.filter((address) => !address.startsWith("data:"))).toEqual([]);
    await page.close();
  });

  it("shows an epoch's values where the pointer is, and the last epoch's elsewhere", async () => {
    const { page } = await open(1280, 10);
    const chart = page.locator("svg.chart").first();
    const visible =
      '[...document.querySelector("svg.chart").querySelectorAll(".readout")]' +
      '.filter((text) => getComputedStyle(text).opacity === "1")';
    const shown = (): Promise<string> => page.evaluate<string>(`${visible}.map((text) => text.textContent).join("|")`);
    expect(await shown()).toMatch(/^epoch 12 /);
    await chart.locator(".at rect").nth(4).hover();
    expect(await shown()).toMatch(/^epoch 5 +train 38.3 % +validation 33.3 %$/);
    await page.close();
  });
});
