/** A folder by class for a model whose classes are known: labels by name, and nothing held out. */
import { describe, expect, it } from "vitest";
import { isLabelledFolder, labelledFolder } from "#rbnet/data/formats/labelled-folder";
import { temporaryFolder } from "../../temporary-folder.js";
import { classFolder, picture, write } from "../picture-folders.js";

const pixel = await picture(4, 4).png().toBuffer();

function folderOf(...paths: readonly string[]): string {
  const root = temporaryFolder();
  write(root, Object.fromEntries(paths.map((path) => [path, pixel])));
  return root;
}

describe("a folder by class", () => {
  it("is all images under the numbers of the given classes, whatever their order", async () => {
    const root = await classFolder(["ant", "bee", "cat"], 2, 4);
    const { set, absent } = labelledFolder(root, ["cat", "ant", "dog", "bee"]);
    expect([...set.labels]).toEqual([0, 0, 1, 1, 3, 3]);
    expect(set.nameOf(0)).toMatch(/cat.000\.png$/);
    expect(absent).toEqual(["dog"]);
  });

  it("may have names in either of Unicode's forms", () => {
    const root = folderOf("cafe\u0301/1.png", "tea/1.png");
    expect([...labelledFolder(root, ["caf\u00e9", "tea"]).set.labels]).toEqual([0, 1]);
    expect([...labelledFolder(root, ["cafe\u0301", "tea"]).set.labels]).toEqual([0, 1]);
  });

  it("counts what lies beside, and refuses a class that nobody knows, unless it is empty", () => {
    const root = folderOf("ant/1.png", "ant/deeper/2.png", "loose.png");
    write(root, { "ant/notes.txt": "words", "empty/notes.txt": "words" });
    const { set, leftOut } = labelledFolder(root, ["ant", "bee"]);
    expect(set.count).toBe(2);
    expect(leftOut.map(({ what, count }) => [what, count])).toEqual(
      expect.arrayContaining([["an image outside of the class folders", 1]]),
    );
    write(root, { "wasp/1.png": pixel });
    expect(() => labelledFolder(root, ["ant", "bee"])).toThrow(
      /has a class "wasp" that the model does not know \(it knows ant, bee\)/,
    );
    expect(() => labelledFolder(folderOf("loose.png"), ["ant"])).toThrow(/holds no images in class folders/);
  });

  it("is told from data in parts, shards and nothing", () => {
    expect(isLabelledFolder(folderOf("ant/1.png"))).toBe(true);
    // A class may be called as a part is, where it holds images and no folders.
    expect(isLabelledFolder(folderOf("train/1.png", "bus/1.png"))).toBe(true);
    expect(isLabelledFolder(folderOf("train/ant/1.png", "test/ant/1.png"))).toBe(false);
    expect(isLabelledFolder(folderOf("val/ant/1.png"))).toBe(false);
    expect(isLabelledFolder(folderOf("data_batch_1.bin"))).toBe(false);
    expect(isLabelledFolder(temporaryFolder())).toBe(false);
    expect(isLabelledFolder("nowhere")).toBe(false);
  });
});
