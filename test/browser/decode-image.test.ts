/** Pictures for print have the same colours in a page as in the program: both take inks without a profile for factors of light. */
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeBrowserImage } from "#rbnet/browser/decode-image";
import { decodeImage } from "#rbnet/data/decoding/image-file";
import { chromiumPath, launchChromium } from "./chromium.js";
import { servePage } from "./page-server.js";

const SIZE = 32;

describe("what is no picture in a page", () => {
  it.each([
    ["bytes, which a page gives as a Blob", new Uint8Array(4), "a Uint8Array"],
    ["a text", "cat.jpg", 'the text "cat.jpg"'],
    ["nothing", null, "null"],
  ])("is refused in a sentence: %s", async (_, image, named) => {
    await expect(decodeBrowserImage(image as unknown as Blob, SIZE)).rejects.toThrow(
      `the image is ${named}, but a Blob, an element that can be drawn, or pixels { data, width, height } is expected`,
    );
  });
});

const SCRIPT = `
import { decodeBrowserImage } from "/dist/browser/decode-image.js";
const show = (found) => { document.querySelector("#found").textContent = JSON.stringify(found); };
const names = ["plain.jpg", "print.jpg"];
Promise.all(names.map(async (name) => [...(await decodeBrowserImage(await (await fetch(name)).blob(), ${SIZE}))])).then(show, (error) =>
  show(String(error)),
);
`;

describe.skipIf(chromiumPath === undefined)("a picture in Chromium (skipped where none is installed)", () => {
  it("has the program's colours, in CMYK as in RGB", { timeout: 60_000 }, async () => {
    // Red, blue and green stripes, wide enough that the block of a JPEG has one colour.
    const colours = [210, 50, 45, 40, 60, 210, 50, 190, 60, 240, 240, 240];
    const stripes = Uint8Array.from(
      { length: SIZE * SIZE * 3 },
      (_, i) => colours[3 * ((Math.floor(i / 3) % SIZE) >> 3) + (i % 3)]!,
    );
    const picture = sharp(stripes, { raw: { width: SIZE, height: SIZE, channels: 3 } });
    const plain = await picture.clone().jpeg({ quality: 100 }).toBuffer();
    const print = await picture.clone().toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer();
    expect(await sharp(print).metadata()).toMatchObject({ space: "cmyk", hasProfile: false });
    const files = {
      "/page.html": `<!doctype html><pre id="found"></pre><script type="module" src="/page.js"></script>`,
      "/page.js": SCRIPT,
      "/plain.jpg": plain,
      "/print.jpg": print,
    };
    await using server = await servePage(files, { isolated: false });
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      await page.goto(`${server.address}/page.html`);
      const text = await page.locator("#found:not(:empty)").textContent();
      const found = JSON.parse(text ?? "") as readonly (readonly number[])[];
      for (const [at, file] of [plain, print].entries()) {
        const own = await decodeImage(file, SIZE);
        const worst = own.reduce((most, value, i) => Math.max(most, Math.abs(value - found[at]![i]!)), 0);
        expect(worst, ["plain", "print"][at]).toBeLessThanOrEqual(3);
      }
    } finally {
      await browser.close();
    }
  });
});
