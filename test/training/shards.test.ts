/** Training on shards: stopped and resumed in mid-epoch to the bit, and images that cannot be read are counted and named. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import type { Dataset } from "#rbnet/data/dataset";
import { openDataset } from "#rbnet/data/open-dataset";
import { TAR_END, tarFile } from "#rbnet/data/shards/tar";
import { evaluateModel } from "#rbnet/training/evaluate";
import { picture, write } from "../data/picture-folders.js";
import { temporaryFolder } from "../temporary-folder.js";
import { bitsOf, differences, network, settings, trainTiny } from "./tiny-runs.js";

const STEPS_PER_EPOCH = 6;
/** Scores of 0 for every class. */
const tenClasses = Array.from({ length: 10 }, (_, label) => String(label));
const pool = { kind: "averagePool", name: "pool", input: 0, size: 16 } as const;
const dense = {
  kind: "dense",
  name: "classifier",
  input: 1,
  filters: 10,
  weights: new Float32Array(30),
  bias: new Float32Array(10),
} as const;

/** 50 training pictures in four shards, 20 for validation, as many classes as the tiny network has. */
async function shards(broken: "with a broken picture" | "whole"): Promise<Dataset> {
  const root = temporaryFolder();
  const tar = async (first: number, end: number): Promise<Buffer> => {
    const files: Uint8Array[] = [];
    for (let index = first; index < end; index++) {
      const isBroken = broken !== "whole" && index === 20;
      const bytes = isBroken ? Buffer.from("no picture") : await picture(16, 16, index).png().toBuffer();
      files.push(tarFile(`p${index}.png`, bytes), tarFile(`p${index}.cls`, Buffer.from(String(index % 10))));
    }
    return Buffer.concat([...files, TAR_END]);
  };
  for (const [shard, first] of [0, 13, 26, 39].entries())
    write(root, { [`train/${shard}.tar`]: await tar(first, Math.min(first + 13, 50)) });
  write(root, { "val/0.tar": await tar(50, 70) });
  return openDataset({ path: root, size: 16, cacheDir: join(root, "cache") });
}

it("a run on shards continues as if never stopped when stopped in mid-epoch", { timeout: 60_000 }, async () => {
  const dataset = await shards("whole");
  expect([dataset.train.source.kind, dataset.train.count]).toEqual(["shards", 50]);
  const straight = temporaryFolder();
  const { records } = await trainTiny({ out: straight, dataset });
  const broken = temporaryFolder();
  const first = await trainTiny({ out: broken, dataset, stopAfter: STEPS_PER_EPOCH + 3 });
  expect([first.stopped, first.records.length]).toEqual([true, 1]);
  const rest = await trainTiny({ out: broken, dataset, threads: 2, resume: true });
  expect([...first.records, ...rest.records]).toEqual(records);
  expect(differences(bitsOf(broken), bitsOf(straight))).toEqual([]);
});

it("an epoch's record names the images that could not be read", { timeout: 60_000 }, async () => {
  const dataset = await shards("with a broken picture");
  const out = temporaryFolder();
  const { records } = await trainTiny({ out, dataset, description: network, settings: { ...settings, epochs: 2, batch: 10 } });
  const skipped = { count: 1, named: [{ path: expect.stringMatching(/train\/1\.tar\/p20\.png$/), reason: expect.any(String) }] };
  expect(records.map((record) => record.skipped)).toEqual([skipped, skipped]);
});

it("an evaluation counts no neighbour in place of an image that cannot be read, and names it", async () => {
  const { train } = await shards("with a broken picture");
  using backend = await createWasmBackend({ threads: 1 });
  const model = {
    operations: [pool, dense],
    classes: tenClasses,
    size: 16,
    mean: [0, 0, 0],
    standardDeviation: [1, 1, 1],
  } as const;
  const { images, confusion, skipped } = await evaluateModel(backend, model, train);
  expect([images, skipped.map(({ path }) => path.split("/").at(-1))]).toEqual([49, ["p20.png"]]);
  const expected = tenClasses.map((_, label) => (label === 0 ? 4 : 5));
  expect(confusion.map((row) => row.reduce((sum, count) => sum + count, 0))).toEqual(expected);
});
