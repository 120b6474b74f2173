/** Checkpoints that do not fit or are not whole are refused in a sentence; one that cannot be written leaves the old one as it was. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, type TestContext } from "vitest";
import { shapes } from "#rbnet/data/shapes/shapes";
import { rbnet8 } from "#rbnet/networks/rbnet";
import { decodeSafetensors, encodeSafetensors, type StoredFile } from "#rbnet/runtime/safetensors";
import { temporaryFolder } from "../../temporary-folder.js";
import { data, readStored, refusal, settings, trainTiny } from "../tiny-runs.js";

const short = { ...settings, epochs: 2 };
let original: Uint8Array = new Uint8Array();

/** One checkpoint, after two steps, for all tests. */
beforeAll(async () => {
  const out = temporaryFolder();
  await trainTiny({ out, settings: short, stopAfter: 2 });
  original = readFileSync(join(out, "checkpoint.safetensors"));
});

/** A run's folder with these bytes as its checkpoint. */
function folderWith(checkpoint: Uint8Array): string {
  const out = temporaryFolder();
  writeFileSync(join(out, "checkpoint.safetensors"), checkpoint);
  return out;
}

function changed(change: (file: StoredFile) => Partial<StoredFile>): Uint8Array {
  const file = decodeSafetensors(original, "checkpoint");
  return encodeSafetensors({ ...file, ...change(file) });
}

/** What resuming from these bytes says. */
function refusalOf(checkpoint: Uint8Array): Promise<string> {
  return refusal(trainTiny({ out: folderWith(checkpoint), settings: short, resume: true }));
}

describe("a checkpoint", () => {
  it("of another network, other data or other settings is refused with the difference", async () => {
    const out = folderWith(original);
    const other = rbnet8({ classes: 10, width: 1, size: 16 });
    expect(await refusal(trainTiny({ out, settings: short, description: other, resume: true }))).toMatch(
      /is of another network \(width 0\.5 in the checkpoint, 1 now\)/,
    );
    const more = shapes({ train: 60, validation: 20, test: 0, size: 16 });
    expect(await refusal(trainTiny({ out, settings: short, dataset: more, resume: true }))).toMatch(
      /is of other data \(train 50 in the checkpoint, 60 now\)/,
    );
    expect(await refusal(trainTiny({ out, settings: { ...short, seed: 7 }, resume: true }))).toMatch(
      /is of other settings \(seed 1 in the checkpoint, 7 now\)/,
    );
  });

  it("of another seed, which holds out other images, is said to be of another seed", async () => {
    const others = { ...data, mean: [0.1, 0.2, 0.3] as const };
    const out = folderWith(original);
    expect(await refusal(trainTiny({ out, settings: { ...short, seed: 7 }, dataset: others, resume: true }))).toMatch(
      /seed 1 in/,
    );
    expect(await refusal(trainTiny({ out, settings: short, dataset: others, resume: true }))).toMatch(/is of other data \(mean/);
  });

  it("goes on for more epochs than the run was started with, and for no fewer", async () => {
    const out = temporaryFolder();
    await trainTiny({ out, settings: short });
    const { records, bestEpoch } = await trainTiny({ out, settings: { ...short, epochs: 4 }, resume: true });
    expect(records.map(({ index }) => index)).toEqual([3, 4]);
    // As far along its schedule as an epoch of a run of four.
    expect(records[0]?.learningRate).toBeGreaterThan(records[1]?.learningRate ?? 1);
    expect(bestEpoch).toBeGreaterThan(0);
    expect(await refusal(trainTiny({ out, settings: short, resume: true }))).toMatch(/\(epochs 4 in the checkpoint, 2 now\)/);
    const changed = { ...short, epochs: 5, batch: 16 };
    expect(await refusal(trainTiny({ out, settings: changed, resume: true }))).toMatch(/is of other settings/);
  });

  it("goes on for more epochs of its last stage, and of no other", async () => {
    const out = temporaryFolder();
    const staged = { ...short, stages: 2, firstStageEpochs: 1 };
    await trainTiny({ out, settings: staged });
    const { records } = await trainTiny({ out, settings: { ...staged, epochs: 3 }, resume: true });
    expect(records.map(({ index, stage }) => [index, stage])).toEqual([[3, 2]]);
    const shifted = { ...staged, epochs: 4, firstStageEpochs: 2 };
    expect(await refusal(trainTiny({ out, settings: shifted, resume: true }))).toMatch(/is of other settings/);
  });

  it("that is missing, a folder, empty, cut off or something else is refused", async () => {
    const empty = temporaryFolder();
    expect(await refusal(trainTiny({ out: empty, resume: true }))).toMatch(/no checkpoint to resume at .*without --resume/);
    expect(await refusal(trainTiny({ out: join(empty, "nowhere"), resume: true }))).toMatch(/no folder .*nowhere to resume from/);
    expect(existsSync(join(empty, "nowhere"))).toBe(false);
    mkdirSync(join(empty, "checkpoint.safetensors"));
    expect(await refusal(trainTiny({ out: empty, resume: true }))).toMatch(/cannot read the checkpoint .*EISDIR/);
    expect(await refusalOf(new Uint8Array())).toMatch(/not a usable safetensors file: it has only 0 bytes/);
    expect(await refusalOf(original.subarray(0, original.length - 1))).toMatch(/is cut off/);
    expect(await refusalOf(original.subarray(0, 100))).toMatch(/header claims/);
    expect(await refusalOf(new TextEncoder().encode("this is a text, and no checkpoint at all"))).toMatch(/safetensors/);
    expect(await refusalOf(encodeSafetensors({ metadata: {}, tensors: new Map() }))).toMatch(/not a checkpoint of this version/);
  });

  it("with damaged metadata or tensors is refused", async () => {
    for (const progress of ["", "{", "null", "[]", '{"epoch":-1}'])
      expect(await refusalOf(changed(({ metadata }) => ({ metadata: { ...metadata, progress } })))).toMatch(
        /progress is malformed/,
      );
    for (const text of ["", "{", "null", "7", "[1]"])
      expect(await refusalOf(changed(({ metadata }) => ({ metadata: { ...metadata, network: text } })))).toMatch(
        /another network/,
      );
    const name = "classifier.weights";
    const without = changed(({ tensors }) => ({ tensors: new Map([...tensors].filter(([key]) => key !== name)) }));
    expect(await refusalOf(without)).toMatch(/tensor classifier\.weights is missing/);
    const reshaped = changed(({ tensors }) => {
      const tensor = tensors.get(name)!;
      return { tensors: new Map([...tensors, [name, { ...tensor, shape: [...tensor.shape].reverse() }]]) };
    });
    expect(await refusalOf(reshaped)).toMatch(/tensor classifier\.weights is missing or of another shape/);
    // One bit of a number is enough.
    const flipped = original.slice();
    flipped[flipped.length - 40] ^= 1;
    expect(await refusalOf(flipped)).toMatch(/its values are not those that were written/);
  });

  it("needs a folder to be resumed from", async () => {
    expect(await refusal(trainTiny({ resume: true }))).toMatch(/no folder to resume from/);
  });

  it("without the model of the best epoch so far is refused", async () => {
    const out = temporaryFolder();
    await trainTiny({ out, settings: short, stopAfter: 7 });
    const copy = temporaryFolder();
    cpSync(join(out, "checkpoint.safetensors"), join(copy, "checkpoint.safetensors"));
    expect(await refusal(trainTiny({ out: copy, settings: short, resume: true }))).toMatch(/cannot read the model .*ENOENT/);
  });
});

/** A small file system on a folder while `body` runs; skips where this process may not mount one. */
async function onTmpfs(context: TestContext, size: string, body: (disk: string) => Promise<void>): Promise<void> {
  const disk = join(temporaryFolder(), "disk");
  mkdirSync(disk);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", disk], { stdio: "ignore" });
  } catch {
    context.skip("this process may not mount a file system to fill");
  }
  try {
    await body(disk);
  } finally {
    execFileSync("umount", [disk]);
  }
}

