/** Views: a training that looks answers up learns from what the teacher has said of exactly the pixels that it sees. */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { openBackend } from "#rbnet/backend/open";
import type { Augmentation } from "#rbnet/data/augmentation/augmentation";
import type { Dataset } from "#rbnet/data/dataset";
import { Loader } from "#rbnet/data/loading/loader";
import { openDataset } from "#rbnet/data/open-dataset";
import { fileSet } from "#rbnet/data/sets/image-set";
import { subsetByClass } from "#rbnet/data/sets/subset";
import { shapes } from "#rbnet/data/shapes/shapes";
import { writeShards } from "#rbnet/data/shards/write-shards";
import { correctAnswer } from "#rbnet/data/views/answers";
import { pixelMark } from "#rbnet/data/views/image-keys";
import { openViews } from "#rbnet/data/views/open-views";
import { PIXEL_LIMIT } from "#rbnet/pixels/square";
import { makeViews, type ViewsSettings } from "#rbnet/training/teachers/make-views";
import { openTeacher } from "#rbnet/training/teachers/open-teacher";
import { classFolder } from "../../data/picture-folders.js";
import { temporaryFolder } from "../../temporary-folder.js";
import { data, expectContinued, readStored, refusal, trainTiny } from "../tiny-runs.js";
import { onnxClassifier } from "./onnx-file.js";
import { modelFile } from "./random-model.js";

const place = temporaryFolder();
const teacher = join(place, "teacher.safetensors");
const other = join(place, "other.safetensors");
const moved = { crop: { kind: "pad", padding: 1 }, flip: true } as const satisfies Augmentation;
const scaled = { crop: { kind: "resized", scale: [0.3, 1], ratio: [0.8, 1.25] }, flip: true } as const satisfies Augmentation;

beforeAll(async () => {
  await modelFile(teacher, 16, data.classes);
  await modelFile(other, 16, data.classes, data.mean, 1000);
});

async function made(dataset: Dataset, settings: Partial<ViewsSettings> = {}): Promise<string> {
  const out = join(temporaryFolder(), "views");
  expect(await makeViews(dataset, { out, teachers: [teacher], augmentation: moved, threads: 1, ...settings })).toBeDefined();
  return out;
}

/** What teachers say, averaged as probabilities: scores less the highest. */
async function directly(
  teachers: readonly string[],
  dataset: Dataset,
  images: Float32Array,
  count: number,
): Promise<Float64Array> {
  using backend = await openBackend({ threads: 1 });
  const classes = dataset.classes.length;
  const sum = new Float64Array(count * classes);
  for (const file of teachers) {
    const { teacher: one } = await openTeacher({ teacher: file, attention: 0 }, dataset, { backend, batch: count, threads: 1 });
    const tensor = backend.allocate("float32", [count, dataset.size, dataset.size, 3]);
    backend.write(tensor, images);
    const scores = backend.allocate("float32", [count, classes]);
    await one.teach({ pixels: images, tensor, count }, scores);
    backend.softmax(scores, 1, scores);
    for (const [i, value] of (await backend.read(scores)).entries()) sum[i] += value / teachers.length;
  }
  const result = sum.map(Math.log);
  for (let row = 0; row < result.length; row += classes) {
    const highest = Math.max(...result.subarray(row, row + classes));
    for (let label = 0; label < classes; label++) result[row + label] -= highest;
  }
  return result;
}

/** Of all images in each view, the marks of their pixels: marks[view][image]. */
async function allViews(dataset: Dataset, folder: string, augmentation: Augmentation, count: number): Promise<number[][]> {
  const { plan, mean, standardDeviation } = await openViews(folder, dataset, augmentation);
  const options = {
    batch: dataset.train.count,
    size: dataset.size,
    mean,
    standardDeviation,
    augmentation,
    seed: 0,
    shuffle: false,
  };
  await using loader = new Loader(dataset.train, {
    ...options,
    dropLast: false,
    views: { ...plan, answers: undefined, eachEpoch: true },
  });
  const marks: number[][] = [];
  for (let view = 0; view < count; view++)
    for await (const { images, count: all, release } of loader.epoch(view)) {
      marks.push(Array.from({ length: all }, (_, position) => pixelMark(images, position, dataset.size)));
      release();
    }
  return marks;
}

