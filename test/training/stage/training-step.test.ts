/** Targets of a batch, and gradients that only add up: a batch at once or in parts. */
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import type { Batch } from "#rbnet/data/loading/batch-source";
import { Random } from "#rbnet/data/random";
import { Network } from "#rbnet/networks/network";
import type { Tensor, TypedArray } from "#rbnet/tensor";
import { parseTrainingSettings, type TrainingSettings } from "#rbnet/training/settings/options";
import { type StepTotals, TrainingStep } from "#rbnet/training/stage/training-step";
import type { TaughtImages, Teacher } from "#rbnet/training/teachers/teacher";
import { temporaryFolder } from "../../temporary-folder.js";
import { linearNetwork, readStored, trainTiny } from "../tiny-runs.js";

const CLASSES = 10;
const IMAGE = 16 * 16 * 3;

/** Images of noise; the second half of each pair is mixed into the first with `mixWeight`. */
function batchOf(count: number, mixWeight: number): Batch {
  const random = new Random(5);
  return {
    images: Float32Array.from({ length: count * IMAGE }, () => random.normal()),
    labels: Int32Array.from({ length: count }, (_, i) => i % CLASSES),
    mixLabels: Int32Array.from({ length: count }, (_, i) => (i * 3) % CLASSES),
    mixWeight: new Float32Array(count).fill(mixWeight),
    indices: Uint32Array.from({ length: count }, (_, i) => i),
    count,
    release() {},
  };
}

function part(batch: Batch, from: number, count: number): Batch {
  const cut = <T extends Float32Array | Int32Array | Uint32Array>(values: T, by = 1): T =>
    values.subarray(from * by, (from + count) * by) as T;
  const { images, labels, mixLabels, mixWeight, indices, release } = batch;
  return {
    images: cut(images, IMAGE),
    labels: cut(labels),
    mixLabels: cut(mixLabels),
    mixWeight: cut(mixWeight),
    indices: cut(indices),
    count,
    release,
  };
}

function stepOn(
  backend: Backend,
  settings: Pick<TrainingSettings, "accumulate" | "labelSmoothing" | "distill"> & { readonly batch: number },
  teacher?: Teacher,
  classWeights?: Float64Array,
) {
  const random = new Random(1);
  const network = new Network(backend, linearNetwork, {
    normal: (count, standardDeviation) => Float32Array.from({ length: count }, () => standardDeviation * random.normal()),
  });
  network.bind(settings.batch);
  const step = new TrainingStep(backend, network, parseTrainingSettings(settings), teacher, classWeights);
  /** One step; what it has added to the totals. */
  const run = async (batch: Batch): Promise<StepTotals> => {
    step.startFrom({ lossSum: 0, correct: 0 });
    await step.run(batch);
    return step.totals();
  };
  const gradients = async (): Promise<readonly number[]> =>
    (await Promise.all(network.parameters.map(async ({ gradient }) => Array.from(await backend.read(gradient))))).flat();
  return { network, step, run, gradients };
}

/** The rows of targets that a step hands to the backend. */
async function targetsOf(batch: Batch, labelSmoothing: number, classWeights?: Float64Array): Promise<readonly number[][]> {
  const written: Float32Array[] = [];
  const reference = createReferenceBackend();
  const backend: Backend = {
    ...reference,
    memory: reference.memory,
    write(tensor, values: TypedArray) {
      if (values instanceof Float32Array && values.length === batch.count * CLASSES) written.push(values.slice());
      reference.write(tensor, values);
    },
  };
  const { step } = stepOn(backend, { batch: batch.count, labelSmoothing }, undefined, classWeights);
  await step.run(batch);
  const targets = written.at(-1);
  if (targets === undefined) throw new Error("no targets were written");
  return Array.from({ length: batch.count }, (_, i) => Array.from(targets.subarray(i * CLASSES, (i + 1) * CLASSES)));
}

describe("targets", () => {
  it.each([
    [1, 0],
    [1, 0.2],
    [0.3, 0],
    [0.7, 0.1],
  ])(
    "sum to 1 with a mixing weight of %d and label smoothing of %d, and say what the image shows",
    async (mixWeight, labelSmoothing) => {
      const batch = batchOf(8, mixWeight);
      const rows = await targetsOf(batch, labelSmoothing);
      for (const [i, row] of rows.entries()) {
        expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
        const expected = new Array<number>(CLASSES).fill(labelSmoothing / CLASSES);
        expected[batch.labels[i]!]! += (1 - labelSmoothing) * mixWeight;
        expected[batch.mixLabels[i]!]! += (1 - labelSmoothing) * (1 - mixWeight);
        for (const [label, value] of expected.entries()) expect(row[label]).toBeCloseTo(value, 6);
      }
    },
  );
});

