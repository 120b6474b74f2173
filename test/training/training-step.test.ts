/** Targets of a batch, and gradients that only add up: a batch at once or in parts. */
import { describe, expect, it } from "vitest";
import type { Backend, TypedArray } from "#rbnet/backend/kernels";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import type { Batch } from "#rbnet/data/loader";
import { Random } from "#rbnet/data/random";
import { Network } from "#rbnet/networks/network";
import { parseTrainingSettings } from "#rbnet/training/options";
import { TrainingStep } from "#rbnet/training/training-step";
import { linearNetwork, readStored, temporaryFolder, trainTiny } from "./tiny-runs.js";

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
  settings: { readonly batch: number; readonly accumulate?: number; readonly labelSmoothing?: number },
) {
  const random = new Random(1);
  const network = new Network(backend, linearNetwork, {
    normal: (count, deviation) => Float32Array.from({ length: count }, () => deviation * random.normal()),
  });
  network.bind(settings.batch);
  const step = new TrainingStep(backend, network, parseTrainingSettings(settings));
  const gradients = async (): Promise<readonly number[]> =>
    (await Promise.all(network.parameters.map(async ({ gradient }) => Array.from(await backend.read(gradient))))).flat();
  return { step, gradients };
}

/** The rows of targets that a step hands to the backend. */
async function targetsOf(batch: Batch, labelSmoothing: number): Promise<readonly number[][]> {
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
  const { step } = stepOn(backend, { batch: batch.count, labelSmoothing });
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

describe("gradient accumulation", () => {
  it("of two half batches gives the gradient, the loss and the hits of the whole", async () => {
    const batch = batchOf(16, 0.8);
    const whole = stepOn(createReferenceBackend(), { batch: 16 });
    const result = await whole.step.run(batch);
    const halves = stepOn(createReferenceBackend(), { batch: 8, accumulate: 2 });
    const first = await halves.step.run(part(batch, 0, 8));
    const half = await halves.gradients();
    const second = await halves.step.run(part(batch, 8, 8));
    const expected = await whole.gradients();
    const found = await halves.gradients();
    expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(1e-3);
    expect(Math.max(...expected.map((value, i) => Math.abs(value - found[i]!)))).toBeLessThan(1e-6);
    expect(half).not.toEqual(found);
    expect((first.loss + second.loss) / 2).toBeCloseTo(result.loss, 5);
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
