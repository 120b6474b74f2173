/** Which epoch's network ships. */
import { describe, expect, it } from "vitest";
import { afterEpoch, choosesEpoch, isBest, progressSchema, type Score, START } from "#rbnet/training/stage/progress";

/** The best epoch of a run whose epochs were validated so. */
function bestOf(scores: readonly (Score | undefined)[]): number {
  return scores.reduce((progress, score) => afterEpoch(progress, isBest(progress, score), score, 1), START).bestEpoch;
}

describe("the epoch that ships", () => {
  it("is the one with the best top-1, whatever its loss", () => {
    expect(bestOf([0.5, 0.7, 0.6].map((top1, i) => ({ top1, loss: [1, 3, 2][i] as number })))).toBe(2);
  });

  it("has the least loss of those with the same top-1, and of those with the same loss is the last", () => {
    const perfect = [0.4, 0.05, 0.00004, 0.2].map((loss) => ({ top1: 1, loss }));
    expect(bestOf(perfect)).toBe(3);
    expect(bestOf([...perfect, { top1: 1, loss: 0.00004 }, { top1: 1, loss: 0.1 }])).toBe(5);
  });

  it("is the last without validation images", () => {
    expect(bestOf([undefined, undefined, undefined])).toBe(3);
  });

  it("is chosen by validation where an image of it is 2 % or less, or where a patience is set", () => {
    const chooses = (images: number, patience: number): boolean => choosesEpoch(images, { patience });
    expect([chooses(0, 0), chooses(49, 0), chooses(50, 0), chooses(49, 3), chooses(0, 3)]).toEqual([
      false,
      false,
      true,
      true,
      false,
    ]);
  });

  it("is known to a checkpoint of a version that kept no loss: any later one of its top-1 is better", () => {
    const { bestLoss: _, ...old } = { ...START, epoch: 1, bestTop1: 0.5, bestEpoch: 1 };
    const progress = progressSchema.parse(old);
    expect(isBest(progress, { top1: 0.5, loss: 9 })).toBe(true);
    expect(isBest(progress, { top1: 0.4, loss: 0 })).toBe(false);
  });
});