/** Expects of two epochs that every image is one of its views, with the answer that the teachers give to these pixels. */
async function expectAnswered(
  dataset: Dataset,
  folder: string,
  augmentation: Augmentation,
  { count, teachers = [teacher], workers = 1 }: { count: number; teachers?: readonly string[]; workers?: number },
): Promise<void> {
  const { plan, mean, standardDeviation } = await openViews(folder, dataset, augmentation);
  const seen = { ...dataset, mean, standardDeviation };
  const marks = await allViews(dataset, folder, augmentation, count);
  const classes = dataset.classes.length;
  await using loader = new Loader(dataset.train, {
    batch: 16,
    size: dataset.size,
    mean,
    standardDeviation,
    augmentation,
    seed: 3,
    shuffle: true,
    dropLast: false,
    workers,
    views: plan,
  });
  const shown = new Set<number>();
  let corrected = 0;
  for (const epoch of [0, 1])
    for await (const { images, labels, indices, answers, count: all, release } of loader.epoch(epoch)) {
      const said = Float32Array.from(await directly(teachers, seen, images.slice(), all));
      for (const [position, index] of indices.entries()) {
        const view = marks.findIndex((one) => one[index] === pixelMark(images, position, dataset.size));
        expect(view, dataset.train.nameOf(index)).toBeGreaterThanOrEqual(0);
        shown.add(view);
        const row = said.subarray(position * classes, (position + 1) * classes);
        const range = -Math.min(...row);
        // Where two classes are as likely, to a byte, it is chance which of them is the mistake.
        if (Math.abs(row.toSorted().at(-2)!) < range / 200) continue;
        if (!correctAnswer(said, position * classes, classes, labels[position]!)) corrected++;
        for (const [label, value] of row.entries())
          expect(Math.abs(answers![position * classes + label]! - value)).toBeLessThanOrEqual((range / 255) * 0.57 + 1e-4);
      }
      release();
    }
  expect(shown.size).toBeGreaterThan(Math.min(count, 4) - 1);
  expect(corrected).toBeGreaterThan(0);
}

const runtimeIsThere = ((): boolean => {
  try {
    createRequire(import.meta.url).resolve("onnxruntime-node");
    return true;
  } catch {
    console.warn("onnxruntime-node is not installed: the test of views by an ONNX teacher is skipped");
    return false;
  }
})();

