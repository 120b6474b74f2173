/** Figures of an evaluation against a count by hand, for sets that fill their batches exactly, nearly, or not at all. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import type { Dataset, ImageSet } from "#rbnet/data/dataset";
import { Random } from "#rbnet/data/random";
import { memorySet } from "#rbnet/data/sets/image-set";
import { networkByName } from "#rbnet/networks/catalogue";
import { Network } from "#rbnet/networks/network";
import { type EvaluatedModel, evaluateModel, resultsByClass } from "#rbnet/training/evaluate";
import type { DetailedEvaluation } from "#rbnet/training/records/run-records";
import { Trainer } from "#rbnet/training/trainer";
import { temporaryFolder } from "../temporary-folder.js";
import { bitsOf, data, differences, network, refusal, settings, trainTiny } from "./tiny-runs.js";

const SIDE = 2;
const CLASSES = 7;
const INPUTS = SIDE * SIDE * 3;

let backend: Backend;
beforeAll(async () => {
  backend = await createWasmBackend({ threads: 1 });
});
afterAll(() => backend[Symbol.dispose]());

/** Noise pictures with random labels. */
function noise(count: number, side = SIDE): { readonly set: ImageSet; readonly pixels: Uint8Array } {
  const random = new Random(count);
  const pixels = new Uint8Array(new SharedArrayBuffer(count * side * side * 3));
  for (let at = 0; at < pixels.length; at++) pixels[at] = random.integer(256);
  const labels = Uint16Array.from({ length: count }, () => random.integer(CLASSES));
  const rows = Uint32Array.from({ length: count }, (_, row) => row);
  return { set: memorySet(pixels, side, rows, labels, (row) => `picture ${row}`), pixels };
}

/** Mean colour, then a dense layer. */
function linearModel(scale = 4): EvaluatedModel & { readonly weights: Float32Array; readonly bias: Float32Array } {
  const random = new Random(3);
  const weights = Float32Array.from({ length: 3 * CLASSES }, () => scale * random.normal());
  const bias = Float32Array.from({ length: CLASSES }, () => random.normal());
  return {
    weights,
    bias,
    operations: [
      { kind: "averagePool", name: "pool", input: 0, size: SIDE },
      { kind: "dense", name: "classifier", input: 1, filters: CLASSES, weights, bias },
    ],
    classes: Array.from({ length: CLASSES }, (_, i) => `class ${i}`),
    size: SIDE,
    mean: [0.4, 0.5, 0.6],
    standardDeviation: [0.2, 0.3, 0.25],
  };
}

/** The logits of picture `index`, in float64. */
function logitsOf(model: ReturnType<typeof linearModel>, pixels: Uint8Array, index: number): readonly number[] {
  const pixelCount = SIDE * SIDE;
  const means = [0, 1, 2].map((channel) => {
    let sum = 0;
    for (let pixel = 0; pixel < pixelCount; pixel++)
      sum += (pixels[index * INPUTS + pixel * 3 + channel]! / 255 - model.mean[channel]!) / model.standardDeviation[channel]!;
    return sum / pixelCount;
  });
  return Array.from(model.bias, (bias, n) =>
    means.reduce((sum, value, c) => sum + value * model.weights[c * CLASSES + n]!, bias),
  );
}

/** By the book: fifteen bins of scores, the distance of mean score and share of right answers in each, weighted by images. */
function calibrationErrorOf(answers: readonly { readonly score: number; readonly right: boolean }[]): number {
  const distances = Array.from({ length: 15 }, (_, bin) => {
    const inside = answers.filter(({ score }) => score >= bin / 15 && (score < (bin + 1) / 15 || bin === 14));
    const scores = inside.reduce((sum, { score }) => sum + score, 0);
    return Math.abs(scores - inside.filter(({ right }) => right).length);
  });
  return distances.reduce((sum, distance) => sum + distance, 0) / answers.length;
}

