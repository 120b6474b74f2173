/** The frame that charts of runs and of studies share: a value lies where the grid says that it does. */
import { describe, expect, it } from "vitest";
import { linearAxis } from "#rbnet/report/axis";
import { colorRules } from "#rbnet/report/colors";
import { curve, Plot } from "#rbnet/report/plot";

describe("a plot", () => {
  const plot = new Plot({ left: 50, top: 30, width: 300, height: 100 }, linearAxis(0, 30, 3), linearAxis(0, 1, 2));
  const textOf = (parts: readonly { readonly text: string }[]): string[] => parts.map(({ text }) => text);

  it("begins at the lower left and ends at the upper right", () => {
    expect([plot.atX(0), plot.atY(0)]).toEqual([50, 130]);
    expect([plot.atX(30), plot.atY(1)]).toEqual([plot.right, 30]);
  });

  it("has a line and a value at each tick, where values of it lie", () => {
    const rows = textOf(plot.rows((value) => `${value}!`));
    expect(rows).toHaveLength(3);
    expect(rows[1]).toContain(`y1="${plot.atY(0.5)}" y2="${plot.atY(0.5)}"`);
    expect(rows[1]).toContain(">0.5!</text>");
    const [columns, values] = [textOf(plot.columns()), textOf(plot.columnValues(String))];
    expect(columns[2]).toContain(`x1="${plot.atX(20)}" x2="${plot.atX(20)}" y1="30" y2="130"`);
    expect(values[2]).toMatch(new RegExp(`x="${plot.atX(20)}" y="1[3-9]\\d" .*>20</text>`));
  });

  it("joins positions by a line of one look", () => {
    expect(
      curve("one", [
        [1, 2.04],
        [3, 4],
      ]).text,
    ).toBe('<polyline class="one" points="1.0,2.0 3.0,4.0"/>');
  });
});

describe("colours", () => {
  it("are the same for pages and charts, each on light ground and on dark, with further ones of a chart's own", () => {
    const [page, chart] = [colorRules(":root"), colorRules(".c", [{ own: "#123456" }, { own: "#abcdef" }])];
    const [light, dark] = page.split("@media (prefers-color-scheme: dark)");
    expect(chart).toBe(
      `${light.replace(":root", ".c").replace(" }", " --own: #123456; }")}@media (prefers-color-scheme: dark)` +
        dark.replace(":root", ".c").replace("; }", "; --own: #abcdef; }"),
    );
  });
});
