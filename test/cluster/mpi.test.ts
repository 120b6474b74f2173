/**
 * Training by several processes under real launchers: the bits of one process, whatever becomes of the others. Skipped where neither Open
 * MPI nor MPICH is installed.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { jsonLines, rbnet } from "../cli/command.js";
import { classFolder } from "../data/picture-folders.js";
import { temporaryFolder } from "../temporary-folder.js";
import { bitsOf, differences } from "../training/tiny-runs.js";
import { LAUNCHERS, type Launcher, type RunningJob, runJob, startJob } from "./mpirun.js";

const QUICK = ["--network", "rbnet8", "--width", "0.5", "--size", "16", "--batch", "8", "--average", "0.9"];
const PARTS = ["--replicas", "4", "--mixup", "0.2", "--validation-fraction", "0.2"];
const EPOCHS = 14;
const TIMEOUT = { timeout: 180_000 };
let runs = 0;
/** A folder that no try before has used. */
const fresh = (name: string): string => `${name} ${++runs}`;

let photos = "";
let folder = "";
/** The same words for all runs: only where they go differs. */
const training = (out: string, ...more: string[]): string[] => [
  "train",
  photos,
  ...QUICK,
  ...PARTS,
  "--epochs",
  String(EPOCHS),
  "--out",
  out,
  ...more,
];
const expectSameBits = (run: string): void =>
  expect(differences(bitsOf(join(folder, run)), bitsOf(join(folder, "alone")))).toEqual([]);

/** Resolves once a run has one; what it says comes late through a launcher that has no core to itself. */
async function checkpointOf(run: string): Promise<void> {
  while (!existsSync(join(folder, run, "checkpoint.safetensors"))) await wait(10);
}

const missing = LAUNCHERS.length === 0 ? "no mpirun.openmpi and no mpirun.mpich: not run" : "";

