/** Scores that mean what they say: the error is measured right, and the temperature that was hidden in logits is found. */
import { describe, expect, it } from "vitest";
import { Random } from "#rbnet/data/random";
import { bestTemperature, Calibration, calibrationError, withTemperature } from "#rbnet/deploy/calibration";
import { decodeModel, encodeModel } from "#rbnet/runtime/model";
import { shapesModel } from "../serve/served.js";

const CLASSES = 4;

/** Logits whose softmax is the truth, multiplied by `temperature`: labels are drawn by that softmax. */
function drawn(images: number, temperature: number) {
  const random = new Random(7);
  const logits = new Float32Array(images * CLASSES);
  const labels = new Uint16Array(images);
  for (let image = 0; image < images; image++) {
    const row = Array.from({ length: CLASSES }, () => 2 * random.normal());
    const weights = row.map(Math.exp);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let left = (random.integer(1 << 24) / (1 << 24)) * total;
    let label = 0;
    while (label < CLASSES - 1 && left >= (weights[label] as number)) left -= weights[label++] as number;
    labels[image] = label;
    logits.set(
      row.map((logit) => logit * temperature),
      image * CLASSES,
    );
  }
  return { logits, labels };
}

describe("calibration", () => {
  it("has no error where scores are right as often as they say, and the distance where they are not", () => {
    const exact = new Calibration();
    for (let i = 0; i < 10; i++) exact.add(0.9, i > 0);
    expect(exact.error).toBeCloseTo(0, 12);
    const sure = new Calibration();
    for (let i = 0; i < 10; i++) sure.add(0.9, i < 5);
    for (let i = 0; i < 30; i++) sure.add(1, true);
    expect(sure.error).toBeCloseTo(0.25 * 0.4, 12);
    expect(new Calibration().error).toBe(0);
  });

  it.each([0.5, 1, 3])("finds the temperature %d, and the error falls to what chance leaves", (temperature) => {
    const data = drawn(20_000, temperature);
    const found = bestTemperature(data);
    expect(found / temperature).toBeCloseTo(1, 1);
    expect(calibrationError(data, found)).toBeLessThan(0.015);
    if (temperature !== 1) expect(calibrationError(data, 1)).toBeGreaterThan(0.05);
  });

  it("divides the logits of a model, in the file that is written too, and refuses one without a linear classifier", async () => {
    const model = await shapesModel();
    const last = model.operations.at(-1);
    const cooled = decodeModel(encodeModel(withTemperature(model, 2)), "cooled").operations.at(-1);
    if (last?.kind !== "dense" || cooled?.kind !== "dense") throw new Error("a dense layer is expected");
    expect(cooled.weights).toEqual(last.weights.map((weight) => weight / 2));
    expect(cooled.bias).toEqual(last.bias.map((bias) => bias / 2));
    expect(() => withTemperature({ ...model, operations: model.operations.slice(0, -1) }, 2)).toThrow(/linear classifier/);
  });

  it("refuses to calibrate on nothing", () => {
    expect(() => bestTemperature({ logits: new Float32Array(0), labels: [] })).toThrow(/no images to calibrate on/);
  });
});
