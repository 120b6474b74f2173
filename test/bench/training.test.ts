/** The harness of `npm run bench -- training` with fake competitors in place of trainers. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { interleave } from "../../bench/interleave.js";
import type { ChildCommand } from "../../bench/line-process.js";
import { jsonLine, ratios, table } from "../../bench/record.js";
import { StepProcess } from "../../bench/step-process.js";
import { type TrainingCase, trainingRecord } from "../../bench/training.js";
import { trainingLimit } from "../../bench/training-limit.js";
import { temporaryFolder } from "../temporary-folder.js";

const FAKE = fileURLToPath(new URL("./fake-competitor.mjs", import.meta.url));
let folder: string;
let started: StepProcess[];

beforeEach(() => {
  folder = temporaryFolder();
  started = [];
});

afterEach(async () => {
  for (const competitor of started) await competitor.quit();
});

const log = (): string => join(folder, "log");

function command(name: string, secondsPerStep: number, fault?: string): ChildCommand {
  return {
    program: process.execPath,
    arguments: [FAKE, name, String(secondsPerStep), log(), ...(fault === undefined ? [] : [fault])],
  };
}

async function start(name: string, secondsPerStep: number, fault?: string): Promise<StepProcess> {
  const competitor = await StepProcess.start(name, command(name, secondsPerStep, fault));
  started.push(competitor);
  return competitor;
}

describe("rounds", () => {
  it("run in turn, one competitor at a time, after a warm-up that is not counted", async () => {
    const competitors = [await start("A", 0.5), await start("B", 0.25)];
    const seconds = await interleave(competitors, { warmupSteps: 2, rounds: 2, steps: 3 });
    const turns = ["A 2", "B 2", "A 3", "B 3", "A 3", "B 3"].flatMap((turn) => {
      const [name, steps] = turn.split(" ");
      return [`${name} starts ${steps}`, `${name} ends ${steps}`];
    });
    expect(readFileSync(log(), "utf8").trim().split("\n")).toEqual(turns);
    expect([...seconds]).toEqual([
      ["A", [0.5, 0.5]],
      ["B", [0.25, 0.25]],
    ]);
  });
});

describe("a competitor", () => {
  it("tells its version and its memory", async () => {
    const competitor = await start("A", 1);
    expect(competitor.version).toBe("1.2.3");
    expect(await competitor.memory()).toEqual({ peakBytes: 1000, residentBytes: 2000 });
  });

  it("that does not start is reported with what it said", async () => {
    await expect(StepProcess.start("A", command("A", 1, "not-installed"))).rejects.toThrow(
      "A ended with exit code 1: no such library",
    );
    await expect(StepProcess.start("A", { program: join(folder, "absent"), arguments: [] })).rejects.toThrow(
      "A could not be started",
    );
  });

  it.each([
    ["dies", "A ended with exit code 7"],
    ["chatters", 'A answered "hello"'],
    ["miscounts", "A ran 1 steps where 3 were asked"],
  ])("that %s in a round is an error, not a number", async (fault, message) => {
    const competitor = await start("A", 1, fault);
    await expect(competitor.run(3)).rejects.toThrow(message);
  });
});

describe("the record", () => {
  const options: TrainingCase = {
    backend: "wasm",
    precision: "float32",
    keepEvery: 1,
    network: "rbnet20",
    width: 2,
    batch: 128,
    threads: 2,
    rounds: 3,
    steps: 4,
    peers: ["pytorch-eager"],
  };
  const ours = { name: "ours", version: "0.1.0" };
  const peer = { name: "pytorch-eager", version: "2.0" };
  const rates = new Map([
    ["ours", [310, 300, 100]],
    ["pytorch-eager", [190, 200, 210]],
  ]);
  const memories = new Map([
    ["ours", { peakBytes: 100, residentBytes: 150 }],
    ["pytorch-eager", { peakBytes: 400, residentBytes: 900 }],
  ]);
  const record = trainingRecord(options, { contestants: [ours, peer], rates, memories, limit: 600 });

  it("has medians, and ratios above 1 where ours is better: faster, or smaller", () => {
    expect(JSON.parse(jsonLine(record))).toMatchObject({
      bench: "training",
      case: "rbnet20-w2-32-batch128-wasm-2threads",
      unit: "images/s",
      ours: 300,
      peers: { "pytorch-eager": 200 },
      ratios: { "pytorch-eager": 1.5 },
      limit: 600,
      shareOfLimit: 0.5,
      memory: { oursBytes: 100, peers: { "pytorch-eager": 400 }, ratios: { "pytorch-eager": 4 } },
      absent: [],
    });
    expect(ratios(10, { slower: 20 }, "less")).toEqual({ slower: 2 });
  });

  it("is one line for programs and rows for people", () => {
    expect(jsonLine(record)).not.toContain("\n");
    expect(table(record)).toMatch(/pytorch-eager +200 +1\.5 x/);
  });

  it("names a peer that is not installed, and guesses nothing for it", () => {
    const alone = trainingRecord(options, { contestants: [ours], rates, memories, limit: 600 });
    expect(alone).toMatchObject({ absent: ["pytorch-eager"], peers: {}, ratios: {}, memory: { peers: {}, ratios: {} } });
    expect(table(alone)).toMatch(/pytorch-eager +absent/);
  });
});

describe("the limit of a training step", () => {
  const machine = { realMacsPerSecond: 1e9, signedMacsPerSecond: 4e9, binaryMacsPerSecond: 1e10, bytesPerSecond: 1e9 };

  it("adds the forward's bits, two float products for its gradients, three products of real layers, and the traffic of the maps", () => {
    expect(trainingLimit({ binaryMacs: 1e10, realMacs: 0, unitValues: 0 }, machine)).toBeCloseTo(1 / 6, 10);
    expect(trainingLimit({ binaryMacs: 0, realMacs: 1e9, unitValues: 0 }, machine)).toBeCloseTo(1 / 3, 10);
    expect(trainingLimit({ binaryMacs: 0, realMacs: 0, unitValues: 1e9 }, machine)).toBeCloseTo(1 / 44, 10);
  });
});
