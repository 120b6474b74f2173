/**
 * How far a network's scores are from what they say, and how to bring them there: a score of 0.9 should be right nine times in ten (Guo et
 * al. 2017, "On Calibration of Modern Neural Networks"). One number does most of it: all logits are divided by a temperature, which changes
 * no answer's order.
 */
import type { Backend } from "../backend/device.js";
import type { ImageSet } from "../data/dataset.js";
import { UserError } from "../errors.js";
import { requireFinite } from "../runtime/classifier.js";
import type { Model } from "../runtime/model.js";
import { scoreImages } from "./score-images.js";

/** Of equal width over scores from 0 to 1. */
const BINS = 15;
/** Where the temperature is looked for; no trained network lies outside. */
const LOWEST = 0.05;
const HIGHEST = 20;
/** Steps of the golden section: each leaves 0.618 of what there was. */
const STEPS = 60;

/** Logits of images, and their true classes. */
export interface LabelledLogits {
  /** [images, classes] */
  readonly logits: Float32Array;
  /** [images] */
  readonly labels: ArrayLike<number>;
}

/** Counts of images by how sure the network was of its answer. */
export class Calibration {
  private readonly images = new Float64Array(BINS);
  private readonly scores = new Float64Array(BINS);
  private readonly right = new Float64Array(BINS);

  /** `score`: of the answer, 0 to 1. */
  add(score: number, isRight: boolean): void {
    const bin = Math.min(BINS - 1, Math.floor(score * BINS));
    this.images[bin] += 1;
    this.scores[bin] += score;
    this.right[bin] += isRight ? 1 : 0;
  }

  /** Expected calibration error: the mean distance of score and share of right answers, by bin, weighted by images; 0 without images. */
  get error(): number {
    const total = this.images.reduce((sum, count) => sum + count, 0);
    const distance = this.images.reduce((sum, _, bin) => sum + Math.abs(this.scores[bin] - this.right[bin]), 0);
    return total === 0 ? 0 : distance / total;
  }
}

/** Expected calibration error of logits divided by a temperature. */
export function calibrationError({ logits, labels }: LabelledLogits, temperature: number): number {
  const calibration = new Calibration();
  const classes = logits.length / labels.length;
  for (let image = 0; image < labels.length; image++) {
    const row = logits.subarray(image * classes, (image + 1) * classes);
    const best = row.indexOf(row.reduce((most, logit) => Math.max(most, logit)));
    calibration.add(Math.exp(-crossEntropy(row, best, temperature)), best === labels[image]);
  }
  return calibration.error;
}

/**
 * The temperature that makes the true classes likeliest: the least mean cross-entropy, which has one minimum in the inverse of the
 * temperature.
 *
 * @throws UserError where there are no images
 */
export function bestTemperature({ logits, labels }: LabelledLogits): number {
  if (labels.length === 0) throw new UserError("there are no images to calibrate on; give data with labelled images");
  const classes = logits.length / labels.length;
  const loss = (logTemperature: number): number => {
    let sum = 0;
    for (let image = 0; image < labels.length; image++) {
      const row = logits.subarray(image * classes, (image + 1) * classes);
      sum += crossEntropy(row, labels[image] as number, Math.exp(logTemperature));
    }
    return sum;
  };
  return Math.exp(goldenSection(loss, Math.log(LOWEST), Math.log(HIGHEST)));
}

/**
 * The logits of all images of a set that can be read, in their order.
 *
 * @throws UserError where the set is empty, or a logit is not finite
 */
export async function logitsOf(backend: Backend, model: Model, set: ImageSet): Promise<LabelledLogits> {
  const rows: number[] = [];
  const labels: number[] = [];
  for await (const { label, logits } of scoreImages(backend, model, set, [])) {
    if (logits === undefined) continue;
    requireFinite(logits);
    rows.push(...logits);
    labels.push(label);
  }
  return { logits: Float32Array.from(rows), labels };
}

/** The same network with all logits divided by `temperature`: its last layer, which is linear, takes that on. */
export function withTemperature(model: Model, temperature: number): Model {
  const last = model.operations.at(-1);
  if (last?.kind !== "dense" || last.activation !== undefined)
    throw new UserError(
      "the model does not end with a linear classifier, and its scores cannot be calibrated; export it without --calibrate",
    );
  const divided = (values: Float32Array): Float32Array => values.map((value) => value / temperature);
  const scaled = { ...last, weights: divided(last.weights), bias: divided(last.bias) };
  return { ...model, operations: [...model.operations.slice(0, -1), scaled] };
}

/** -log of the softmax of `label`. */
function crossEntropy(logits: Float32Array, label: number, temperature: number): number {
  const highest = logits.reduce((most, logit) => Math.max(most, logit));
  const total = logits.reduce((sum, logit) => sum + Math.exp((logit - highest) / temperature), 0);
  return Math.log(total) + (highest - (logits[label] as number)) / temperature;
}

/** Where a function with one minimum between `low` and `high` has it. */
function goldenSection(value: (at: number) => number, low: number, high: number): number {
  const RATIO = (Math.sqrt(5) - 1) / 2;
  let [from, to] = [low, high];
  let [left, right] = [to - RATIO * (to - from), from + RATIO * (to - from)];
  let [atLeft, atRight] = [value(left), value(right)];
  for (let step = 0; step < STEPS && to - from > 1e-6; step++) {
    if (atLeft < atRight) {
      [to, right, atRight] = [right, left, atLeft];
      left = to - RATIO * (to - from);
      atLeft = value(left);
    } else {
      [from, left, atLeft] = [left, right, atRight];
      right = from + RATIO * (to - from);
      atRight = value(right);
    }
  }
  return (from + to) / 2;
}
