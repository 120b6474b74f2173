/** What a run does with its settings, what it refuses, and that it learns. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Dataset } from "#rbnet/data/dataset";
import { Random } from "#rbnet/data/random";
import { type DecodedPart, memoryDataset, sharedPixels } from "#rbnet/data/sets/memory-dataset";
import { shapes } from "#rbnet/data/shapes/shapes";
import { readModelFile } from "#rbnet/deploy/model-file";
import { rbnet8 } from "#rbnet/networks/rbnet";
import { decodeModel } from "#rbnet/runtime/model";
import type { TrainingSettings } from "#rbnet/training/settings/options";
import { Trainer } from "#rbnet/training/trainer";
import { temporaryFolder } from "../temporary-folder.js";
import { data, linearNetwork, network, readStored, refusal, settings, trainTiny } from "./tiny-runs.js";

describe("a run", () => {
  it("evaluates and ships the averaged weights, and goes on training with the last ones", async () => {
    const out = temporaryFolder();
    // Without validation images the last epoch is what ships.
    await trainTiny({
      out,
      description: linearNetwork,
      settings: { epochs: 1, batch: 8, average: 0.99 },
      dataset: { ...data, validation: undefined },
    });
    const { tensors } = readStored(out, "checkpoint");
    const [last, average] = [tensors.get("classifier.weights")?.data, tensors.get("classifier.weights.average")?.data];
    const { operations } = await readModelFile(join(out, "model.safetensors"));
    const dense = operations.at(-1);
    if (dense?.kind !== "dense") throw new Error("expected a dense layer at the end");
    expect(dense.weights).toEqual(average);
    expect(dense.weights).not.toEqual(last);
  });

  it("keeps latent weights within -1 and 1 at any rate, and reports flips and balance by layer", async () => {
    const out = temporaryFolder();
    const { records } = await trainTiny({ out, settings: { epochs: 1, batch: 8, learningRate: 0.5, warmup: 0 } });
    const latent = [...readStored(out, "checkpoint").tensors].filter(([name]) => name.endsWith(".latent"));
    expect(latent.length).toBe(6);
    let clipped = 0;
    for (const [name, { data: values }] of latent) {
      expect(Math.max(...Array.from(values, Math.abs)), name).toBeLessThanOrEqual(1);
      clipped += Array.from(values).filter((value) => Math.abs(value) === 1).length;
    }
    expect(clipped).toBeGreaterThan(0);
    const [record] = records;
    expect(Object.keys(record!.flipRatio)).toEqual(latent.map(([name]) => name.replace(".latent", "")));
    for (const ratio of Object.values(record!.flipRatio)) expect(ratio).toBeGreaterThan(0);
    for (const share of Object.values(record!.positiveShare)) expect(share).toBeGreaterThan(0);
    for (const share of [...Object.values(record!.flipRatio), ...Object.values(record!.positiveShare)])
      expect(share).toBeLessThan(1);
  });

  it("exports the best epoch's network and counts its bytes", async () => {
    const out = temporaryFolder();
    const validation = shapes({ train: 10, validation: 60, test: 0, size: 16 }).validation!;
    await using trainer = await Trainer.create(network, { ...data, validation }, settings, { threads: 1, out });
    expect(trainer.choosesEpoch).toBe(true);
    expect(await refusal(trainer.export(join(out, "early.safetensors")))).toMatch(/no epoch is finished yet/);
    const tops: number[] = [];
    const losses: number[] = [];
    for await (const { validation } of trainer) {
      tops.push(validation?.top1 ?? -1);
      losses.push(validation?.loss ?? -1);
    }
    const best = Math.max(...tops);
    const least = Math.min(...losses.filter((_, epoch) => tops[epoch] === best));
    expect(trainer.bestEpoch).toBe(losses.indexOf(least) + 1);
    const path = join(out, "exported.safetensors");
    const bytes = readFileSync(path.replace("exported", "model"));
    expect(await trainer.export(path)).toBe(bytes.length);
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(decodeModel(bytes, "model").network).toEqual({ name: "rbnet8", width: 0.5 });
    expect((await trainer.evaluate(validation)).top1).toBe(best);
  });

  it("exports the last epoch's where validation images are too few to choose by, unless it is to be patient", async () => {
    const few = await Trainer.create(network, data, settings, { threads: 1 });
    for await (const epoch of few) expect(few.bestEpoch).toBe(epoch.index);
    await few.close();
    const patient = await Trainer.create(network, data, { ...settings, patience: 3 }, { threads: 1 });
    expect([few.choosesEpoch, patient.choosesEpoch]).toEqual([false, true]);
    await patient.close();
  });

  it("of one batch an epoch, exactly full, works with and without validation images", async () => {
    const dataset: Dataset = shapes({ train: 16, validation: 1, test: 0, size: 16 });
    const one = { epochs: 2, batch: 16 };
    const { records } = await trainTiny({ dataset, settings: one });
    expect(records.map(({ steps, validation }) => [steps, validation?.images])).toEqual([
      [1, 1],
      [1, 1],
    ]);
    const blind = await trainTiny({ dataset: { ...dataset, validation: undefined }, settings: one });
    expect(blind.records.map(({ validation }) => validation)).toEqual([undefined, undefined]);
    expect(blind.bestEpoch).toBe(2);
  });

  it("stops when the loss is no number any more, with what to do, and keeps what it saved before", async () => {
    const out = temporaryFolder();
    const wild = { epochs: 3, batch: 8, optimizer: "sgd", learningRate: 1e38, warmup: 0, schedule: "constant" } as const;
    const said = /(the loss became (NaN|-?Infinity) in epoch 1, step \d; use a lower learning rate than 1e\+38)/;
    expect(await refusal(trainTiny({ out, settings: wild }))).toMatch(said);
  });

  it("ships nothing whose last update made it no numbers", async () => {
    const one = { epochs: 1, batch: 16, optimizer: "sgd", learningRate: 1e38, warmup: 0, weightDecay: 1e4 } as const;
    for (const validation of [data.validation, undefined]) {
      const out = temporaryFolder();
      const dataset: Dataset = { ...shapes({ train: 16, validation: 0, test: 0, size: 16 }), validation };
      expect(await refusal(trainTiny({ out, dataset, settings: one }))).toMatch(/lower learning rate/);
    }
  });

  it("keeps no checkpoint whose last update made it no numbers, though the loss before was one", async () => {
    const out = temporaryFolder();
    const wild = { epochs: 1, batch: 8, optimizer: "sgd", learningRate: 1e38, warmup: 0, weightDecay: 1e4 } as const;
    await using trainer = await Trainer.create(network, data, wild, { threads: 1, out });
    // After the first step.
    trainer.requestStop();
    const run = async () => {
      for await (const _epoch of trainer);
    };
    expect(await refusal(run())).toBe("the weights became infinite in epoch 1; use a lower learning rate than 1e+38");
    expect(existsSync(join(out, "checkpoint.safetensors"))).toBe(false);
  });

  it("learns to tell stripes apart that it never saw, in seconds", async () => {
    const { records } = await trainTiny({
      description: rbnet8({ classes: 3, size: 16 }),
      dataset: stripes(),
      settings: { epochs: 4, batch: 16, learningRate: 0.01, warmup: 0.5 },
    });
    expect(records.at(-1)?.validation?.top1).toBeGreaterThan(0.9);
    expect(records.at(-1)?.trainLoss).toBeLessThan(0.2);
  });

  it("takes a lower rate where the network is wide and nobody has said one", async () => {
    const rate = async (width: number) => {
      const settings = { epochs: 1, batch: 8, warmup: 0, schedule: "constant" } as const;
      const { records } = await trainTiny({ description: rbnet8({ classes: 10, width, size: 16 }), settings });
      return records[0]?.learningRate;
    };
    expect([await rate(0.5), await rate(1.25)]).toEqual([0.01, 0.0089]);
  });

  it("learns sixty shapes by heart, and its deployed form knows them too", async () => {
    const dataset = shapes({ train: 60, validation: 0, test: 0, size: 16 });
    const description = rbnet8({ classes: 10, size: 16 });
    const settings = { epochs: 40, batch: 10, learningRate: 0.01, warmup: 0.5 };
    await using trainer = await Trainer.create(description, dataset, settings, { threads: 1 });
    for await (const _epoch of trainer);
    expect((await trainer.evaluate(dataset.train)).top1).toBeGreaterThan(0.9);
  });
});

/** Upright, level and slanted stripes at a random place, in noise. */
function stripes(): Dataset {
  const side = 16;
  const draw = (count: number, seed: number): DecodedPart => {
    const random = new Random(seed);
    const pixels = sharedPixels(count, side);
    const labels = Uint16Array.from({ length: count }, (_, image) => image % 3);
    for (let image = 0; image < count; image++) {
      const phase = random.integer(8);
      for (let at = 0; at < side * side * 3; at++) {
        const [x, y] = [Math.floor(at / 3) % side, Math.floor(at / 3 / side)];
        const across = [x, y, x + y][labels[image]!]!;
        pixels[image * side * side * 3 + at] = ((across + phase) % 8 < 4 ? 120 : 60) + random.integer(60);
      }
    }
    return { pixels, labels };
  };
  const parts = {
    name: "stripes",
    classes: ["upright", "level", "slanted"],
    size: side,
    test: undefined,
    mirroring: { allowed: false, reason: "slanted stripes lean to one side" },
    format: "stripes",
    places: { train: "drawn", validation: "drawn", test: undefined },
    stored: [side, side],
  } as const;
  return memoryDataset({ ...parts, train: draw(240, 1), validation: draw(60, 2) }, 0, 0);
}

