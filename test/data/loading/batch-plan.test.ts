/** Batches without workers and without shared memory, as a page that is not isolated makes them. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { type BatchPlan, finishBatch, prepareDecoded } from "#rbnet/data/loading/batch-plan";
import { batchSlots } from "#rbnet/data/loading/batch-ring";
import { EpochOrder } from "#rbnet/data/loading/epoch-order";
import { Loader } from "#rbnet/data/loading/loader";
import { shapes } from "#rbnet/data/shapes/shapes";

const COUNTS = { size: 16, train: 20, validation: 0, test: 0 };
const AUGMENTATION = { crop: { kind: "pad", padding: 2 }, flip: true, mixup: 0.4 } as const;
const BATCH = 8;
const SEED = 5;
const EPOCH = 2;

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("batches without shared memory", () => {
  it("have the bits of the loader's", async () => {
    const { train, size, mean, standardDeviation } = shapes(COUNTS);
    const options = {
      batch: BATCH,
      size,
      mean,
      standardDeviation,
      augmentation: AUGMENTATION,
      seed: SEED,
      shuffle: true,
      dropLast: false,
    };
    await using loader = new Loader(train, options);
    const expected = [];
    for await (const { images, labels, mixLabels, mixWeight, indices, release } of loader.epoch(EPOCH)) {
      expected.push([images, labels, mixLabels, mixWeight, indices].map((array) => [...array]));
      release();
    }
    expect(expected.map(([, labels]) => labels.length)).toEqual([8, 8, 4]);

    vi.stubGlobal("SharedArrayBuffer", undefined);
    const own = shapes(COUNTS).train;
    if (own.source.kind !== "memory") throw new Error("generated images are in memory");
    expect(own.source.pixels.buffer).toBeInstanceOf(ArrayBuffer);
    const plan: BatchPlan = {
      source: own.source,
      labels: own.labels,
      size,
      mean,
      standardDeviation,
      augmentation: AUGMENTATION,
      unreadable: "replace",
      seed: SEED,
    };
    const prepare = prepareDecoded(plan, own.source);
    const order = new EpochOrder(own, SEED, true);
    order.draw(EPOCH, 0);
    const [slot] = batchSlots({ slots: 1, batch: BATCH, size }).slots;
    for (const [index, batch] of expected.entries()) {
      const indices = order.indices.subarray(index * BATCH, (index + 1) * BATCH);
      slot.indices.set(indices);
      const part = { epoch: EPOCH, first: 0, end: indices.length, count: indices.length };
      prepare(slot, part);
      finishBatch(plan, slot, part);
      const prepared = [slot.images, slot.labels, slot.mixLabels, slot.mixWeight, slot.indices];
      expect(prepared.map((array, at) => [...array.subarray(0, batch[at].length)])).toEqual(batch);
    }
  });
});