describe("class weights", () => {
  const weights = Float64Array.from({ length: CLASSES }, (_, label) => 0.25 * (label + 1));

  it("are what the targets of an image sum to, of a mixed one by its parts", async () => {
    const batch = batchOf(8, 0.3);
    for (const [i, row] of (await targetsOf(batch, 0.1, weights)).entries()) {
      const [own, other] = [weights[batch.labels[i]!]!, weights[batch.mixLabels[i]!]!];
      expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0.3 * own + 0.7 * other, 5);
      const smooth = (0.1 / CLASSES) * (0.3 * own + 0.7 * other);
      const mixed = batch.labels[i] === batch.mixLabels[i] ? 0.9 * 0.7 * other : 0;
      expect(row[batch.labels[i]!]).toBeCloseTo(smooth + 0.9 * 0.3 * own + mixed, 5);
    }
  });

  it("multiply the loss of each image, and leave what is counted as right", async () => {
    const batch = batchOf(4, 1);
    const weighed = await stepOn(createReferenceBackend(), { batch: 4 }, undefined, weights).run(batch);
    let expected = 0;
    for (let i = 0; i < 4; i++) {
      const { lossSum } = await stepOn(createReferenceBackend(), { batch: 1 }).run(part(batch, i, 1));
      expected += (weights[batch.labels[i]!]! * lossSum) / 4;
    }
    expect(weighed.lossSum).toBeCloseTo(expected, 6);
    expect(weighed.correct).toBe((await stepOn(createReferenceBackend(), { batch: 4 }).run(batch)).correct);
  });

  it.each([1, 0.3])(
    "give the gradient that finite differences of the loss give, with a mixing weight of %d",
    async (mixWeight) => {
      const batch = batchOf(6, mixWeight);
      const backend = createReferenceBackend();
      const { network, run, gradients } = stepOn(backend, { batch: 6, labelSmoothing: 0.1 }, undefined, weights);
      await run(batch);
      const found = await gradients();
      const { name, value } = network.parameters.at(-1)!;
      const from = found.length - value.shape.reduce((product, side) => product * side, 1);
      expect(name).toBe("classifier.bias");
      const before = Float64Array.from(await backend.read(value));
      for (let label = 0; label < CLASSES; label++) {
        const lossAt = async (change: number): Promise<number> => {
          backend.write(
            value,
            before.map((bias, i) => (i === label ? bias + change : bias)),
          );
          return (await run(batch)).lossSum;
        };
        const step = 1e-3;
        expect(found[from + label]).toBeCloseTo(((await lossAt(step)) - (await lossAt(-step))) / (2 * step), 6);
      }
    },
  );
});

describe("a teacher's part", () => {
  const batch = batchOf(8, 1);
  const oneHot = Float32Array.from({ length: 8 * CLASSES }, (_, i) =>
    i % CLASSES === batch.labels[Math.floor(i / CLASSES)] ? 1 : 0,
  );
  const doubtful = Float32Array.from({ length: 8 * CLASSES }, (_, i) => (i % CLASSES < 2 ? 0.5 : 0));
  const run = async (distill: { weight?: number; temperature?: number } | undefined, probabilities?: Float32Array) => {
    const backend = createReferenceBackend();
    const temperature = distill?.temperature ?? 1;
    const teacher = probabilities && {
      teach: async (_images: TaughtImages, scores: Tensor) =>
        backend.write(
          scores,
          probabilities.map((value) => temperature * Math.log(value)),
        ),
      close: async () => {},
    };
    const own = stepOn(
      backend,
      distill === undefined ? { batch: 8 } : { batch: 8, distill: { teacher: "of this test", ...distill } },
      teacher,
    );
    return { loss: (await own.run(batch)).lossSum, gradient: await own.gradients() };
  };

  it("is what the labels are, where the teacher is certain of them", async () => {
    const [plain, taught] = [await run(undefined), await run({}, oneHot)];
    expect(taught.loss).toBeCloseTo(plain.loss, 6);
    for (const [i, value] of plain.gradient.entries()) expect(taught.gradient[i]).toBeCloseTo(value, 7);
  });

  it("and the labels' part add up by their weight", async () => {
    const [labels, teacher, both] = [
      await run(undefined),
      await run({ temperature: 3 }, doubtful),
      await run({ weight: 0.25, temperature: 3 }, doubtful),
    ];
    expect(both.loss).toBeCloseTo(0.75 * labels.loss + 0.25 * teacher.loss, 6);
    expect(teacher.gradient).not.toEqual(labels.gradient);
    for (const [i, value] of both.gradient.entries())
      expect(value).toBeCloseTo(0.75 * labels.gradient[i]! + 0.25 * teacher.gradient[i]!, 7);
  });

  it("is a divergence: 0 where both networks say the same", async () => {
    // Without weights all classes are alike.
    const alike = new Float32Array(8 * CLASSES).fill(1 / CLASSES);
    const { loss } = await run({ temperature: 100 }, alike);
    expect(loss / 100 ** 2).toBeLessThan(1e-4);
    expect(loss).toBeGreaterThan(0);
  });
});