describe("evaluateModel", () => {
  it.each([1, 30, 100, 101, 230])("counts %i images as by hand", async (count) => {
    const model = linearModel();
    const { set, pixels } = noise(count);
    const found = await evaluateModel(backend, model, set);
    let [top1, top5, loss] = [0, 0, 0];
    const sure: { score: number; right: boolean }[] = [];
    const confusion = Array.from({ length: CLASSES }, () => new Array<number>(CLASSES).fill(0));
    const wrong: { index: number; label: number; predicted: number; score: number }[] = [];
    for (let index = 0; index < count; index++) {
      const logits = logitsOf(model, pixels, index);
      const label = set.labels[index]!;
      const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!);
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
      sure.push({ score: Math.exp(logits[order[0]!]!) / total, right: order[0] === label });
      loss -= Math.log(Math.exp(logits[label]!) / total);
      if (order[0] === label) top1++;
      else wrong.push({ index, label, predicted: order[0]!, score: Math.exp(logits[order[0]!]!) / total });
      if (order.slice(0, 5).includes(label)) top5++;
      confusion[label]![order[0]!]!++;
    }
    expect(found.images).toBe(count);
    expect(found.top1).toBe(top1 / count);
    expect(found.top5).toBe(top5 / count);
    expect(found.loss).toBeCloseTo(loss / count, 4);
    expect(found.confusion).toEqual(confusion);
    expect(found.calibrationError).toBeCloseTo(calibrationErrorOf(sure), 4);
    for (const [label, result] of resultsByClass(found, model.classes).entries()) {
      const row = confusion[label]!;
      const images = row.reduce((sum, some) => sum + some, 0);
      const most = Math.max(...row.filter((_, predicted) => predicted !== label));
      expect(result).toMatchObject({ name: `class ${label}`, images });
      expect(result.top1).toBe(images === 0 ? undefined : row[label]! / images);
      expect(result.takenFor?.images).toBe(most > 0 ? most : undefined);
      if (most > 0) expect(row[model.classes.indexOf(result.takenFor!.name)]).toBe(most);
    }
    wrong.sort((a, b) => b.score - a.score);
    expect(found.mistakes.length).toBe(Math.min(24, wrong.length));
    for (const [place, mistake] of found.mistakes.entries()) {
      expect(mistake).toMatchObject({ ...wrong[place], score: expect.closeTo(wrong[place]!.score, 4) });
      expect(mistake.name).toBe(`picture ${mistake.index}`);
    }
  });

  it("gives back its memory, and finds the same with more threads", async () => {
    const { set } = noise(120);
    const once = await evaluateModel(backend, linearModel(), set);
    const { bytes } = backend.memory;
    expect(await evaluateModel(backend, linearModel(), set)).toEqual(once);
    expect(backend.memory.bytes).toBe(bytes);
    using shared = await createWasmBackend({ threads: 2 });
    expect(await evaluateModel(shared, linearModel(), set)).toEqual(once);
  });

  it("finds the same, to the bit, however many images a backend likes in a batch", async () => {
    const description = networkByName("real2binary20", { classes: CLASSES, size: 8, width: 0.25 });
    const random = new Random(8);
    using wasm = await createWasmBackend({ threads: 1 });
    const normal = (count: number, scale: number): Float32Array =>
      Float32Array.from({ length: count }, () => scale * random.normal());
    const operations = await new Network(wasm, description, { normal }).fold();
    const { set } = noise(40, 8);
    const found: DetailedEvaluation[] = [];
    for (const images of [1, 3, 40]) {
      const picky = Object.create(wasm, { preferences: { value: { ...wasm.preferences, batchPixels: images * 64 } } }) as Backend;
      found.push(await evaluateModel(picky, { ...linearModel(), size: 8, operations }, set));
    }
    expect(found[1]).toEqual(found[0]);
    expect(found[2]).toEqual(found[0]);
  });

  it("counts a tie as won by the first class only", async () => {
    const { set } = noise(70);
    const { confusion, top1, top5 } = await evaluateModel(backend, { ...linearModel(0), ...flat() }, set);
    const share = (below: number): number => set.labels.filter((label) => label < below).length / 70;
    expect(top1).toBe(share(1));
    expect(top5).toBe(share(5));
    for (const [label, row] of confusion.entries()) expect(row[0]).toBe(set.labels.filter((other) => other === label).length);
  });

  it("refuses scores that are no numbers, images of other classes, and an empty set", async () => {
    const { set } = noise(10);
    const broken = linearModel();
    broken.weights[0] = Number.NaN;
    expect(await refusal(evaluateModel(backend, broken, set))).toMatch(/scores of picture 0 are not finite numbers/);
    const other: ImageSet = { ...set, labels: set.labels.map(() => CLASSES) };
    expect(await refusal(evaluateModel(backend, linearModel(), other))).toMatch(/class number 7, the network only 7 classes/);
    const none: ImageSet = { ...set, count: 0, labels: new Uint16Array() };
    expect(await refusal(evaluateModel(backend, linearModel(), none))).toMatch(/no images/);
  });
});

/** All logits alike. */
function flat(): Pick<EvaluatedModel, "operations"> {
  const dense = {
    kind: "dense",
    name: "classifier",
    input: 1,
    filters: CLASSES,
    weights: new Float32Array(3 * CLASSES),
    bias: new Float32Array(CLASSES),
  } as const;
  return { operations: [{ kind: "averagePool", name: "pool", input: 0, size: SIDE }, dense] };
}

describe("evaluation in a run", () => {
  it("changes nothing of the training", async () => {
    const [watched, alone] = [temporaryFolder(), temporaryFolder()];
    await using trainer = await Trainer.create(network, data, settings, { threads: 1, out: watched });
    for await (const epoch of trainer) {
      const { validation } = data;
      if (validation === undefined) throw new Error("expected validation images");
      const {
        confusion: _confusion,
        mistakes: _mistakes,
        calibrationError: _error,
        skipped: _skipped,
        ...again
      } = await trainer.evaluate(validation);
      if (trainer.bestEpoch === epoch.index) expect(again).toEqual(epoch.validation);
      await trainer.evaluate(data.train);
    }
    const blind: Dataset = { ...data, validation: undefined };
    await trainTiny({ out: alone, dataset: blind });
    const checkpoints = differences(bitsOf(watched), bitsOf(alone)).filter((name) => name.startsWith("checkpoint"));
    expect(checkpoints).toEqual([]);
  });
});
