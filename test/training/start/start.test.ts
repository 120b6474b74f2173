/** Training from a trained network: what is taken over, what stays, that it goes on to the bit, and what is refused. */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import type { Dataset } from "#rbnet/data/dataset";
import { readModelFile, writeModelFile } from "#rbnet/deploy/model-file";
import { rbnet8 } from "#rbnet/networks/rbnet";
import { resnet20 } from "#rbnet/networks/resnet";
import type { Operation } from "#rbnet/runtime/operations";
import type { TrainingSettings } from "#rbnet/training/settings/options";
import { Trainer } from "#rbnet/training/trainer";
import { temporaryFolder } from "../../temporary-folder.js";
import { bitsOf, data, differences, expectContinued, network, readStored, refusal, settings, trainTiny } from "../tiny-runs.js";

/** Of the last of its epochs; `averaged` kept a moving average, whose network is what shipped. */
const starts = { plain: "", averaged: "", firstStage: "" };
const brief: TrainingSettings = { ...settings, average: 0, epochs: 1 };
/** The same pictures under other names, with statistics of their own. */
const others: Dataset = { ...data, classes: data.classes.map((name) => `other ${name}`), mean: [0.4, 0.4, 0.4] };

beforeAll(async () => {
  const dataset = { ...data, validation: undefined };
  for (const name of ["plain", "averaged", "firstStage"] as const) {
    starts[name] = temporaryFolder();
    const own = name === "averaged" ? { ...settings, epochs: 2 } : { ...settings, average: 0, epochs: 2 };
    if (name === "firstStage") await trainTiny({ out: starts[name], settings: { ...own, stages: 2 }, dataset, stopAfter: 4 });
    else await trainTiny({ out: starts[name], settings: own, dataset });
  }
});

const modelIn = (folder: string): string => join(folder, "model.safetensors");

/** The folded network of a run that has not begun yet, and of the start's model. */
async function beginning(own: TrainingSettings, dataset: Dataset = data): Promise<readonly Operation[]> {
  await using trainer = await Trainer.create(network, dataset, own, { threads: 1 });
  return trainer.network.fold();
}

/** By operation, where two networks are not the same bits. */
function changedOperations(one: readonly Operation[], other: readonly Operation[]): readonly string[] {
  return one.flatMap((operation, index) => (isDeepStrictEqual(operation, other[index]) ? [] : [operation.name]));
}

describe("a run from a checkpoint", () => {
  it.each(["plain", "averaged"] as const)(
    "begins with the network that shipped, to the bit, its classifier included: %s",
    async (name) => {
      const { operations } = await readModelFile(modelIn(starts[name]));
      expect(changedOperations(await beginning({ ...brief, from: starts[name] }), operations)).toEqual([]);
    },
  );

  it("has a new classifier for other classes, or the same in another order, and nothing else new", async () => {
    const { operations } = await readModelFile(modelIn(starts.plain));
    const reversed = { ...data, classes: [...data.classes].reverse() };
    for (const dataset of [others, reversed])
      expect(changedOperations(await beginning({ ...brief, from: starts.plain }, dataset), operations)).toEqual(["classifier"]);
  });

  it("sees pixels as the start did, and ships that", async () => {
    const out = temporaryFolder();
    await trainTiny({ out, settings: { ...brief, from: starts.plain }, dataset: others });
    const { mean, standardDeviation, classes } = await readModelFile(modelIn(out));
    expect({ mean, standardDeviation }).toEqual({ mean: data.mean, standardDeviation: data.standardDeviation });
    expect(classes).toEqual(others.classes);
  });

  it("of a first stage takes over its real weights, whose statistics the first batch replaces", async () => {
    const { tensors } = readStored(starts.firstStage, "checkpoint");
    const own = { ...brief, batch: 32, from: starts.firstStage };
    await using trainer = await Trainer.create(network, data, own, { threads: 1 });
    const { backend, network: built } = trainer;
    for (const { name, value } of built.parameters)
      expect(Array.from(await backend.read(value)), name).toEqual(Array.from(tensors.get(name)!.data));
    for await (const _epoch of trainer);
    // The epoch has one step: the means of sums of signs over 32 images with 16 windows each, and nothing of what was there before.
    const mean = built.states.find(({ name }) => name === "stage1.unit1.normalization.running_mean")!;
    for (const value of await backend.read(mean.value)) expect(Number.isInteger(value * 32 * 16), `${value}`).toBe(true);
  });
});

