/**
 * Two stages: what the second takes over from the first and what it forgets, what ships, and that neither threads nor a stop
 * change a bit.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { resnet20 } from "#rbnet/networks/resnet";
import { encodeModel } from "#rbnet/runtime/model";
import { summarizeNetwork } from "#rbnet/training/costs/memory";
import { stageAt, trainingStages } from "#rbnet/training/stage/stages";
import { Trainer } from "#rbnet/training/trainer";
import { training } from "../../networks/tiny.js";
import { temporaryFolder } from "../../temporary-folder.js";
import { data, expectContinued, network, readStored, refusal, STEPS_PER_EPOCH, settings, trainTiny } from "../tiny-runs.js";

const twoStages = { ...settings, epochs: 4, stages: 2, firstStageEpochs: 2 };
const BORDER = 2 * STEPS_PER_EPOCH;

describe("stages", () => {
  it("share the epochs as asked, or by halves", () => {
    const spans = (chosen: Parameters<typeof trainingStages>[0]) =>
      trainingStages(chosen).map(({ firstEpoch, epochs }) => [firstEpoch, epochs]);
    expect(spans({ epochs: 5 })).toEqual([[0, 5]]);
    expect(spans({ epochs: 5, stages: 2 })).toEqual([
      [0, 2],
      [2, 3],
    ]);
    expect(spans({ epochs: 5, stages: 2, firstStageEpochs: 4 })).toEqual([
      [0, 4],
      [4, 1],
    ]);
    expect([0, 1, 2, 4, 5].map((epoch) => stageAt({ epochs: 5, stages: 2 }, epoch).number)).toEqual([1, 1, 2, 2, 2]);
  });

  it("that cannot be are refused in a sentence", async () => {
    const refused = (own: object, description = network) =>
      refusal(trainTiny({ settings: { ...settings, ...own }, description }));
    expect(await refused({ firstStageEpochs: 1 })).toMatch(/firstStageEpochs is 1, .*there is one only/);
    expect(await refused({ stages: 2, firstStageEpochs: 3 })).toMatch(/firstStageEpochs is 3, .*below the 3 epochs/);
    expect(await refused({ stages: 2, epochs: 1 })).toMatch(/epochs is 1, .*at least two epochs/);
    expect(await refused({ stages: 3 })).toMatch(/stages is 3/);
    const full = resnet20({ classes: 10, width: 0.5, size: 16 });
    expect(await refused({ stages: 2 }, full)).toMatch(/resnet20 has no binary weights.*one stage/);
  });
});

describe("the second stage", () => {
  it("leaves alone what others have on the backend, and a run gives back its memory", async () => {
    using backend = await createWasmBackend({ threads: 1 });
    const { bytes } = backend.memory;
    const others = Float32Array.from({ length: 1000 }, (_, index) => index);
    {
      await using trainer = await Trainer.create(network, data, { ...twoStages, epochs: 2, firstStageEpochs: 1 }, { backend });
      const tensor = backend.allocate("float32", [others.length]);
      backend.write(tensor, others);
      for await (const _epoch of trainer);
      expect(await backend.read(tensor)).toEqual(others);
    }
    expect(backend.memory.bytes).toBeGreaterThan(bytes);
    const alone = backend.memory.bytes;
    {
      await using trainer = await Trainer.create(network, data, twoStages, { backend });
      expect(trainer.startEpoch).toBe(1);
    }
    expect(backend.memory.bytes).toBe(alone);
  });

  it("starts from every parameter as the first left it, with statistics of its own from the first batch on", async () => {
    const out = temporaryFolder();
    await trainTiny({ out, settings: twoStages, stopAfter: BORDER });
    const left = readStored(out, "checkpoint").tensors;

    using wasm = await createWasmBackend({ threads: 1 });
    const taken = new Map<string, ArrayLike<number>>();
    const momenta: number[] = [];
    const reads: Promise<unknown>[] = [];
    let parameters = (): Trainer["network"]["parameters"] => [];
    const watching = Object.assign(Object.create(wasm) as typeof wasm, {
      binarizeWeights(...call: Parameters<typeof wasm.binarizeWeights>) {
        if (reads.length === 0)
          for (const { name, value } of parameters()) reads.push(wasm.read(value).then((values) => taken.set(name, values)));
        wasm.binarizeWeights(...call);
      },
      normalizationForward(...call: Parameters<typeof wasm.normalizationForward>) {
        momenta.push(call[2].momentum);
        wasm.normalizationForward(...call);
      },
    });
    await using trainer = await Trainer.create(network, data, twoStages, {
      backend: watching,
      out,
      resume: true,
      // Said when the second step is under way, which is finished.
      onStep: ({ step }) => step === 1 && trainer.requestStop(),
    });
    parameters = () => trainer.network.parameters;
    for await (const _epoch of trainer);
    await Promise.all(reads);
    expect(taken.size).toBeGreaterThan(20);
    for (const [name, values] of taken) expect(values, name).toEqual(left.get(name)?.data);
    const perStep = momenta.length / 2;
    expect(new Set(momenta.slice(0, perStep))).toEqual(new Set([1]));
    expect(new Set(momenta.slice(perStep))).toEqual(new Set([0.1]));
  });

  it("has a whole schedule and fresh moments, as the first has", async () => {
    const out = temporaryFolder();
    const { records } = await trainTiny({ out, settings: twoStages });
    const alone = await trainTiny({ settings: { ...settings, epochs: 2 } });
    const rates = alone.records.map(({ learningRate }) => learningRate);
    expect(records.map(({ learningRate }) => learningRate)).toEqual([...rates, ...rates]);
    expect(records.map(({ stage }) => stage)).toEqual([1, 1, 2, 2]);
    expect(alone.records.some((record) => "stage" in record)).toBe(false);
  });

  it("forgets the first one's moments and averages", async () => {
    const out = temporaryFolder();
    const stored = () => {
      const { tensors } = readStored(out, "checkpoint");
      return (name: string) => Array.from(tensors.get(`classifier.weights${name}`)!.data);
    };
    await trainTiny({ out, settings: twoStages, stopAfter: BORDER });
    const left = stored();
    // A single step.
    await using trainer = await Trainer.create(network, data, twoStages, { threads: 1, out, resume: true });
    trainer.requestStop();
    for await (const _epoch of trainer);
    const begun = stored();
    // Adam's moments of one gradient g are 0.1 g and 0.001 g^2.
    const squares = begun(".first_moment").map((moment) => 0.001 * (moment / 0.1) ** 2);
    for (const [i, square] of begun(".second_moment").entries()) expect(square / squares[i]).toBeCloseTo(1, 4);
    const weights = begun("");
    for (const [i, average] of begun(".average").entries())
      expect(average).toBeCloseTo((2 * left("")[i] + 9 * weights[i]) / 11, 6);
  });

  it("alone makes a network that ships", async () => {
    const out = temporaryFolder();
    const first = await trainTiny({ out, settings: twoStages, stopAfter: BORDER });
    expect(first.records.every(({ validation }) => validation !== undefined)).toBe(true);
    expect(first.bestEpoch).toBe(0);
    expect(existsSync(join(out, "model.safetensors"))).toBe(false);
    expect((await trainTiny({ out, settings: twoStages, resume: true })).bestEpoch).toBeGreaterThan(2);
    expect(readStored(out, "model").metadata.format).toBe("rbnet-model");
    const real = training(createReferenceBackend(), network, 2, 1, "real").network;
    const model = { network, classes: data.classes, size: 16, mean: data.mean, standardDeviation: data.standardDeviation };
    const operations = await real.fold();
    expect(() => encodeModel({ ...model, operations })).toThrow(/not binary yet/);
  });

  it("alone has patience to lose", async () => {
    const patient = { ...twoStages, epochs: 9, firstStageEpochs: 4, learningRate: 1e-12, average: 0, patience: 2 };
    const { records, bestEpoch } = await trainTiny({ settings: patient });
    expect(bestEpoch).toBeGreaterThan(4);
    expect(records.length).toBe(Math.min(9, bestEpoch + 2));
  });
});

describe("a run of two stages", () => {
  // In the first stage, on its last step, after the second's first step, and in the second.
  const stops = [3, BORDER, BORDER + 1, BORDER + STEPS_PER_EPOCH + 2];

  it.each(stops)("continues as if never stopped when stopped after step %i and resumed on more threads", (stopAfter) =>
    expectContinued(twoStages, stopAfter),
  );

  it("takes the memory that was said before it, but for the kernels' work space", async () => {
    using wasm = await createWasmBackend({ threads: 1 });
    const short = { epochs: 2, batch: 8, stages: 2 };
    const { trainingBytes } = await summarizeNetwork(network, 8, short);
    expect(trainingBytes).toBeGreaterThan((await summarizeNetwork(network, 8)).trainingBytes);
    await trainTiny({ backend: wasm, dataset: { ...data, validation: undefined }, settings: short });
    expect(wasm.memory.peakBytes).toBeGreaterThanOrEqual(trainingBytes);
    expect(wasm.memory.peakBytes).toBeLessThan(trainingBytes + 2e6);
  });
});
