/** Event files: TensorBoard reads what metrics.jsonl says, and pictures. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { crc32c, eventRecord, firstRecord } from "#rbnet/report/event-file";
import type { EpochRecord } from "#rbnet/training/records/run-records";
import { peerPython } from "../../bench/peer-python.js";
import { rbnet } from "../cli/command.js";
import { classFolder } from "../data/picture-folders.js";
import { temporaryFolder } from "../temporary-folder.js";

const QUICK = ["--network", "rbnet8", "--width", "0.5", "--size", "16", "--batch", "8", "--threads", "1"];

describe("a record of an event file", () => {
  it("has Castagnoli's checksums, of its length and of its message", () => {
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
    const bytes = eventRecord({ time: 1, step: 2, scalars: { loss: 0.5 } });
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    expect(Number(view.getBigUint64(0, true))).toBe(bytes.length - 16);
    // Of eight bytes with the length 24, as TensorFlow's own writer masks it.
    expect(firstRecord(0).length).toBe(16 + 24);
    expect(new DataView(firstRecord(0).buffer).getUint32(8, true)).toBe(0x224b7fa3);
  });
});

const python = peerPython(process.env);
const hasTensorBoard = python !== undefined && spawnSync(python, ["-c", "import tensorboard"], { encoding: "utf8" }).status === 0;
if (!hasTensorBoard) console.warn("there is no Python with tensorboard (bench/peers/setup.sh): what it reads is not tested");

const READ = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "images": 0, "tensors": 0})
events.Reload()
tags = events.Tags()
print(json.dumps({
    "scalars": {tag: [[one.step, one.value] for one in events.Scalars(tag)] for tag in tags["scalars"]},
    "images": {tag: [[one.step, one.height, one.width, one.encoded_image_string[1:4].decode("latin1")] for one in events.Images(tag)]
               for tag in tags["images"]},
}))
`;

interface Read {
  readonly scalars: Readonly<Record<string, readonly (readonly [number, number])[]>>;
  readonly images: Readonly<Record<string, readonly (readonly [number, number, number, string])[]>>;
}

describe.skipIf(!hasTensorBoard)("TensorBoard", { timeout: 120_000 }, () => {
  let run = "";
  beforeAll(async () => {
    const photos = await classFolder(["cat", "dog"], 20, 16);
    run = join(temporaryFolder(), "run");
    const { code, stderr } = await rbnet(["train", photos, ...QUICK, "--epochs", "3", "--out", run, "--tensorboard"]);
    expect([code, stderr]).toEqual([0, ""]);
  }, 120_000);

  it("reads the scalars of metrics.jsonl, and confusion matrix and mistakes as pictures", () => {
    expect(readdirSync(run).filter((name) => name.startsWith("events.out.tfevents.")).length).toBe(1);
    const { status, stdout, stderr } = spawnSync(python!, ["-c", READ, run], { encoding: "utf8" });
    expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
    const { scalars, images } = JSON.parse(stdout) as Read;
    const lines = readFileSync(join(run, "metrics.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const epochs = lines.filter(({ kind }) => kind === "epoch") as EpochRecord[];
    const result = lines.at(-1);
    const rounded = (pick: (epoch: EpochRecord) => number) => epochs.map((epoch) => [epoch.index, Math.fround(pick(epoch))]);
    expect(scalars["train/loss"]).toEqual(rounded((epoch) => epoch.trainLoss));
    expect(scalars.learning_rate).toEqual(rounded((epoch) => epoch.learningRate));
    expect(scalars["flip_ratio/stage1.unit1"]).toEqual(rounded((epoch) => epoch.flipRatio["stage1.unit1"]!));
    expect(scalars["validation/top1"]).toEqual(rounded((epoch) => epoch.validation!.top1));
    expect(scalars["shipped/top1"]).toEqual([[result.bestEpoch, Math.fround(result.evaluation.top1)]]);
    expect(images["shipped/confusion matrix"]).toEqual([[result.bestEpoch, 256, 256, "PNG"]]);
    const mistakes = Math.round(result.evaluation.images * (1 - result.evaluation.top1));
    expect(Object.keys(images).filter((tag) => /^mistakes\/\d\d (cat taken for dog|dog taken for cat)$/.test(tag)).length).toBe(
      mistakes,
    );
  });
});
