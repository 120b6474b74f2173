/** Flags as settings: what the data decide where nothing is said, and what is said wins. */
import { describe, expect, it } from "vitest";
import { readSettings, settingsFor, type TrainingFlags } from "#rbnet/cli/training-flags";
import type { Dataset } from "#rbnet/data/dataset";
import { shapes } from "#rbnet/data/shapes/shapes";
import { rbnet8, rbnet18 } from "#rbnet/networks/rbnet";

const small = shapes({ train: 40, validation: 0, test: 0, size: 32 });
const large = shapes({ train: 10, validation: 0, test: 0, size: 64 });
const resized = (smallest: number) => ({ kind: "resized", scale: [smallest, 1], ratio: [3 / 4, 4 / 3] });

function settingsOf(flags: TrainingFlags, data: Dataset, description = rbnet8({ classes: 10 })) {
  return settingsFor(readSettings(flags), data, description);
}

describe("the settings of a run", () => {
  it("move and mirror small images, crop and mirror large ones", () => {
    expect(settingsOf({}, small).augmentation).toEqual({ flip: true, crop: { kind: "pad", padding: 4 } });
    expect(settingsOf({}, large).augmentation).toEqual({ flip: true, crop: resized(0.08) });
  });

  it("do not mirror digits and the like, unless told to", () => {
    const digits = { ...small, mirroring: { allowed: false, reason: "these are digits" } };
    expect(settingsOf({}, digits).augmentation.flip).toBe(false);
    expect(settingsOf({ flip: true }, digits).augmentation.flip).toBe(true);
    expect(settingsOf({ flip: false }, small).augmentation.flip).toBe(false);
  });

  it("learn at a lower rate and in smaller batches from a trained network, unless told otherwise", () => {
    const many = shapes({ train: 420, validation: 0, test: 0, size: 32 });
    const of = (flags: TrainingFlags, data: Dataset) => {
      const { batch, learningRate } = settingsOf(flags, data);
      return { batch, learningRate };
    };
    expect(of({ from: "run" }, small)).toEqual({ batch: 16, learningRate: 3e-3 });
    expect(of({ from: "run" }, many)).toEqual({ batch: 16, learningRate: 3e-3 });
    expect(of({ from: "run" }, { ...many, train: { ...many.train, count: 1_000 } })).toEqual({ batch: 32, learningRate: 3e-3 });
    expect(of({ from: "run" }, { ...many, train: { ...many.train, count: 50_000 } })).toEqual({ batch: 64, learningRate: 3e-3 });
    expect(of({ from: "run", batch: 8, learningRate: 0.02 }, many)).toEqual({ batch: 8, learningRate: 0.02 });
    expect(of({}, many)).toEqual({ batch: 16, learningRate: 1e-2 });
    expect(of({}, { ...many, train: { ...many.train, count: 10 } }).batch).toBe(8);
    expect(of({}, { ...many, train: { ...many.train, count: 1_600 } }).batch).toBe(64);
  });

  it("learn at a lower rate the wider the network is, by Adam, unless told otherwise", () => {
    const rate = (width: number, flags: TrainingFlags = {}) =>
      settingsOf(flags, small, rbnet8({ classes: 10, width })).learningRate;
    expect([0.5, 1, 2, 2.75].map((width) => rate(width))).toEqual([0.01, 0.01, 0.0071, 0.006]);
    expect(settingsOf({}, large, rbnet18({ classes: 10 })).learningRate).toBe(0.005);
    expect(settingsOf({ recipe: "two-stage" }, large, rbnet18({ classes: 10 })).learningRate).toBe(0.005);
    expect([rate(2, { optimizer: "sgd" }), rate(2, { learningRate: 0.02 }), rate(2, { from: "run" })]).toEqual([
      0.01, 0.02, 0.003,
    ]);
  });

  it("balance lopsided classes in one way, and not where a teacher's part is all of the loss", () => {
    expect(settingsOf({ classWeights: "balanced" }, small).classWeights).toBe("balanced");
    expect(settingsOf({ sampler: "balanced" }, small).sampler).toBe("balanced");
    const taught = { classWeights: "balanced", teacher: "run" } as const;
    expect(settingsOf({ ...taught, teacherWeight: 0.5 }, small).classWeights).toBe("balanced");
    expect(() => readSettings(taught)).toThrow(
      "--class-weights cannot be balanced: it weighs the labels' part of the loss, and all of the loss is the teacher's; " +
        "give the teacher a weight below 1",
    );
    expect(() => readSettings({ classWeights: "balanced", sampler: "balanced" })).toThrow(
      "--sampler cannot be balanced: class weights balance the classes already; choose one of the two",
    );
  });

  it("train longer where images are few, unless from a trained network or told otherwise", () => {
    const epochsOf = (flags: TrainingFlags, count: number): number =>
      settingsOf(flags, { ...small, train: { ...small.train, count } }).epochs;
    expect([40, 108, 200, 400, 50_000].map((count) => epochsOf({}, count))).toEqual([120, 120, 60, 30, 30]);
    expect(epochsOf({ batch: 64 }, 700)).toBe(72);
    expect([epochsOf({ from: "run" }, 40), epochsOf({ epochs: 7 }, 40)]).toEqual([30, 7]);
  });

  it("take what the flags say", () => {
    const { augmentation, epochs, learningRate, seed } = settingsOf(
      { epochs: 7, learningRate: 0.5, seed: 3, randomResizedCrop: 0.5, colorJitter: 0.4, cutout: 8 },
      small,
    );
    expect({ epochs, learningRate, seed }).toEqual({ epochs: 7, learningRate: 0.5, seed: 3 });
    expect(augmentation).toEqual({
      flip: true,
      crop: resized(0.5),
      colorJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4 },
      cutout: 8,
    });
    expect(settingsOf({ randomResizedCrop: true }, small).augmentation.crop).toEqual(resized(0.08));
  });

  it("take a teacher, and no word on one that is not there", () => {
    const { distill } = settingsOf({ teacher: "teacher.onnx", teacherWeight: 0.5, teacherPixels: "unit" }, small);
    expect(distill).toEqual({ teacher: "teacher.onnx", weight: 0.5, temperature: 1, attention: 0, pixels: "unit" });
    expect(settingsOf({}, small).distill).toBeUndefined();
    const refusal = (flags: object) => () => settingsOf(flags, small);
    expect(refusal({ teacherTemperature: 4 })).toThrow(/--teacher-temperature cannot be used here: there is no teacher/);
    expect(refusal({ teacher: "a.onnx", teacherWeight: 2 })).toThrow(/--teacher-weight cannot be 2: it must be at most 1/);
    expect(settingsOf({ teacher: "a", teacherChain: true, stages: 2 }, small).distill).toMatchObject({ chain: true });
    const progressive = { recipe: "progressive", teacher: "a" };
    expect(settingsOf(progressive, small).distill).toMatchObject({ chain: true });
    expect(settingsOf({ ...progressive, teacherChain: false }, small).distill).toMatchObject({ chain: false });
    expect(refusal({ teacher: "a", teacherChain: true })).toThrow(
      /^--teacher-chain cannot be true: it leads from the first of two stages to the second, and there is one only$/,
    );
    expect(refusal({ teacher: "" })).toThrow(/--teacher cannot be/);
  });

  it("take views in a teacher's place, and nothing that their teacher has not seen", () => {
    expect(settingsOf({ views: "v", teacherEndWeight: 0 }, small).distill).toMatchObject({ views: "v", weight: 1, endWeight: 0 });
    const refusal = (flags: object) => () => settingsOf(flags, small);
    expect(refusal({ views: "v", teacher: "a" })).toThrow(/^--teacher and --views exclude each other; give one of them$/);
    expect(refusal({ views: "v", mixup: 0.2 })).toThrow(/^--mixup cannot be 0.2: views hold what a teacher has said of images/);
    expect(refusal({ views: "v", colorJitter: 0.2 })).toThrow(/^--color-jitter cannot be: views hold/);
    expect(refusal({ views: "v", teacherAttention: 1 })).toThrow(/^--teacher-attention cannot be 1: views hold/);
    expect(refusal({ views: "v", teacherPixels: "unit" })).toThrow(/^--teacher-pixels cannot be unit: views hold/);
    expect(refusal({ views: "v", teacherEndWeight: 2 })).toThrow(/^--teacher-end-weight cannot be 2: it must be at most 1/);
    expect(refusal({ teacherEndWeight: 0.5 })).toThrow(/--teacher-end-weight cannot be used here: there is no teacher/);
  });

  it("take two stages, and no word on how to divide one", () => {
    const { stages, firstStageEpochs, epochs } = settingsOf({ stages: 2, epochs: 9, firstStageEpochs: 3 }, small);
    expect({ stages, firstStageEpochs, epochs }).toEqual({ stages: 2, firstStageEpochs: 3, epochs: 9 });
    expect("stages" in settingsOf({}, small)).toBe(false);
    const refusal = (flags: object) => () => settingsOf(flags, small);
    expect(refusal({ stages: 3 })).toThrow("--stages cannot be 3: it must be at most 2");
    expect(refusal({ stages: 2, epochs: 1 })).toThrow("--epochs cannot be 1: two stages need at least two epochs");
    expect(refusal({ stages: 2, firstStageEpochs: 30 })).toThrow(
      /--first-stage-epochs cannot be 30: it must be below the 30 epochs/,
    );
    expect(refusal({ firstStageEpochs: 3 })).toThrow(/--first-stage-epochs cannot be 3: it divides two stages, and there is one/);
  });

  it("have a batch that the data can fill, unless a larger one was asked for", () => {
    expect(settingsOf({}, small).batch).toBe(16);
    expect(settingsOf({ batch: 100 }, small).batch).toBe(100);
  });
});