describe("a run from a model file", () => {
  it("begins with its network: the same bits, and numbers to float32's rounding", async () => {
    const { operations } = await readModelFile(modelIn(starts.plain));
    const found = await beginning({ ...brief, from: modelIn(starts.plain) });
    for (const [index, operation] of operations.entries()) {
      const own = found[index]!;
      if (operation.kind === "binaryConvolution")
        expect(own).toMatchObject({ weights: operation.weights, threshold: operation.threshold });
      if (!("epilogue" in operation) || !("epilogue" in own)) continue;
      for (const part of ["scale", "bias"] as const)
        for (const [n, value] of operation.epilogue[part].entries())
          expect(Math.abs(own.epilogue[part][n]! - value), `${operation.name} ${part}`).toBeLessThan(2e-5);
    }
  });

  it("gives latent weights the magnitudes of a new network, in the model's signs", async () => {
    await using fresh = await Trainer.create(network, data, brief, { threads: 1 });
    await using trainer = await Trainer.create(network, data, { ...brief, from: modelIn(starts.plain) }, { threads: 1 });
    const latentOf = async ({ backend, network: { parameters } }: Trainer) => {
      const { value } = parameters.find(({ name }) => name === "stage1.unit1.latent")!;
      return Array.from(await backend.read(value));
    };
    const [own, random] = [await latentOf(trainer), await latentOf(fresh)];
    expect(own.map(Math.abs)).toEqual(random.map(Math.abs));
    expect(own).not.toEqual(random);
  });

  it("takes a float16 model, and the folder of a run without a checkpoint", async () => {
    const folder = temporaryFolder();
    await writeModelFile(modelIn(folder), await readModelFile(modelIn(starts.plain)), "float16");
    const { records } = await trainTiny({ settings: { ...brief, from: folder }, dataset: others });
    expect(records).toHaveLength(1);
  });
});

describe("freeze", () => {
  /** Names of the operations that training has changed. */
  async function trainedIn(own: TrainingSettings): Promise<readonly string[]> {
    const whole = { ...brief, average: 0.9, ...own };
    const initial = await beginning(whole, others);
    const out = temporaryFolder();
    await trainTiny({ out, settings: whole, dataset: { ...others, validation: undefined } });
    return changedOperations(initial, (await readModelFile(modelIn(out))).operations);
  }

  it.each(["checkpoint", "model"])("body: all but the classifier keeps its bits, averages included; from a %s", async (kind) => {
    const from = kind === "model" ? modelIn(starts.plain) : starts.plain;
    expect(await trainedIn({ from, freeze: "body" })).toEqual(["classifier"]);
  });

  it("a stage: what comes before its end keeps its bits, the rest learns", async () => {
    const trained = await trainedIn({ from: starts.plain, freeze: "stage2" });
    expect(trained).toEqual(["stage3.unit1.shortcut", "stage3.unit1", "stage3.unit2", "classifier"]);
  });

  it("binary: no sign of a weight changes, and all real parameters learn", async () => {
    const own = { ...brief, from: starts.plain, freeze: "binary" };
    const out = temporaryFolder();
    const { records } = await trainTiny({ out, settings: own, dataset: others });
    const initial = await beginning(own, others);
    const { operations } = await readModelFile(modelIn(out));
    expect(changedOperations(initial, operations).length).toBeGreaterThan(8);
    for (const [index, operation] of operations.entries())
      if (operation.kind === "binaryConvolution") expect(operation.weights).toEqual((initial[index] as typeof operation).weights);
    expect(records[0]!.flipRatio).toEqual({});
  });

  it("names what there is where a network has no such part", async () => {
    expect(await refusal(trainTiny({ settings: { ...brief, from: starts.plain, freeze: "stage4" } }))).toBe(
      "rbnet8 has no stage4 that could be frozen; its stages are stage1, stage2, stage3",
    );
    const real = resnet20({ classes: 10, width: 0.25, size: 16 });
    const out = temporaryFolder();
    await trainTiny({ out, description: real, settings: brief });
    expect(await refusal(trainTiny({ description: real, settings: { ...brief, from: out, freeze: "binary" } }))).toMatch(
      /resnet20 has no binary weights/,
    );
    expect(await refusal(trainTiny({ settings: { ...brief, from: starts.firstStage, freeze: "body" } }))).toMatch(
      /in the first of two stages, with real weights .* cannot stay/,
    );
  });

  it("is refused without a start, with two stages, and of what nobody knows", async () => {
    expect(await refusal(trainTiny({ settings: { ...brief, freeze: "body" } }))).toMatch(/freeze is "body".*there is none/);
    const twice = { ...brief, epochs: 2, stages: 2, from: starts.plain, freeze: "body" };
    expect(await refusal(trainTiny({ settings: twice }))).toMatch(/train in one stage/);
    expect(await refusal(trainTiny({ settings: { ...brief, from: starts.plain, freeze: "half" } }))).toMatch(
      /freeze is "half".*expected body, binary, or the name of a stage/,
    );
  });
});

