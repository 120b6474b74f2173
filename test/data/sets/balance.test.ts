/** Lopsided classes that count alike: what an image weighs, and how often it is drawn. */
import { describe, expect, it } from "vitest";
import { Random } from "#rbnet/data/random";
import { balancedDraws, balancedFactors } from "#rbnet/data/sets/balance";

/** Images of each class, mixed. */
function labelsOf(...counts: readonly number[]): Uint16Array {
  const labels = Uint32Array.from(counts.flatMap((count, label) => new Array<number>(count).fill(label)));
  new Random(9).shuffle(labels);
  return Uint16Array.from(labels);
}

describe("the factor of an image", () => {
  it("goes by the inverse of its class's count, is 1 in the mean over images, and 0 where a class has none", () => {
    const labels = labelsOf(60, 0, 30, 10);
    const factors = balancedFactors(labels, 4);
    expect([...factors]).toEqual([100 / 180, 0, 100 / 90, 100 / 30]);
    expect(labels.reduce((sum, label) => sum + factors[label]!, 0) / labels.length).toBeCloseTo(1, 12);
    expect([...balancedFactors(labelsOf(7, 7), 2)]).toEqual([1, 1]);
  });
});

describe("the draws of an epoch", () => {
  it.each([[60, 30, 10], [41, 8, 2], [5, 5, 5], [3, 0, 1], [1]])(
    "are as many as images, alike for all classes of %d, ... images, and within a class but for one",
    (...counts) => {
      const labels = labelsOf(...counts);
      const draws = balancedDraws(labels, new Random(3));
      expect(draws.reduce((sum, times) => sum + times, 0)).toBe(labels.length);
      const present = counts.flatMap((count, label) => (count === 0 ? [] : [label]));
      const ofClass = present.map((label) => [...draws].filter((_, index) => labels[index] === label));
      const sums = ofClass.map((times) => times.reduce((sum, one) => sum + one, 0));
      expect(Math.max(...sums) - Math.min(...sums)).toBeLessThanOrEqual(1);
      for (const times of ofClass) expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(1);
    },
  );

  it("show other images of a large class with other random numbers", () => {
    const labels = labelsOf(90, 10);
    const drawn = (seed: number) => [...balancedDraws(labels, new Random(seed))];
    expect(drawn(1)).toEqual(drawn(1));
    expect(drawn(1)).not.toEqual(drawn(2));
  });
});
