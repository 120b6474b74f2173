/** The generated data set: decided by its seed, balanced, and made of pictures that show their shape. */

import { describe, expect, it } from "vitest";
import type { Dataset, ImageSet } from "#rbnet/data/dataset";
import { openDataset } from "#rbnet/data/open-dataset";
import { OUTLINE_REACH, OUTLINES } from "#rbnet/data/shapes/shape-outlines";
import { shapes } from "#rbnet/data/shapes/shapes";

function pixelsOf(set: ImageSet | undefined): Uint8Array {
  if (set?.source.kind !== "memory") throw new Error("expected images in memory");
  return set.source.pixels;
}

const small = { train: 40, validation: 20, test: 20 };

describe("shapes", () => {
  it("has ten classes, equally often, in parts of the sizes asked for", () => {
    const dataset: Dataset = shapes(small);
    expect(dataset.classes.length).toBe(10);
    expect([dataset.train.count, dataset.validation?.count, dataset.test?.count]).toEqual([40, 20, 20]);
    for (let label = 0; label < 10; label++) expect(dataset.train.labels.filter((other) => other === label).length).toBe(4);
    expect(shapes({ ...small, validation: 0, test: 0 }).validation).toBeUndefined();
  });

  it("draws the same pictures for a seed, others for another, and no picture twice", () => {
    const one = pixelsOf(shapes({ ...small, seed: 5 }).train);
    expect(pixelsOf(shapes({ ...small, seed: 5 }).train)).toEqual(one);
    expect(pixelsOf(shapes({ ...small, seed: 6 }).train)).not.toEqual(one);
    const dataset = shapes({ ...small, seed: 5 });
    const pictures = [dataset.train, dataset.validation, dataset.test].flatMap((set) => {
      const pixels = pixelsOf(set);
      return Array.from({ length: pixels.length / 3072 }, (_, image) => pixels.subarray(image * 3072, (image + 1) * 3072).join());
    });
    expect(new Set(pictures).size).toBe(80);
  });

  it("keeps a picture the same when more are drawn", () => {
    const few = pixelsOf(shapes({ ...small, train: 10 }).train);
    expect(pixelsOf(shapes(small).train).subarray(0, few.length)).toEqual(few);
  });

  it("covers between a tenth and nine tenths of its square with each outline, and nothing beyond its reach", () => {
    for (const outline of OUTLINES) {
      let inside = 0;
      for (let u = -1.5; u <= 1.5; u += 0.01) {
        for (let v = -1.5; v <= 1.5; v += 0.01) {
          if (!outline.contains(u, v)) continue;
          inside++;
          expect(Math.hypot(u, v), outline.name).toBeLessThanOrEqual(OUTLINE_REACH);
        }
      }
      const share = inside / 40_000;
      expect(share, outline.name).toBeGreaterThan(0.1);
      expect(share, outline.name).toBeLessThan(0.9);
    }
  });

  it("is what opens when no data is named, and refuses impossible numbers", async () => {
    expect((await openDataset()).train.count).toBe(4000);
    expect((await openDataset({ path: "shapes", seed: 1 })).name).toBe("shapes");
    expect(() => shapes({ train: 5 })).toThrow(/5 training images .* at least 10/);
    expect(() => shapes({ test: -1 })).toThrow(/-1 images/);
  });
});