describe.skipIf(missing !== "")(`several processes ${missing}`, () => {
  beforeAll(async () => {
    folder = temporaryFolder();
    photos = await classFolder(["cat", "dog"], 20, 16);
    expect(await rbnet(training("alone"), folder)).toMatchObject({ code: 0, stderr: "" });
  }, 120_000);

  describe.each(LAUNCHERS)("of $name", (launcher: Launcher) => {
    // Four take twice the time of two; the order of sums is ours and not the launcher's.
    it.each(launcher === LAUNCHERS[0] ? [2, 4] : [2])("%i of them have the bits of one", TIMEOUT, async (ranks) => {
      const out = fresh(`${launcher.name} ${ranks}`);
      const { code, stdout, stderr } = await runJob(launcher, ranks, training(out), folder);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      // One voice.
      expect(stdout.match(/^epoch/gm)).toHaveLength(EPOCHS);
      expect(stdout).toContain(`${ranks} ranks on `);
      expectSameBits(out);
    });

    it("end with a sentence and a checkpoint when one is killed, from which fewer go on to the same bits", TIMEOUT, async () => {
      const out = fresh(`${launcher.name} killed`);
      const job = startJob(launcher, [[2, training(out)]], folder);
      await checkpointOf(out);
      const start = performance.now();
      process.kill(job.processOf(1), "SIGKILL");
      const { code, stdout } = await job.outcome;
      expect(performance.now() - start).toBeLessThan(60_000);
      expect(code).not.toBe(0);
      expect(stdout).not.toMatch(new RegExp(`^epoch +${EPOCHS}`, "m"));
      expect(await rbnet(training(out, "--resume"), folder)).toMatchObject({ code: 0, stderr: "" });
      expectSameBits(out);
    });
  });

  it("have the bits of one where sums travel in bfloat16", TIMEOUT, async () => {
    const [own, out] = [fresh("rounded alone"), fresh("rounded")];
    const rounded = ["--sum-precision", "bfloat16", "--epochs", "2"];
    expect(await rbnet(training(own, ...rounded), folder)).toMatchObject({ code: 0, stderr: "" });
    expect(await runJob(LAUNCHERS[0] as Launcher, 3, training(out, ...rounded), folder)).toMatchObject({ code: 0, stderr: "" });
    expect(differences(bitsOf(join(folder, out)), bitsOf(join(folder, own)))).toEqual([]);
  });

  it("end in order when one is interrupted, and go on as four, as two and as three", TIMEOUT, async () => {
    const [one, other = one] = LAUNCHERS;
    const moved = fresh("moved");
    const turns = [
      // Once it has trained an epoch, a process that is silent listens to signals; rank 0 does so before it speaks.
      { launcher: one, ranks: 4, interrupted: 3, until: () => checkpointOf(moved) },
      { launcher: other, ranks: 2, interrupted: 0, until: (job: RunningJob) => job.said(/ranks on /) },
      { launcher: one, ranks: 3, interrupted: undefined, until: undefined },
    ] as const;
    for (const { launcher, ranks, interrupted, until } of turns) {
      const resume = ranks === 4 ? [] : ["--resume"];
      const job = startJob(launcher as Launcher, [[ranks, training(moved, ...resume)]], folder);
      if (until !== undefined) {
        await until(job);
        process.kill(job.processOf(interrupted), "SIGINT");
      }
      const { code, stderr } = await job.outcome;
      expect(code, stderr).toBe(until === undefined ? 0 : 130);
      if (until !== undefined) expect(stderr).toMatch(new RegExp(`mpirun -np ${ranks} (npx )?rbnet train`));
    }
    expectSameBits(moved);
  });

  it("are refused where one has other images, before anything is trained", TIMEOUT, async () => {
    const fewer = join(temporaryFolder(), "photos");
    cpSync(photos, fewer, { recursive: true });
    const named = join(temporaryFolder(), "photos");
    cpSync(photos, named, { recursive: true });
    rmSync(join(fewer, "cat", "003.png"));
    const words = (data: string): string[] => training("unlike").map((word) => (word === photos ? data : word));
    const job = startJob(
      LAUNCHERS[0] as Launcher,
      [
        [1, words(named)],
        [1, words(fewer)],
      ],
      folder,
    );
    const { code, stderr } = await job.outcome;
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/^rbnet: rank 1 on \S+ differs from rank 0 on \S+ in number of train images: 31, and 32;/m);
    expect(existsSync(join(folder, "unlike"))).toBe(false);
  });

  it("evaluate a model as one does, to the bit", TIMEOUT, async () => {
    const words = ["eval", "alone", photos, "--threads", "1", "--json"];
    const alone = await rbnet(words, folder);
    const together = await runJob(LAUNCHERS.at(-1) as Launcher, 3, words, folder);
    expect(jsonLines(together)).toEqual(jsonLines(alone));
  });

  it("have a study's runs between them, with the results of one process", TIMEOUT, async () => {
    const rows = [0.25, 0.3, 0.5].map((width, index) => ({ name: `row ${index}`, network: "rbnet8", width }));
    const data = { path: "shapes", size: 16, trainImages: 40, validationFraction: 0.1 };
    writeFileSync(join(folder, "tiny.json"), JSON.stringify({ name: "tiny", data, settings: { epochs: 2, batch: 8 }, rows }));
    const words = (out: string): string[] => ["study", "tiny.json", "--threads", "1", "--json", "--out", out];
    const alone = await rbnet(words("study alone"), folder);
    const together = await runJob(LAUNCHERS[0] as Launcher, 2, words("study together"), folder);
    for (const [outcome, own] of [
      [alone, 3],
      [together, 2],
    ] as const) {
      expect(outcome).toMatchObject({ code: 0, stderr: "" });
      const said = jsonLines(outcome);
      // One voice: what rank 0 has trained, and then the study.
      expect(said.filter(({ kind }) => kind === "run")).toHaveLength(own);
      expect(said.at(-1)).toMatchObject({ kind: "study", runs: { planned: 3, finished: 3 } });
    }
    const measured = (out: string): unknown =>
      rows.map(({ name }) => {
        const path = join(folder, out, name.replace(" ", "-"), "seed-1");
        return [
          readFileSync(join(path, "model.safetensors")),
          readFileSync(join(path, "metrics.jsonl"), "utf8").match(/"top1":[\d.]+/g),
        ];
      });
    expect(measured("study together")).toEqual(measured("study alone"));
  });

  describe("on a full disk", () => {
    let disk = "";
    let isMounted = false;
    beforeAll(() => {
      disk = join(temporaryFolder(), "disk");
      mkdirSync(disk);
      isMounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=48k", "tmpfs", disk]).status === 0;
    });
    afterAll(() => void (isMounted && spawnSync("umount", [disk])));

    it("end with one sentence of rank 0 (skipped where a small disk cannot be made)", TIMEOUT, async ({ skip }) => {
      if (!isMounted) skip();
      const { code, stderr } = await runJob(LAUNCHERS.at(-1) as Launcher, 2, training(join(disk, "run")), folder);
      expect(code).not.toBe(0);
      expect(stderr.match(/^rbnet: .*$/gm)).toEqual([expect.stringMatching(/cannot write .*: the disk is full/)]);
    });
  });
});