describe("a run that was started from another", () => {
  it.each([undefined, "body", "binary"])("goes on to the bit; freeze %s", async (freeze) => {
    const own = { ...settings, epochs: 2, from: modelIn(starts.plain), ...(freeze === undefined ? {} : { freeze }) };
    await expectContinued(own, 4);
  });

  it("gives the same bits on any number of threads", async () => {
    const folders = [1, 2].map((threads) => ({ threads, out: temporaryFolder() }));
    for (const { threads, out } of folders)
      await trainTiny({ out, threads, settings: { ...brief, from: modelIn(starts.plain) } });
    expect(differences(bitsOf(folders[0]!.out), bitsOf(folders[1]!.out))).toEqual([]);
  });

  it("is resumed with the start that it began with, or not at all", async () => {
    const [from, out] = [temporaryFolder(), temporaryFolder()];
    cpSync(starts.plain, from, { recursive: true });
    const own = { ...brief, from };
    await trainTiny({ out, settings: own, stopAfter: 2 });
    rmSync(from, { recursive: true });
    cpSync(starts.averaged, from, { recursive: true });
    expect(await refusal(trainTiny({ out, settings: own, resume: true }))).toMatch(/is of a run from another start \(sha256 /);
    expect(await refusal(trainTiny({ out, settings: brief, resume: true }))).toMatch(/of other settings \(from .* absent now\)/);
  });
});

describe("a start", () => {
  it("of another network or another size is refused", async () => {
    const wider = rbnet8({ classes: 10, width: 1, size: 16 });
    for (const from of [starts.plain, modelIn(starts.plain)])
      expect(await refusal(trainTiny({ description: wider, settings: { ...brief, from } }))).toMatch(
        /another network than the run's rbnet8 \(width is 0\.5 there, 1 here\)/,
      );
    const varied = { ...network, activation: "prelu" } as typeof network;
    expect(await refusal(trainTiny({ description: varied, settings: { ...brief, from: modelIn(starts.plain) } }))).toMatch(
      /cannot be unfolded into rbnet8: where the model has .*balanced.* the network has .*prelu/,
    );
    const larger = rbnet8({ classes: 10, width: 0.5, size: 32 });
    expect(
      await refusal(
        trainTiny({ description: larger, dataset: { ...data, size: 32 }, settings: { ...brief, from: starts.plain } }),
      ),
    ).toMatch(/takes 16 x 16 images, and the run's network 32 x 32/);
  });

  it("that is not there, or no network, is refused", async () => {
    const nowhere = join(temporaryFolder(), "nowhere");
    expect(await refusal(trainTiny({ settings: { ...brief, from: nowhere } }))).toMatch(
      /cannot read the start .*rbnet20-cifar10/,
    );
    expect(await refusal(trainTiny({ settings: { ...brief, from: temporaryFolder() } }))).toMatch(
      /cannot read the start .*ENOENT/,
    );
    expect(await refusal(trainTiny({ settings: { ...brief, from: new URL(import.meta.url).pathname } }))).toMatch(/safetensors/);
  });
});
