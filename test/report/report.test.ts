/** The report as text: what it says, and that nothing from outside becomes markup. */
import { describe, expect, it } from "vitest";
import { escapeText, markup } from "#rbnet/markup";
import { renderReport } from "#rbnet/report/report";
import { sampleReport } from "./sample-run.js";

/** The page's text as a reader has it: tags away, entities resolved. */
function readable(page: string): string {
  return page
    .replace(/<style>.*?<\/style>/s, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&amp;/g, "&")
    .replace(/\s+/g, " ");
}

describe("markup", () => {
  it("escapes what is inserted, in text and in attributes, and leaves markup alone", () => {
    const inner = markup`<b>${"<&>"}</b>`;
    expect(markup`<i title="${'"x"'}">${inner}${[inner, inner]}</i>`.text).toBe(
      '<i title="&quot;x&quot;"><b>&lt;&amp;&gt;</b><b>&lt;&amp;&gt;</b><b>&lt;&amp;&gt;</b></i>',
    );
  });

  it("has no control characters but white space", () => {
    expect(escapeText("a\u0000b\u001bc\td\n")).toBe("a?b?c\td\n");
  });
});

describe("the report", () => {
  it("says how good, how large and how fast the network is, and how to repeat the run", async () => {
    const page = await sampleReport({ classes: 10, epochs: 20, finished: true });
    const text = readable(renderReport(page));
    for (const expected of [
      "90.0 % on 100 test images",
      "197 K",
      "37.4 KB",
      "11.4 × smaller than in float32",
      "1,000/s",
      "finished after 20 epochs",
      "seed 7",
      "rbnet train",
      "98.7 %",
    ])
      expect(text).toContain(expected);
  });

  it("lets no name of a class, file or data set become markup", async () => {
    const page = renderReport(await sampleReport({ classes: 3, epochs: 2, finished: true }));
    expect(page).not.toContain("<script");
    expect(page).not.toContain("\u0007");
    expect(readable(page)).toContain(`class 0 <script>alert("1")</script>'&?`);
  });

  it("is complete in itself: no address in it but those of its own pictures", async () => {
    const page = renderReport(await sampleReport({ classes: 3, epochs: 2, finished: true }));
    expect([...page.matchAll(/(?:src|href)="([^"]{0,11})/g)].map(([, start]) => start)).toEqual(["data:image/"]);
    expect(page).not.toMatch(/https?:|url\(|@import/);
  });

  it.each([
    { classes: 2, epochs: 0, finished: false },
    { classes: 2, epochs: 1, finished: false, validated: false },
    { classes: 30, epochs: 1, finished: true },
    { classes: 300, epochs: 3, finished: true },
  ])("has no figure that is not a number for $classes classes after $epochs epochs", async (sample) => {
    const page = renderReport(await sampleReport(sample));
    expect(page).not.toMatch(/NaN|Infinity|undefined|\[object/);
  });

  it("says of a run under way how far it is, and shows validation figures", async () => {
    const text = readable(renderReport(await sampleReport({ classes: 4, epochs: 5, finished: false })));
    expect(text).toContain("training: epoch 5 of 20 is done");
    expect(text).toContain("33.3 % on 100 validation images");
    expect(text).not.toContain("The worst mistakes");
  });

  it("draws 100 classes as cells and names the pairs, and beyond 200 only names the pairs", async () => {
    const cells = async (classes: number): Promise<number> =>
      (renderReport(await sampleReport({ classes, epochs: 1, finished: true })).match(/class="(hit|miss)"/g) ?? []).length;
    expect(await cells(100)).toBe(200);
    expect(await cells(201)).toBe(0);
  });
});