describe("views of images that are moved and mirrored", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await made(data);
  });

  it("are all that training draws, and what it draws is what it draws without them", { timeout: 60_000 }, async () => {
    await expectAnswered(data, folder, moved, { count: 18 });
    const { plan } = await openViews(folder, data, moved);
    const pixels = async (views: typeof plan | undefined): Promise<number[]> => {
      const { size, mean, standardDeviation } = data;
      const options = { batch: 10, size, mean, standardDeviation, augmentation: moved, seed: 3, shuffle: true, dropLast: false };
      await using loader = new Loader(data.train, { ...options, views });
      const marks: number[] = [];
      for await (const { images, count, release } of loader.epoch(4)) {
        for (let position = 0; position < count; position++) marks.push(pixelMark(images, position, size));
        release();
      }
      return marks;
    };
    expect(await pixels(plan)).toEqual(await pixels(undefined));
  });

  it("of several teachers hold the mean of their probabilities", { timeout: 60_000 }, async () => {
    const both = await made(data, { teachers: [teacher, other] });
    await expectAnswered(data, both, moved, { count: 18, teachers: [teacher, other] });
  });

  it.skipIf(!runtimeIsThere)("hold what an ONNX teacher says", { timeout: 60_000 }, async () => {
    const file = join(place, "teacher.onnx");
    const weights = Float32Array.from({ length: 30 }, (_, i) => 3 * Math.cos(i * 1.7));
    writeFileSync(file, onnxClassifier({ input: ["n", 3, 16, 16], classes: 10, weights }));
    const folder = await made(data, { teachers: [file] });
    await expectAnswered(data, folder, moved, { count: 18, teachers: [file] });
  });

  it("have the same bytes for any number of threads and workers, and where the making was cut", { timeout: 60_000 }, async () => {
    const bytes = (path: string): Buffer[] => readdirSync(path).map((name) => readFileSync(join(path, name)));
    const many = shapes({ train: 100, validation: 0, test: 0, size: 16 });
    const whole = await made(many, { count: 160 });
    expect(readdirSync(whole).sort()).toEqual(["answers.bin", "images.bin", "views.json"]);
    const cut = join(temporaryFolder(), "views");
    const settings = { out: cut, teachers: [teacher], augmentation: moved, count: 160, threads: 2, loaders: 3 };
    const stop = new AbortController();
    const early = await makeViews(many, {
      ...settings,
      signal: stop.signal,
      progress: (done) => {
        if (done > 11_000) stop.abort();
      },
    });
    expect([early, existsSync(join(cut, "views.json"))]).toEqual([undefined, false]);
    expect(await refusal(openViews(cut, many, moved))).toMatch(/^the views in .* are not finished; give the command/);
    expect(await refusal(makeViews(many, { ...settings, count: 5 }))).toMatch(
      /holds other views that are not finished \(count is 160 there, 5 now\)/,
    );
    let first: number | undefined;
    await makeViews(many, {
      ...settings,
      progress: (done) => {
        first ??= done;
      },
    });
    // The first part is there already.
    expect(first).toBeGreaterThan(10_000);
    expect(bytes(cut)).toEqual(bytes(whole));
    expect(await refusal(makeViews(many, settings))).toMatch(/holds views already, and they are finished; choose another folder/);
  });

  it.each<[string, (folder: string) => Promise<unknown>, RegExp]>([
    ["another size", (path) => openViews(path, shapes({ train: 50, size: 32 }), moved), /are of 16 x 16 pixels, and the data/],
    ["other classes", (path) => openViews(path, { ...data, classes: data.classes.toReversed() }, moved), /are of 10 classes \(/],
    [
      "another crop",
      (path) => openViews(path, data, { ...moved, crop: { kind: "pad", padding: 2 } }),
      /of images moved by up to 1 pixels, mirrored every other time, and the training's are moved by up to 2 pixels/,
    ],
    [
      "no mirroring",
      (path) => openViews(path, data, { crop: moved.crop }),
      /training's are moved by up to 1 pixels, never mirrored;/,
    ],
    [
      "images that are not there",
      (path) => openViews(path, shapes({ train: 60, size: 16 }), moved),
      /none of the training image shapes/,
    ],
    [
      "other pictures of the same names",
      (path) => openViews(path, shapes({ train: 50, size: 16, seed: 2 }), moved),
      /^the picture shapes\/train\/0 .* is not what the teacher has seen when the views .* were made/,
    ],
    [
      "a changed byte",
      (path) => {
        const answers = readFileSync(join(path, "answers.bin"));
        answers[777] ^= 1;
        writeFileSync(join(path, "answers.bin"), answers);
        return openViews(path, data, moved);
      },
      /answers.bin are damaged: its bytes are not those that were written/,
    ],
    [
      "nothing in the folder",
      () => openViews(place, data, moved),
      /^cannot read the views .*views.json \(ENOENT\); give a folder that `rbnet views` has written$/,
    ],
  ])("are refused for %s", async (_, open, message) => {
    const copy = join(temporaryFolder(), "views");
    cpSync(folder, copy, { recursive: true });
    expect(await refusal(open(copy))).toMatch(message);
  });

  it("teach, and a run goes on to the same bits", { timeout: 60_000 }, async () => {
    const settings = (part: object = {}) => ({
      epochs: 3,
      batch: 8,
      augmentation: moved,
      distill: { views: folder, weight: 0.7, temperature: 2, endWeight: 0.1, ...part },
    });
    await expectContinued(settings(), 9);
    await expectContinued({ ...settings(), replicas: 2 }, 9);
    const [own, steady] = [temporaryFolder(), temporaryFolder()];
    await trainTiny({ out: own, settings: settings() });
    await trainTiny({ out: steady, settings: settings({ endWeight: 0.7 }) });
    const weights = (out: string) => readStored(out, "checkpoint").tensors.get("classifier.weights")?.data;
    expect(weights(own)).not.toEqual(weights(steady));
    const others = await made(data, { teachers: [other] });
    const changed = { ...settings(), distill: { ...settings().distill, views: others } };
    expect(await refusal(trainTiny({ out: own, settings: changed, resume: true }))).toMatch(
      /is of other settings \(distill.views/,
    );
    cpSync(others, folder, { recursive: true });
    const refused = await refusal(trainTiny({ out: own, settings: settings(), resume: true }));
    expect(refused).toMatch(/is of another teacher \(sha256 /);
  });

  it.each([
    [
      { augmentation: { ...moved, mixup: 0.2 } },
      /augmentation.mixup is 0.2, .*views hold what a teacher has said of images that were cut/,
    ],
    [{ augmentation: { ...moved, lighting: 0.1 } }, /augmentation.lighting is 0.1, /],
    [{ distill: { views: "v", attention: 1 } }, /distill.attention is 1, /],
    [{ distill: { views: "v", teacher: "t" } }, /distill.teacher is "t", .*a teacher or views, one of the two/],
  ])("are not learned from with %j", async (settings, message) => {
    expect(await refusal(trainTiny({ settings: { epochs: 1, batch: 8, distill: { views: "v" }, ...settings } }))).toMatch(
      message,
    );
  });
});

describe("views that are drawn", () => {
  it("are what training draws from, of images in memory, in files and in shards, whichever are held out", {
    timeout: 90_000,
  }, async () => {
    const classes = data.classes.slice(0, 3);
    const file = join(place, "three.safetensors");
    await modelFile(file, 16, classes);
    const root = await classFolder(classes, 8, 24);
    const cacheDir = temporaryFolder();
    const all = await openDataset({ path: root, size: 16, validationFraction: 0, cacheDir });
    const held = await openDataset({ path: root, size: 16, validationFraction: 0.3, seed: 9, cacheDir });
    expect([all.train.source.kind, all.train.count, held.train.count]).toEqual(["memory", 24, 18]);
    const count = 7;
    const inMemory = await made(all, { teachers: [file], augmentation: scaled, count, seed: 4 });
    const settings = { count, teachers: [file], workers: 2 };
    await expectAnswered(held, inMemory, scaled, settings);
    await expectAnswered({ ...held, train: subsetByClass(held.train, 6, 1) }, inMemory, scaled, settings);

    const elsewhere = join(temporaryFolder(), "copied");
    cpSync(root, elsewhere, { recursive: true });
    const copied = await openDataset({ path: elsewhere, size: 16, validationFraction: 0.3, cacheDir });
    expect((await openViews(inMemory, copied, scaled)).plan.answers?.rows.length).toBe(18);

    const inFiles = (dataset: Dataset): Dataset => {
      const paths = Array.from({ length: dataset.train.count }, (_, index) => dataset.train.nameOf(index));
      return { ...dataset, train: fileSet(paths, dataset.train.labels, PIXEL_LIMIT) };
    };
    expect(await refusal(openViews(inMemory, inFiles(held), scaled))).toMatch(
      /were decoded once and cropped in memory, and these are/,
    );
    await expectAnswered(
      inFiles(held),
      await made(inFiles(all), { teachers: [file], augmentation: scaled, count }),
      scaled,
      settings,
    );

    const shards = join(temporaryFolder(), "shards");
    await writeShards(root, shards, { imagesPerShard: 5, seed: 1 });
    const packed = (validationFraction: number): Promise<Dataset> =>
      openDataset({ path: shards, size: 16, validationFraction, seed: 9, cacheDir });
    const inShards = await made(await packed(0), { teachers: [file], augmentation: scaled, count });
    await expectAnswered(await packed(0.3), inShards, scaled, settings);
  });

  it("can be drawn of places, too", { timeout: 60_000 }, async () => {
    const folder = await made(data, { count: 6 });
    await expectAnswered(data, folder, moved, { count: 6 });
  });
});
