/** Distillation: what a teacher adds to the loss, which files can teach, and what is said of those that cannot. */
import { rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import type { Dataset } from "#rbnet/data/dataset";
import { shapes } from "#rbnet/data/shapes/shapes";
import { openTeacher } from "#rbnet/training/teachers/open-teacher";
import { asScores } from "#rbnet/training/teachers/scores";
import { temporaryFolder } from "../../temporary-folder.js";
import { data, network, readStored, refusal, trainTiny } from "../tiny-runs.js";
import { onnxClassifier } from "./onnx-file.js";
import { modelFile } from "./random-model.js";

const CLASSES = 10;

describe("the answers of a classifier", () => {
  it("are scores as they are", () => {
    const scores = Float32Array.of(2, -1, 0.5, -3, 4, 4);
    expect(asScores(scores.slice(), 3)).toEqual(scores);
  });

  it("are scores by their logarithms where it ends in a softmax, a class that it excludes included", () => {
    const scores = asScores(Float32Array.of(0.5, 0.25, 0.25, 0, 2, -1, 0.5, 1), 4);
    const expected = [Math.log(0.5), Math.log(0.25), Math.log(0.25), Number.NEGATIVE_INFINITY, 2, -1, 0.5, 1];
    for (const [i, value] of expected.entries()) expect(scores[i]).toBeCloseTo(value, 6);
  });
});

/** With what the teacher says of images, [count, classes]: the softmax of its scores. */
async function opened(settings: Parameters<typeof openTeacher>[0], dataset: Dataset = data) {
  const backend = createReferenceBackend();
  const { teacher, digest } = await openTeacher(settings, dataset, { backend, batch: 8, threads: 1 });
  const said = async (pixels: Float32Array, count: number, temperature = 1): Promise<readonly number[]> => {
    const tensor = backend.allocate("float32", [count, dataset.size, dataset.size, 3]);
    backend.write(tensor, pixels);
    const scores = backend.allocate("float32", [count, dataset.classes.length]);
    await teacher.teach({ pixels, tensor, count }, scores);
    backend.softmax(scores, temperature, scores);
    return Array.from(await backend.read(scores));
  };
  return { teacher, digest, said };
}

const distill = (teacher: string, pixels?: "data" | "unit" | "imagenet") => ({
  teacher,
  weight: 1,
  temperature: 1,
  attention: 0,
  ...(pixels === undefined ? {} : { pixels }),
});

describe("a model as a teacher", () => {
  const folder = temporaryFolder();
  const file = join(folder, "model.safetensors");
  const images = Float32Array.from({ length: 5 * 16 * 16 * 3 }, (_, i) => Math.sin(i * 0.37));

  beforeAll(async () => {
    await modelFile(file, 16, data.classes);
  });

  it("gives each image the same probabilities in any batch, by file or by the folder of its run", async () => {
    const { said, digest } = await opened(distill(file));
    const all = await said(images, 5);
    expect(all.length).toBe(5 * CLASSES);
    expect(await said(images.subarray(4 * 768), 1)).toEqual(all.slice(4 * CLASSES));
    expect(new Set(all).size).toBeGreaterThan(CLASSES);
    const other = await opened(distill(folder));
    expect(other.digest).toBe(digest);
    expect(await other.said(images, 5)).toEqual(all);
  });

  it("sees pixels less its own mean", async () => {
    const moved = join(folder, "moved.safetensors");
    const mean = data.mean.map((value) => value + 0.1) as unknown as Dataset["mean"];
    await modelFile(moved, 16, data.classes, mean);
    const shifted = images.map((value, i) => value - 0.1 / data.standardDeviation[i % 3]!);
    const own = await (await opened(distill(file))).said(shifted, 5);
    const other = await (await opened(distill(moved))).said(images, 5);
    for (const [i, value] of own.entries()) expect(other[i]).toBeCloseTo(value, 4);
  });

  it.each<[string, Parameters<typeof openTeacher>[0], RegExp]>([
    [
      "is not there",
      distill(join(folder, "none.safetensors")),
      /cannot read the teacher .*none.safetensors \(ENOENT\); give a model/,
    ],
    ["is given a form of pixels", distill(file, "unit"), /says itself how it takes pixels, and unit was asked for/],
  ])("that %s is refused", async (_, settings, message) => {
    expect(await refusal(opened(settings))).toMatch(message);
  });

  it("of another size or of other classes is refused, with both in the sentence", async () => {
    const [large, other] = [join(folder, "large.safetensors"), join(folder, "other.safetensors")];
    await modelFile(large, 32, data.classes);
    await modelFile(other, 16, [...data.classes].reverse());
    expect(await refusal(opened(distill(large)))).toMatch(/takes 32 x 32 images, the data are 16 x 16/);
    expect(await refusal(opened(distill(other)))).toMatch(/knows 10 classes \(.*\.\.\.\), the data have 10/);
  });
});

describe("a run with a teacher", () => {
  const out = temporaryFolder();
  const teacher = join(out, "teacher.safetensors");
  const settings = (part: object) => ({ epochs: 2, batch: 8, distill: { teacher, ...part } });

  beforeAll(async () => {
    await modelFile(teacher, 16, data.classes);
  });

  it("resumes in the middle of an epoch to the same bits, and not with another teacher", async () => {
    const [whole, parts] = [temporaryFolder(), temporaryFolder()];
    const part = { weight: 0.7, temperature: 3 };
    await trainTiny({ out: whole, settings: settings(part) });
    await trainTiny({ out: parts, settings: settings(part), stopAfter: 4 });
    await trainTiny({ out: parts, settings: settings(part), resume: true, threads: 2 });
    const [expected, found] = [readStored(whole, "checkpoint"), readStored(parts, "checkpoint")];
    for (const [name, { data: values }] of expected.tensors) expect(found.tensors.get(name)?.data, name).toEqual(values);
    const without = temporaryFolder();
    await trainTiny({ out: without, settings: { epochs: 2, batch: 8 } });
    expect(readStored(without, "checkpoint").tensors.get("classifier.weights")?.data).not.toEqual(
      expected.tensors.get("classifier.weights")?.data,
    );
    await modelFile(teacher, 16, data.classes, [0, 0, 0]);
    const refused = await refusal(trainTiny({ out: parts, settings: settings(part), resume: true }));
    await modelFile(teacher, 16, data.classes);
    expect(refused).toMatch(/is of another teacher \(sha256 /);
  });

  it("comes close to what the teacher says", async () => {
    const dataset = shapes({ train: 400, validation: 0, test: 0, size: 16 });
    const { records } = await trainTiny({ dataset, description: network, settings: { ...settings({}), epochs: 6 } });
    const losses = records.map(({ trainLoss }) => trainLoss);
    expect(losses.at(-1)).toBeLessThan(losses[0]! * 0.75);
    expect(losses.at(-1)).toBeGreaterThan(0);
  });
});

const runtimeIsThere = ((): boolean => {
  try {
    createRequire(import.meta.url).resolve("onnxruntime-node");
    return true;
  } catch {
    console.warn(
      "onnxruntime-node is not installed: tests of ONNX teachers are skipped (npm install --no-save --save-prod onnxruntime-node)",
    );
    return false;
  }
})();

describe.skipIf(!runtimeIsThere)("an ONNX teacher", () => {
  const folder = temporaryFolder();
  const weights = Float32Array.from({ length: 3 * CLASSES }, (_, i) => Math.cos(i * 1.7) * 2);
  const write = (name: string, options: Partial<Parameters<typeof onnxClassifier>[0]> = {}): string => {
    const path = join(folder, name);
    writeFileSync(path, onnxClassifier({ input: ["n", 3, 16, 16], classes: CLASSES, weights, ...options }));
    return path;
  };
  const images = Float32Array.from({ length: 5 * 16 * 16 * 3 }, (_, i) => Math.sin(i * 0.37));
  /** What the classifier says of images whose values are `value(normalized, channel)`. */
  const expected = (value: (normalized: number, channel: number) => number, temperature = 1): number[] => {
    const rows: number[] = [];
    for (let image = 0; image < 5; image++) {
      const means = [0, 1, 2].map((channel) => {
        let sum = 0;
        for (let i = 0; i < 256; i++) sum += value(images[image * 768 + i * 3 + channel]!, channel);
        return sum / 256;
      });
      const scores = Array.from({ length: CLASSES }, (_, k) =>
        means.reduce((sum, mean, c) => sum + mean * weights[c * CLASSES + k]!, 0),
      );
      const powers = scores.map((score) => Math.exp(score / temperature));
      const total = powers.reduce((sum, power) => sum + power, 0);
      rows.push(...powers.map((power) => power / total));
    }
    return rows;
  };

  it.each<["data" | "unit" | "imagenet", (normalized: number, channel: number) => number]>([
    ["data", (value) => value],
    ["unit", (value, c) => value * data.standardDeviation[c]! + data.mean[c]!],
    [
      "imagenet",
      (value, c) => (value * data.standardDeviation[c]! + data.mean[c]! - [0.485, 0.456, 0.406][c]!) / [0.229, 0.224, 0.225][c]!,
    ],
  ])("sees pixels in the form of %s, channel by channel", async (pixels, value) => {
    const { teacher, said } = await opened(distill(write("free.onnx"), pixels));
    const found = await said(images, 5, 2);
    for (const [i, one] of expected(value, 2).entries()) expect(found[i]).toBeCloseTo(one, 5);
    await teacher.close();
  });

  it.each<[string, object]>([
    ["a fixed number of images", { input: [2, 3, 16, 16] }],
    ["a softmax at its end", { softmax: true }],
  ])("with %s says the same", async (_, options) => {
    const { teacher, said } = await opened(distill(write("variant.onnx", options)));
    const found = await said(images, 5);
    for (const [i, one] of expected((value) => value).entries()) expect(found[i]).toBeCloseTo(one, 5);
    await teacher.close();
  });

  it("with its weights in a file beside it says the same, is another with other weights, and none without them", async () => {
    const path = write("large.onnx", { weightsIn: "large.onnx.data" });
    const beside = join(folder, "large.onnx.data");
    writeFileSync(beside, new Uint8Array(weights.buffer));
    const first = await opened(distill(path));
    const found = await first.said(images, 5);
    for (const [i, one] of expected((value) => value).entries()) expect(found[i]).toBeCloseTo(one, 5);
    await first.teacher.close();
    writeFileSync(beside, new Uint8Array(weights.map((value) => -value).buffer));
    const second = await opened(distill(path));
    await second.teacher.close();
    expect(second.digest).not.toBe(first.digest);
    rmSync(beside);
    expect(await refusal(opened(distill(path)))).toMatch(
      /large\.onnx has its weights in .*large\.onnx\.data, which cannot be read \(ENOENT\); put that file beside it/,
    );
  });

  it.each<[string, string, RegExp]>([
    [
      "takes another size",
      write("size.onnx", { input: ["n", 3, 32, 32] }),
      /takes float32 of shape n x 3 x 32 x 32, but the data are float32 images x 3 x 16 x 16/,
    ],
    ["takes channels last", write("last.onnx", { input: ["n", 16, 16, 3] }), /takes float32 of shape n x 16 x 16 x 3, but/],
    [
      "knows other classes",
      write("classes.onnx", { classes: 7, weights: new Float32Array(21) }),
      /answers 1 image with float32 of shape 1 x 7, but the data have 10 classes/,
    ],
  ])("that %s is refused", async (_, path, message) => {
    expect(await refusal(opened(distill(path)))).toMatch(message);
  });

  it("that is no ONNX file is refused", async () => {
    const path = join(folder, "text.onnx");
    writeFileSync(path, "not a network");
    expect(await refusal(opened(distill(path)))).toMatch(
      /text.onnx is no ONNX file that ONNX Runtime can run \(.+\); export it again/,
    );
  });

  it("teaches", async () => {
    const teacher = write("teaches.onnx");
    const { records } = await trainTiny({ settings: { epochs: 4, batch: 8, distill: { teacher, pixels: "unit" } } });
    expect(records.at(-1)!.trainLoss).toBeLessThan(records[0]!.trainLoss / 2);
  });
});
