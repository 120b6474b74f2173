/** metrics.jsonl: whole lines, on the disk when it is said so, and one line an epoch however often a run was resumed. */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FolderStore } from "#rbnet/stores/folder-store";
import { MetricsLog } from "#rbnet/training/records/metrics";
import type { EpochRecord, RunRecord } from "#rbnet/training/records/run-records";
import { temporaryFolder } from "../../temporary-folder.js";

const run: RunRecord = {
  kind: "run",
  version: "1.2.3",
  startedAt: "2026-01-01T00:00:00.000Z",
  network: "rbnet8",
  classes: ["a", "b"],
  data: { name: "d", train: 10, validation: 0, test: 0 },
  options: { epochs: 3 },
  backend: "test",
};

function epoch(index: number, trainLoss = 1): EpochRecord {
  return {
    kind: "epoch",
    index,
    steps: 5,
    learningRate: 0.1,
    trainLoss,
    trainTop1: 0.5,
    imagesPerSecond: 100,
    seconds: 1,
    flipRatio: { unit: 0.01 },
    positiveShare: { unit: 0.5 },
  };
}

function linesOf(folder: string): unknown[] {
  const text = readFileSync(join(folder, "metrics.jsonl"), "utf8");
  expect(text.endsWith("\n")).toBe(true);
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** The log of the run in `folder`, as it is taken up before an epoch. */
function logIn(folder: string, startEpoch = 1): Promise<MetricsLog> {
  return MetricsLog.open(new FolderStore(folder), run, startEpoch);
}

/** A folder with the log of a run. */
async function folderWith(epochs: readonly EpochRecord[]): Promise<string> {
  const folder = temporaryFolder();
  const file = await logIn(folder);
  for (const record of epochs) await file.append(record);
  await file.close();
  return folder;
}

describe("metrics.jsonl", () => {
  it("has the run and each epoch in the file as soon as it is appended", async () => {
    const folder = temporaryFolder();
    const file = await logIn(folder);
    expect(linesOf(folder)).toEqual([run]);
    await file.append(epoch(1));
    expect(linesOf(folder)).toEqual([run, epoch(1)]);
    await file.close();
  });

  it("loses the epochs that a resumed run repeats, and keeps those before", async () => {
    const folder = await folderWith([epoch(1), epoch(2), epoch(3)]);
    const file = await logIn(folder, 3);
    expect(file.epochs).toEqual([epoch(1), epoch(2)]);
    await file.append(epoch(3, 0.7));
    await file.close();
    expect(linesOf(folder)).toEqual([run, epoch(1), epoch(2), epoch(3, 0.7)]);
  });

  it("keeps validation figures through a resume", async () => {
    const validated = { ...epoch(1), validation: { images: 4, loss: 1.5, top1: 0.25, top5: 1 } };
    const file = await logIn(await folderWith([validated]), 2);
    expect(file.epochs).toEqual([validated]);
    await file.close();
  });

  it("keeps an epoch's stage through a resume", async () => {
    const folder = await folderWith([{ ...epoch(1), stage: 1 }, epoch(2)]);
    const file = await logIn(folder, 3);
    await file.close();
    expect(linesOf(folder)).toEqual([run, { ...epoch(1), stage: 1 }, epoch(2)]);
  });

  it("drops a line that a crash cut short, and lines that are no epochs", async () => {
    const folder = await folderWith([epoch(1)]);
    appendFileSync(join(folder, "metrics.jsonl"), '{"kind":"epoch","index":"two"}\n{"kind":"result"}\n{"kind":"epoch","ind');
    const file = await logIn(folder, 5);
    expect(file.epochs).toEqual([epoch(1)]);
    await file.close();
    expect(linesOf(folder)).toEqual([run, epoch(1)]);
  });

  it("starts anew without --resume, and where the file of a resumed run is gone", async () => {
    const folder = await folderWith([epoch(1)]);
    for (const [place, start] of [
      [folder, 1],
      [temporaryFolder(), 4],
    ] as const) {
      const file = await logIn(place, start);
      expect(file.epochs).toEqual([]);
      await file.close();
      expect(linesOf(place)).toEqual([run]);
    }
  });

  it("says in a sentence where it cannot be written", async () => {
    await expect(logIn(join(temporaryFolder(), "missing"))).rejects.toThrow(/does not exist; create it/);
  });
});