describe("the totals of an epoch", () => {
  it("go on from where they were, step by step, and may be read while later steps run", async () => {
    const batch = batchOf(8, 0.8);
    const alone = await stepOn(createReferenceBackend(), { batch: 8 }).run(batch);
    const { step } = stepOn(createReferenceBackend(), { batch: 8 });
    step.startFrom({ lossSum: 10, correct: 3 });
    await step.run(batch);
    const once = step.totals();
    await step.run(batch);
    const twice = await step.totals();
    expect((await once).lossSum).toBeCloseTo(10 + alone.lossSum, 9);
    expect((await once).correct).toBe(3 + alone.correct);
    expect(twice.lossSum).toBeCloseTo(10 + 2 * alone.lossSum, 9);
    expect(twice.correct).toBe(3 + 2 * alone.correct);
  });

  it("count an image as right by the class that it shows most of", async () => {
    const own = { labels: Int32Array.of(0, 0, 0, 0), mixLabels: Int32Array.of(1, 1, 1, 1) };
    const hits = async (mixWeight: number) => {
      const { run } = stepOn(createReferenceBackend(), { batch: 4 });
      // Without anything learned all classes are alike, and the first of them is the answer.
      const blank = { ...batchOf(4, mixWeight), ...own, images: new Float32Array(4 * IMAGE) };
      return (await run(blank)).correct;
    };
    expect([await hits(1), await hits(0.5), await hits(0.49)]).toEqual([4, 4, 0]);
  });
});

describe("gradient accumulation", () => {
  it("of two half batches gives the gradient, the loss and the hits of the whole", async () => {
    const batch = batchOf(16, 0.8);
    const whole = stepOn(createReferenceBackend(), { batch: 16 });
    const result = await whole.run(batch);
    const halves = stepOn(createReferenceBackend(), { batch: 8, accumulate: 2 });
    const first = await halves.run(part(batch, 0, 8));
    const half = await halves.gradients();
    const second = await halves.run(part(batch, 8, 8));
    const expected = await whole.gradients();
    const found = await halves.gradients();
    expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(1e-3);
    expect(Math.max(...expected.map((value, i) => Math.abs(value - found[i]!)))).toBeLessThan(1e-6);
    expect(half).not.toEqual(found);
    expect((first.lossSum + second.lossSum) / 2).toBeCloseTo(result.lossSum, 5);
    expect(first.correct + second.correct).toBe(result.correct);
  });

  it("updates once for two batches, at the rates of the whole", async () => {
    const settings = { epochs: 2, batch: 16, optimizer: "sgd", learningRate: 0.1, warmup: 1, weightDecay: 0 } as const;
    const [whole, halves] = [temporaryFolder(), temporaryFolder()];
    const one = await trainTiny({ out: whole, description: linearNetwork, settings });
    const other = await trainTiny({
      out: halves,
      description: linearNetwork,
      settings: { ...settings, batch: 8, accumulate: 2 },
    });
    expect(other.records.map(({ learningRate }) => learningRate)).toEqual(one.records.map(({ learningRate }) => learningRate));
    for (const [name, { data }] of readStored(whole, "checkpoint").tensors) {
      const found = readStored(halves, "checkpoint").tensors.get(name)!.data;
      for (let i = 0; i < data.length; i++) expect(found[i], name).toBeCloseTo(data[i]!, 5);
    }
  });
});
