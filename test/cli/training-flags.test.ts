/** Flags as settings: what the data decide where nothing is said, and what is said wins. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { settingsFor } from "#rbnet/cli/training-flags";
import { shapes } from "#rbnet/data/shapes/shapes";
import { temporaryFolder } from "../temporary-folder.js";

const small = shapes({ train: 40, validation: 0, test: 0, size: 32 });
const large = shapes({ train: 10, validation: 0, test: 0, size: 64 });
const resized = (smallest: number) => ({ kind: "resized", scale: [smallest, 1], ratio: [3 / 4, 4 / 3] });

describe("the settings of a run", () => {
  it("move and mirror small images, crop and mirror large ones", () => {
    expect(settingsFor({}, small, undefined).augmentation).toEqual({ flip: true, crop: { kind: "pad", padding: 4 } });
    expect(settingsFor({}, large, undefined).augmentation).toEqual({ flip: true, crop: resized(0.08) });
  });

  it("do not mirror IDX data, unless told to", () => {
    const folder = temporaryFolder();
    for (const name of ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"]) writeFileSync(join(folder, name), "");
    expect(settingsFor({}, small, folder).augmentation.flip).toBe(false);
    expect(settingsFor({ flip: true }, small, folder).augmentation.flip).toBe(true);
    expect(settingsFor({ flip: false }, small, undefined).augmentation.flip).toBe(false);
  });

  it("take what the flags say", () => {
    const { augmentation, epochs, learningRate, seed } = settingsFor(
      { epochs: 7, learningRate: 0.5, seed: 3, randomResizedCrop: 0.5, colorJitter: 0.4, cutout: 8 },
      small,
      undefined,
    );
    expect({ epochs, learningRate, seed }).toEqual({ epochs: 7, learningRate: 0.5, seed: 3 });
    expect(augmentation).toEqual({
      flip: true,
      crop: resized(0.5),
      colorJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4 },
      cutout: 8,
    });
    expect(settingsFor({ randomResizedCrop: true }, small, undefined).augmentation.crop).toEqual(resized(0.08));
  });

  it("take a teacher, and no word on one that is not there", () => {
    const { distill } = settingsFor({ teacher: "teacher.onnx", teacherWeight: 0.5, teacherPixels: "unit" }, small, undefined);
    expect(distill).toEqual({ teacher: "teacher.onnx", weight: 0.5, temperature: 1, attention: 0, pixels: "unit" });
    expect(settingsFor({}, small, undefined).distill).toBeUndefined();
    const refusal = (flags: object) => () => settingsFor(flags, small, undefined);
    expect(refusal({ teacherTemperature: 4 })).toThrow(/--teacher-temperature cannot be used here: there is no teacher/);
    expect(refusal({ teacher: "a.onnx", teacherWeight: 2 })).toThrow(/--teacher-weight cannot be 2: it must be at most 1/);
    expect(settingsFor({ teacher: "a", teacherChain: true, stages: 2 }, small, undefined).distill).toMatchObject({ chain: true });
    const progressive = { recipe: "progressive", teacher: "a" };
    expect(settingsFor(progressive, small, undefined).distill).toMatchObject({ chain: true });
    expect(settingsFor({ ...progressive, teacherChain: false }, small, undefined).distill).toMatchObject({ chain: false });
    expect(refusal({ teacher: "a", teacherChain: true })).toThrow(
      /^--teacher-chain cannot be true: it leads from the first of two stages to the second, and there is one only$/,
    );
    expect(refusal({ teacher: "" })).toThrow(/--teacher cannot be/);
  });

  it("take two stages, and no word on how to divide one", () => {
    const { stages, firstStageEpochs, epochs } = settingsFor({ stages: 2, epochs: 9, firstStageEpochs: 3 }, small, undefined);
    expect({ stages, firstStageEpochs, epochs }).toEqual({ stages: 2, firstStageEpochs: 3, epochs: 9 });
    expect("stages" in settingsFor({}, small, undefined)).toBe(false);
    const refusal = (flags: object) => () => settingsFor(flags, small, undefined);
    expect(refusal({ stages: 3 })).toThrow("--stages cannot be 3: it must be at most 2");
    expect(refusal({ stages: 2, epochs: 1 })).toThrow("--epochs cannot be 1: two stages need at least two epochs");
    expect(refusal({ stages: 2, firstStageEpochs: 30 })).toThrow(
      /--first-stage-epochs cannot be 30: it must be below the 30 epochs/,
    );
    expect(refusal({ firstStageEpochs: 3 })).toThrow(/--first-stage-epochs cannot be 3: it divides two stages, and there is one/);
  });

  it("have a batch that the data can fill, unless a larger one was asked for", () => {
    expect(settingsFor({}, small, undefined).batch).toBe(32);
    expect(settingsFor({ batch: 100 }, small, undefined).batch).toBe(100);
  });
});
