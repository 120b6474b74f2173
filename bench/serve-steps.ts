/**
 * The side of a competitor of ours in the line protocol (bench/README.md): says that it is ready, then answers each line that it is asked.
 */
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { resetPeak, statusBytes } from "./process-memory.js";

/** Resident bytes now, from where a competitor's memory counts: call it before anything is made. */
export function startOfMemory(): number {
  resetPeak();
  return statusBytes("VmRSS");
}

export interface Steps {
  readonly version: string;
  /** Of startOfMemory. */
  readonly residentBefore: number;
  /** One step; done when it resolves. */
  step(): Promise<void>;
  /** Bytes that a device with memory of its own has taken at most; undefined where that is the process's. */
  readonly deviceBytes?: (() => number) | undefined;
  /** What comes before the clock of a round. */
  prepare?(): Promise<void>;
}

/** Resolves when it is asked to quit. */
export async function serveSteps({ version, residentBefore, deviceBytes, step, prepare }: Steps): Promise<void> {
  answer({ ready: true, version });
  for await (const line of createInterface({ input: process.stdin })) {
    const [request, argument] = line.split(" ");
    if (request === "step") {
      await prepare?.();
      const start = performance.now();
      for (let done = 0; done < Number(argument); done++) await step();
      answer({ seconds: (performance.now() - start) / 1_000, steps: Number(argument) });
    } else if (request === "memory") {
      const residentBytes = statusBytes("VmHWM");
      answer({ peakBytes: deviceBytes?.() ?? residentBytes - residentBefore, residentBytes });
    } else if (request === "quit") break;
    else throw new Error(`unknown request: ${line}`);
  }
}

function answer(reply: object): void {
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
