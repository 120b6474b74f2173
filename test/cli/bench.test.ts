/** `rbnet bench` as a person uses it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { encodeModel, type Model } from "#rbnet/runtime/model";
import { smallModel } from "../runtime/small-model.js";
import { temporaryFolder } from "../temporary-folder.js";
import { rbnet } from "./command.js";

const folder = temporaryFolder();
const file = join(folder, "model.safetensors");
let model: Model;

beforeAll(async () => {
  using backend = await createWasmBackend({ threads: 1 });
  model = await smallModel(backend);
  writeFileSync(file, encodeModel(model));
});

const SHORT = ["--seconds", "0.05"];

describe("rbnet bench", () => {
  it("times every combination of threads and batch, and every layer beside its limit", async () => {
    const { code, stdout } = await rbnet(["bench", file, ...SHORT, "--threads", "1,2", "--batch", "1,3", "--json"]);
    const report = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(report.runs.map(({ threads, images }: { threads: number; images: number }) => [threads, images])).toEqual([
      [1, 1],
      [1, 3],
      [2, 1],
      [2, 3],
    ]);
    for (const { medianMs, p95Ms, imagesPerSecond, images, memoryBytes } of report.runs) {
      expect(medianMs).toBeGreaterThan(0);
      expect(p95Ms).toBeGreaterThanOrEqual(medianMs);
      expect(imagesPerSecond).toBeCloseTo((1000 * images) / medianMs, 6);
      expect(memoryBytes).toBeGreaterThan(images * model.size ** 2 * 3 * 4);
    }
    expect(report.operations.map(({ name }: { name: string }) => name)).toEqual(model.operations.map(({ name }) => name));
    const total = report.operations.reduce((sum: number, { share }: { share: number }) => sum + share, 0);
    expect(total).toBeCloseTo(1, 9);
    for (const { kind, binaryMacs, realMacs, limitMs } of report.operations) {
      const { binaryMacsPerSecond, realMacsPerSecond } = report.limits;
      expect(limitMs).toBeCloseTo(1000 * (binaryMacs / binaryMacsPerSecond + realMacs / realMacsPerSecond), 9);
      expect(binaryMacs > 0).toBe(kind.startsWith("binary"));
    }
  });

  it("prints two tables for people", async () => {
    const { code, stdout } = await rbnet(["bench", file, ...SHORT, "--threads", "1", "--batch", "1", "--backend", "wasm"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/OPs, wasm, (relaxed|plain) SIMD\n/);
    expect(stdout).toMatch(
      /threads +batch +median ms +p95 ms +images\/s +memory\n +1 +1 +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+ [KM]B\n/,
    );
    expect(stdout).toMatch(
      /layer +kind +ms +share +least ms +of the limit\nstem1 +real 3x3 +[\d.]+ +[\d.]+ % +[\d.]+ +[\d.]+ %\n/,
    );
  });

  it.each([
    [["--threads", "0"], /A whole number from 1 is expected/],
    [["--batch", "1,x"], /A number is expected/],
    [["--seconds", "0"], /A number above 0/],
    [["--batch", "4000000"], /out of memory: .*use a smaller batch/],
  ])("refuses %j in a sentence", async (words, sentence) => {
    const { code, stderr } = await rbnet(["bench", file, ...SHORT, ...words]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(sentence) });
    expect(stderr.trim().split("\n").length).toBe(1);
  });
});
