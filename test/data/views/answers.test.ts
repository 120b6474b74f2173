/** Answers in few bytes: how far they are from what was said, and how many bytes they take. */
import { describe, expect, it } from "vitest";
import { answerBytes, answerForm, correctAnswer, decodeAnswer, encodeAnswer } from "#rbnet/data/views/answers";
import { IMAGE_BYTES } from "#rbnet/data/views/image-keys";

function roundTrip(scores: readonly number[]): Float32Array {
  const form = answerForm(scores.length);
  const bytes = new Uint8Array(answerBytes(form) + 3);
  encodeAnswer(scores, form, bytes, 3);
  const result = new Float32Array(scores.length + 2);
  expect(decodeAnswer(form, bytes, 3, result, 2)).toBe(true);
  return result.subarray(2);
}

const probabilities = (scores: ArrayLike<number>): number[] => {
  const highest = Math.max(...Array.from(scores));
  const powers = Array.from(scores, (score) => Math.exp(score - highest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
};

describe("an answer in bytes", () => {
  it.each([1e-3, 1, 7.3, 12, 250])("of ten classes is within half a step, for a range of %d", (range) => {
    for (let draw = 0; draw < 50; draw++) {
      const scores = Array.from(
        { length: 10 },
        (_, label) => (range * (1 + Math.sin((label + 1) * (draw + 3) * 12.9898))) / 2 + 40,
      );
      const [highest, lowest] = [Math.max(...scores), Math.min(...scores)];
      // A step is at most an eighth longer than 255 of them need be.
      const half = (((highest - lowest) / 255) * 1.125) / 2 + 1e-9;
      for (const [label, value] of roundTrip(scores).entries())
        expect(Math.abs(value - (scores[label]! - highest))).toBeLessThanOrEqual(half * 1.0001);
    }
  });

  it("has no doubt where the teacher has none, and leaves a class that is excluded without a chance", () => {
    expect([...roundTrip([3, 3, 3])].map((value) => value + 0)).toEqual([0, 0, 0]);
    expect(probabilities(roundTrip([0, Number.NEGATIVE_INFINITY, -1]))[1]).toBeLessThan(1e-12);
  });

  it("of many classes has the ten likeliest, and what is left in equal parts", () => {
    const scores = Array.from({ length: 100 }, (_, label) => 6 * Math.sin((label + 1) * 78.233));
    const [said, kept] = [probabilities(scores), probabilities(roundTrip(scores))];
    const order = Array.from(said.keys()).sort((one, other) => said[other]! - said[one]!);
    for (const label of order.slice(0, 10)) expect(kept[label]! / said[label]!).toBeCloseTo(1, 1);
    const rest = order.slice(10);
    const mean = rest.reduce((sum, label) => sum + said[label]!, 0) / rest.length;
    for (const label of rest) expect(kept[label]! / mean).toBeCloseTo(1, 1);
  });

  it("is none where nothing was written", () => {
    const form = answerForm(10);
    expect(decodeAnswer(form, new Uint8Array(answerBytes(form)), 0, new Float32Array(10), 0)).toBe(false);
  });

  it("takes 60 MB at most for all 98 views of CIFAR-10, and no more for a thousand classes than for thirty", () => {
    expect(50_000 * (98 * answerBytes(answerForm(10)) + IMAGE_BYTES)).toBeLessThan(60e6);
    expect(answerBytes(answerForm(1000))).toBeLessThanOrEqual(answerBytes(answerForm(30)) + 1);
  });
});

describe("a teacher's mistake", () => {
  it("is corrected by an exchange of two classes, and right answers stay", () => {
    const scores = Float32Array.of(9, -3, 0, -1, -5);
    expect(correctAnswer(scores, 1, 4, 0)).toBe(false);
    expect([...scores]).toEqual([9, 0, -3, -1, -5]);
    expect(correctAnswer(scores, 1, 4, 0)).toBe(true);
    expect([...scores]).toEqual([9, 0, -3, -1, -5]);
  });
});
