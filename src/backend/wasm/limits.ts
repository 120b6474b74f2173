/**
 * What this machine can do at best with a backend's instructions and threads: arithmetic on registers only, and copies of more memory than
 * its caches hold. A share of these limits says how much is left to gain, where a ratio to something else does not.
 */
import type { Backend, MachineLimits } from "../device.js";
import type { KernelName } from "../kernel-table/table.js";
import { ELEMENT_BYTES } from "./arena.js";
import type { Runner } from "./runner.js";

type PeakKernel = Extract<KernelName, `peak${string}`>;

/** Any odd number: operands that the compiler cannot know. */
const SEED = 0x1234_5677;
/** A chunk takes some tenths of a millisecond. */
const ROUNDS = 200_000;
const CHUNKS_PER_THREAD = 32;
/** On a shared machine only the best of several is the machine's. */
const REPETITIONS = 12;
/** Well over the last cache of common machines. */
const COPY_WORDS = 24 << 20;

/** `tiles`: whether there is a loop of tiles to measure. */
export async function measureLimits(
  backend: Backend,
  run: Runner["run"],
  threads: number,
  tiles: boolean,
): Promise<MachineLimits> {
  const peak = (kernel: PeakKernel): Promise<number> => peakRate(backend, run, kernel, threads * CHUNKS_PER_THREAD);
  const realMacsPerSecond = await peak("peakMultiplyAdd");
  return {
    realMacsPerSecond,
    signedMacsPerSecond: tiles ? await peak("peakTiles") : realMacsPerSecond,
    binaryMacsPerSecond: Math.max(await peak("peakPopcount"), await peak("peakTable")),
    bytesPerSecond: copyRate(backend),
  };
}

/** Multiply-accumulates a second of a kernel of peak.ts. */
async function peakRate(backend: Backend, run: Runner["run"], kernel: PeakKernel, chunks: number): Promise<number> {
  const mark = backend.mark();
  const done = backend.allocate("accumulator", [chunks]);
  const seconds = shortestSeconds(() => run(kernel, chunks, { rounds: ROUNDS, seed: SEED, done }));
  const macs = Array.from(await backend.read(done)).reduce((sum, count) => sum + count, 0);
  backend.release(mark);
  return macs / seconds;
}

function copyRate(backend: Backend): number {
  const mark = backend.mark();
  const [from, to] = [backend.allocate("uint32", [COPY_WORDS]), backend.allocate("uint32", [COPY_WORDS])] as const;
  const seconds = shortestSeconds(() => backend.copy(from, to));
  backend.release(mark);
  return (2 * COPY_WORDS * ELEMENT_BYTES.uint32) / seconds;
}

function shortestSeconds(work: () => void): number {
  const times = Array.from({ length: REPETITIONS }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return Math.min(...times) / 1_000;
}
