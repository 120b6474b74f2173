/** A run that is killed, again and again and at any moment, ends with the weights of one that never was. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { Random } from "#rbnet/data/random";
import { decodeModel } from "#rbnet/runtime/model";
import { decodeSafetensors } from "#rbnet/runtime/safetensors";
import { temporaryFolder } from "../temporary-folder.js";
import { bitsOf, differences } from "./tiny-runs.js";

const PROGRAM = fileURLToPath(new URL("killed-run.mjs", import.meta.url));
/** Of that program. */
const STEPS_PER_EPOCH = 8;

/** Runs the program to its end, or kills it `delayMs` after so many steps. Returns the steps that it said and how it ended. */
async function run(folder: string, threads: number, kill?: { readonly afterSteps: number; readonly delayMs: number }) {
  const child = spawn(process.execPath, [PROGRAM, folder, String(threads)], { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (text: Buffer) => {
    errors += text.toString();
  });
  const closed = new Promise<NodeJS.Signals | null>((resolve) => child.on("close", (_code, signal) => resolve(signal)));
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    if (lines.length !== kill?.afterSteps) continue;
    await setTimeout(kill.delayMs);
    child.kill("SIGKILL");
  }
  const signal = await closed;
  if (signal !== "SIGKILL" && lines.at(-1) !== "done") throw new Error(`the run ended early: ${errors}`);
  return { lines, killed: signal === "SIGKILL" };
}

/** Steps since the start of a run, from what it said last. */
function positionOf(line: string | undefined): number {
  const [epoch = Number.NaN, step = Number.NaN] = (line ?? "").split(" ").map(Number);
  return (epoch - 1) * STEPS_PER_EPOCH + step;
}

/** Steps since the start of a run, from its checkpoint. */
function positionIn(checkpoint: string): number {
  const { metadata } = decodeSafetensors(readFileSync(checkpoint), "checkpoint");
  const { epoch, step } = JSON.parse(metadata.progress ?? "") as { epoch: number; step: number };
  return epoch * STEPS_PER_EPOCH + step;
}

describe("a run that is killed at any moment", () => {
  it("never leaves a broken file, and ends with the weights of one that was not", { timeout: 120_000 }, async () => {
    const [straight, broken] = [temporaryFolder(), temporaryFolder()];
    await run(straight, 1);
    const random = new Random(17);
    let kills = 0;
    for (;;) {
      const threads = 1 + (kills % 2);
      const { lines, killed } = await run(broken, threads, { afterSteps: 3 + random.integer(8), delayMs: random.integer(12) });
      const checkpoint = join(broken, "checkpoint.safetensors");
      // Saved after every step, which is said just before: a kill costs that step at most.
      if (killed) expect(positionIn(checkpoint)).toBeGreaterThanOrEqual(positionOf(lines.at(-1)) - 1);
      const model = join(broken, "model.safetensors");
      if (existsSync(model)) decodeModel(readFileSync(model), "model");
      if (!killed) break;
      kills++;
    }
    expect(kills).toBeGreaterThan(3);
    expect(differences(bitsOf(broken), bitsOf(straight))).toEqual([]);
    expect(readdirSync(broken).filter((name) => name.endsWith(".unfinished"))).toEqual([]);
  });
});
