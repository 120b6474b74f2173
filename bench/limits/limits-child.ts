/** The process behind machineLimits: compiles the loops, runs them on threads in step, and prints the best sums of rates. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import asc from "assemblyscript/asc";
import { hasRelaxedSimd } from "#rbnet/backend/wasm/module";
import { repository } from "../versions.js";
import type { LimitsWork, Rates } from "./limits-worker.js";

const PAGE = 65_536;
/** Half of the memory, in bytes: well over the last cache of common machines. */
const COPY_BYTES = 96 * 2 ** 20;

const threads = Number(process.argv[2]);
const module = await WebAssembly.compile(await compileLoops(hasRelaxedSimd()));
const barrier = new Int32Array(new SharedArrayBuffer(8));
const rates = await Promise.all(
  Array.from({ length: threads }, () => startWorker({ module, barrier, threads, copyBytes: COPY_BYTES })),
);
const limits = {
  realMacsPerSecond: bestSum(rates.map(({ real }) => real)),
  binaryMacsPerSecond: Math.max(bestSum(rates.map(({ popcount }) => popcount)), bestSum(rates.map(({ nibbles }) => nibbles))),
  bytesPerSecond: bestSum(rates.map(({ bytes }) => bytes)),
};
process.stdout.write(`${JSON.stringify(limits)}\n`);

async function compileLoops(relaxed: boolean): Promise<Uint8Array<ArrayBuffer>> {
  const source = readFileSync(join(repository, "bench/limits/assembly/kernels.ts"), "utf8");
  const features = ["simd", "bulk-memory", ...(relaxed ? ["relaxed-simd"] : [])].flatMap((feature) => ["--enable", feature]);
  const pages = String(Math.ceil((2 * COPY_BYTES) / PAGE) + 1);
  const flags = [
    "kernels.ts",
    "--outFile",
    "kernels.wasm",
    "-O3",
    "--noAssert",
    "--runtime",
    "stub",
    "--initialMemory",
    pages,
    ...features,
  ];
  let binary: Uint8Array<ArrayBuffer> | undefined;
  const { error, stderr } = await asc.main(flags, {
    readFile: (name) => (name === "kernels.ts" ? source : null),
    writeFile: (_, contents) => {
      if (typeof contents !== "string") binary = new Uint8Array(contents);
    },
    listFiles: () => [],
  });
  if (error !== null || binary === undefined) throw new Error(`the loops do not compile: ${stderr.toString()}`);
  return binary;
}

function startWorker(workerData: LimitsWork): Promise<Rates> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./limits-worker.js", import.meta.url), { workerData });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

/** rates: [thread][repetition]. The threads' sum in the repetition where it was largest. */
function bestSum(rates: readonly (readonly number[])[]): number {
  const repetitions = rates[0]?.length ?? 0;
  const sums = Array.from({ length: repetitions }, (_, repetition) =>
    rates.reduce((sum, thread) => sum + (thread[repetition] ?? 0), 0),
  );
  return Math.max(...sums);
}
