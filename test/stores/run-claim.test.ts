/** One training at a time in a folder, whatever became of those before. */
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { FolderTaken, isClaimed, RunClaim } from "#rbnet/stores/run-claim";
import { temporaryFolder } from "../temporary-folder.js";

const PROGRAM = fileURLToPath(new URL("claiming.mjs", import.meta.url));

/** A folder with a claim as somebody else has left it. */
function folderOf(owner: object, touched = new Date()): string {
  const folder = temporaryFolder();
  const file = join(folder, ".training");
  writeFileSync(file, JSON.stringify({ process: 1, host: hostname(), since: "2026-01-01T00:00:00.000Z", ...owner }));
  utimesSync(file, touched, touched);
  return folder;
}

async function taken(folder: string): Promise<boolean> {
  const claim = await RunClaim.take(folder).catch((error: unknown) => {
    if (error instanceof FolderTaken) return undefined;
    throw error;
  });
  await claim?.[Symbol.asyncDispose]();
  return claim !== undefined;
}

describe("a claim of a run's folder", () => {
  it("keeps a second training of this process out, and leaves nothing behind", async () => {
    const folder = temporaryFolder();
    const first = await RunClaim.take(folder);
    expect(await isClaimed(folder)).toBe(true);
    await expect(RunClaim.take(folder)).rejects.toThrow(/a training is under way in .* \(this program\); wait for its end/);
    await first[Symbol.asyncDispose]();
    expect(await isClaimed(folder)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
    expect(await taken(folder)).toBe(true);
  });

  it("says who holds the folder, and what to do", async () => {
    // The parent of this process lives as long as it does.
    const folder = folderOf({ process: process.ppid });
    await expect(RunClaim.take(folder)).rejects.toThrow(
      new RegExp(
        `process ${process.ppid} on ${hostname()}, since 2026-.*choose another folder with --out, or remove .*\\.training if`,
      ),
    );
    expect(await isClaimed(folder)).toBe(true);
  });

  it.skipIf(process.platform !== "linux")("binds nobody once its owner has ended, though nobody has asked how", async () => {
    // The shell becomes a program, before its child ends, that never asks after children.
    const parent = spawn("sh", ["-c", "sleep 0.3 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] });
    try {
      const [number] = await once(parent.stdout.setEncoding("utf8"), "data");
      await expect.poll(() => readFileSync(`/proc/${Number(number)}/status`, "latin1")).toMatch(/^State:\s*Z/m);
      expect(await taken(folderOf({ process: Number(number) }))).toBe(true);
    } finally {
      parent.kill("SIGKILL");
    }
  });

  it("binds nobody once its owner is gone", async () => {
    const ended = fork(PROGRAM, ["", "0"], { stdio: "ignore" });
    await once(ended, "exit");
    expect(await taken(folderOf({ process: ended.pid }))).toBe(true);
    expect(await taken(folderOf({ process: process.pid }))).toBe(true);
    // From before the machine was started.
    expect(await taken(folderOf({ process: process.ppid }, new Date(2000, 1, 1)))).toBe(true);
  });

  it("of another machine holds as long as there are signs of life", async () => {
    expect(await taken(folderOf({ host: "elsewhere" }))).toBe(false);
    expect(await taken(folderOf({ host: "elsewhere" }, new Date(Date.now() - 61_000)))).toBe(true);
  });

  it("that is no claim binds nobody", async () => {
    for (const text of ["", "{", '{"process":"7"}']) {
      const folder = temporaryFolder();
      const file = join(folder, ".training");
      writeFileSync(file, text);
      // It may be one that is being written, for a moment.
      expect(await taken(folder)).toBe(false);
      const before = new Date(Date.now() - 6_000);
      utimesSync(file, before, before);
      expect(await taken(folder)).toBe(true);
    }
  });

  it("is given to exactly one of many that come at once, a left one in their way or not", { timeout: 60_000 }, async () => {
    const folders = Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? temporaryFolder() : folderOf({ process: 2 ** 22 + 1 })));
    const list = join(temporaryFolder(), "folders");
    writeFileSync(list, folders.join("\n"));
    const log = temporaryFolder();
    mkdirSync(join(log, "holders"));
    const start = String(Date.now() + 1_500);
    const children = Array.from({ length: 6 }, () =>
      fork(PROGRAM, [list, start], { stdio: ["ignore", "pipe", "inherit", "ipc"] }),
    );
    const counts = new Map<string, number>();
    for (const child of children) {
      let said = "";
      child.stdout?.on("data", (text: Buffer) => {
        said += text.toString();
      });
      child.once("close", () => {
        for (const folder of said.split("\n").filter((line) => line !== "")) counts.set(folder, (counts.get(folder) ?? 0) + 1);
      });
    }
    // All hold what they took until everybody has tried.
    await Promise.all(children.map((child) => once(child, "message")));
    for (const folder of folders) expect(JSON.parse(readFileSync(join(folder, ".training"), "utf8")).host).toBe(hostname());
    const ended = children.map((child) => once(child, "close"));
    for (const child of children) child.send("end");
    await Promise.all(ended);
    expect([...counts.values()]).toEqual(folders.map(() => 1));
  });
});
