/** Recipes: each is a run that can be, is written down, and gives way to what is set beside it. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { networkByName } from "#rbnet/networks/catalogue";
import { parseTrainingSettings } from "#rbnet/training/settings/options";
import { recipeByName, recipeNames, recipeSettings } from "#rbnet/training/settings/recipes";
import { trainTiny } from "../tiny-runs.js";

const documented = readFileSync(new URL("../../../docs/recipes.md", import.meta.url), "utf8");
const distill = { teacher: "teacher.onnx" };

describe("a recipe", () => {
  it.each(recipeNames)("%s has settings that can be used, of a network that is there, and is documented as it is", (name) => {
    const { network, size, summary } = recipeByName(name);
    if (network !== undefined) networkByName(network, { classes: 1000, ...(size === undefined ? {} : { size }) });
    const { epochs, learningRate, stages = 1 } = parseTrainingSettings(recipeSettings(name, { distill }));
    expect(summary).not.toMatch(/[.\n]$/);
    const row = documented.split("\n").find((line) => line.startsWith(`| \`${name}\` |`));
    expect(
      row
        ?.split("|")
        .map((cell) => cell.trim())
        .slice(3, 6),
    ).toEqual([String(stages), String(epochs), String(learningRate)]);
  });

  it("single-stage is what is done without a recipe", () => {
    expect(parseTrainingSettings(recipeSettings("single-stage"))).toEqual(parseTrainingSettings({}));
  });

  it("gives way to what is set beside it, part by part", () => {
    const { epochs, stages, augmentation } = recipeSettings("imagenet-rbnet18", { epochs: 10, augmentation: { lighting: 0 } });
    expect({ epochs, stages }).toEqual({ epochs: 10, stages: 2 });
    expect(augmentation).toMatchObject({ lighting: 0, flip: true, crop: { kind: "resized", scale: [0.08, 1] } });
    expect(recipeSettings("distill", { distill: { ...distill, weight: 1 } }).distill).toEqual({
      ...distill,
      weight: 1,
      temperature: 4,
    });
  });

  it("sums batches to 512 on ImageNet", () => {
    for (const name of recipeNames.filter((one) => one.startsWith("imagenet-"))) {
      const { batch = 0, accumulate = 1 } = recipeSettings(name);
      expect(batch * accumulate).toBe(512);
    }
  });

  it("that is not there, or lacks its teacher, is refused in a sentence", () => {
    expect(() => recipeByName("toString")).toThrow(/^there is no recipe "toString"; the recipes are single-stage, two-stage, /);
    expect(() => recipeSettings("distill")).toThrow(/^the recipe distill needs a teacher/);
  });

  it("trains from the API", async () => {
    const { records } = await trainTiny({ settings: recipeSettings("two-stage", { epochs: 2, batch: 8 }) });
    expect(records.map(({ stage }) => stage)).toEqual([1, 2]);
  });
});