describe("a run refuses", () => {
  it.each<[TrainingSettings, RegExp]>([
    [{ epochs: 0 }, /training setting epochs is 0, which cannot be used/],
    [{ epochs: 1.5 }, /epochs is 1\.5/],
    [{ batch: 0 }, /batch is 0/],
    [{ learningRate: -1 }, /learningRate is -1/],
    [{ labelSmoothing: 1 }, /labelSmoothing is 1/],
    [{ schedule: "cyclic" } as unknown as TrainingSettings, /schedule is "cyclic"/],
    [{ augmentation: { flip: 1 } } as unknown as TrainingSettings, /augmentation\.flip is 1/],
    [{ speed: 9 } as unknown as TrainingSettings, /Unrecognized key.*speed/],
    [{ batch: 51 }, /batch of 51 is larger than the 50 training images/],
    [{ batch: 8, augmentation: { cutout: 17 } }, /cutout of 17/],
  ])("settings that cannot be used: %j", async (wrong, sentence) => {
    expect(await refusal(trainTiny({ settings: wrong }))).toMatch(sentence);
  });

  it("a network of other classes or another size than the data", async () => {
    expect(await refusal(trainTiny({ description: rbnet8({ classes: 9, size: 16 }) }))).toMatch(
      /network has 9 classes, the data 10/,
    );
    expect(await refusal(trainTiny({ description: rbnet8({ classes: 10, size: 32 }) }))).toMatch(
      /takes 32 x 32 images, the data are 16 x 16/,
    );
  });
});