describe("the folder of a run", () => {
  it("that holds a run already is refused for a new one", async () => {
    const out = folderWith(original);
    expect(await refusal(trainTiny({ out, settings: short }))).toMatch(
      /holds a run already; resume it, or choose another folder/,
    );
    expect(readFileSync(join(out, "checkpoint.safetensors")).equals(original)).toBe(true);
  });

  it("on a full disk keeps the old checkpoint whole, and the run goes on from it where there is room again", async (context) => {
    const whole = temporaryFolder();
    const { records } = await trainTiny({ out: whole, settings: short });
    await onTmpfs(context, "8m", async (out) => {
      const first = await trainTiny({ out, settings: short, stopAfter: 6 });
      const before = readFileSync(join(out, "checkpoint.safetensors"));
      // What is left takes the probe, but no second checkpoint.
      let filler = 8 << 20;
      while (filler >= 4096) {
        try {
          writeFileSync(join(out, `filler${filler}`), new Uint8Array(filler));
        } catch {
          filler /= 2;
        }
      }
      expect(await refusal(trainTiny({ out, settings: short, resume: true }))).toMatch(/cannot write .*: the disk is full/);
      expect(readFileSync(join(out, "checkpoint.safetensors")).equals(before)).toBe(true);
      expect(readdirSync(out).filter((name) => name.endsWith(".unfinished"))).toEqual([]);
      const room = temporaryFolder();
      for (const file of ["checkpoint", "model"]) cpSync(join(out, `${file}.safetensors`), join(room, `${file}.safetensors`));
      const rest = await trainTiny({ out: room, settings: short, resume: true });
      expect([...first.records, ...rest.records]).toEqual(records);
    });
  });

  it("that cannot be written is reported before training starts", async (context) => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    let steps = 0;
    const onStep = (): number => steps++;
    expect(await refusal(trainTiny({ out: file, onStep }))).toMatch(/there is a file in its place/);
    expect(await refusal(trainTiny({ out: `${file}/run`, onStep }))).toMatch(/there is a file in its place/);
    // A file system without folders to make, on which mkdir's recursive option never returns.
    if (existsSync("/proc/self"))
      expect(await refusal(trainTiny({ out: "/proc/run", onStep }))).toMatch(/cannot write \/proc\/run/);
    await onTmpfs(context, "64k", async (out) => {
      execFileSync("mount", ["-o", "remount,ro", out]);
      expect(await refusal(trainTiny({ out, onStep }))).toMatch(/read-only file system/);
    });
    expect(steps).toBe(0);
  });

  it("is made with its parents, and cleared of what a killed run left half written", async () => {
    const out = join(temporaryFolder(), "runs", "first");
    mkdirSync(out, { recursive: true });
    // No process has the first number; a second run of this test's own number is a container's restarted process; init is alive.
    const dead = ".checkpoint.safetensors.4194305-0a1b2c3d4e5f.unfinished";
    const own = `.model.safetensors.${process.pid}-0a1b2c3d4e5f.unfinished`;
    const alive = ".model.safetensors.1-0a1b2c3d4e5f.unfinished";
    for (const name of [dead, own, alive]) writeFileSync(join(out, name), "half");
    await trainTiny({ out, settings: { ...short, epochs: 1 } });
    expect(readdirSync(out).sort()).toEqual([alive, "checkpoint.safetensors", "model.safetensors"]);
    expect(readStored(out, "model").metadata.format).toBe("rbnet-model");
  });
});
