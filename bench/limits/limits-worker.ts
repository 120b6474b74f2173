/** One thread of the measurement of the machine's limits: every repetition starts together with those of the other threads. */
import { performance } from "node:perf_hooks";
import { parentPort, workerData } from "node:worker_threads";

export interface LimitsWork {
  readonly module: WebAssembly.Module;
  /** [threads that arrived, rounds of arrivals]. */
  readonly barrier: Int32Array<SharedArrayBuffer>;
  readonly threads: number;
  readonly copyBytes: number;
}

/** A second, by repetition. */
export interface Rates {
  readonly real: readonly number[];
  readonly popcount: readonly number[];
  readonly nibbles: readonly number[];
  readonly bytes: readonly number[];
}

interface Loops {
  multiplyAdd(rounds: number, seed: number): number;
  popcount(rounds: number, seed: number): number;
  nibbleTable(rounds: number, seed: number): number;
  copy(half: number, bytes: number): void;
}

/** Any odd number: operands that the compiler cannot know. */
const SEED = 0x1234_5677;
const REPETITIONS = 12;
/** About 50 ms each loop on a machine of 2023. */
const ROUNDS = 20_000_000;
/** What a round of limits/assembly/kernels.ts counts. */
const REAL_MACS_PER_ROUND = 10 * 4;
const POPCOUNT_MACS_PER_ROUND = 4 * 128;
const NIBBLE_MACS_PER_ROUND = 8 * 64;

const { module, barrier, threads, copyBytes } = workerData as LimitsWork;
const loops = new WebAssembly.Instance(module, { env: { abort: () => undefined } }).exports as unknown as Loops;
const rates: Rates = {
  real: measure(ROUNDS * REAL_MACS_PER_ROUND, () => loops.multiplyAdd(ROUNDS, SEED)),
  popcount: measure(ROUNDS * POPCOUNT_MACS_PER_ROUND, () => loops.popcount(ROUNDS, SEED)),
  nibbles: measure(ROUNDS * NIBBLE_MACS_PER_ROUND, () => loops.nibbleTable(ROUNDS, SEED)),
  // Every byte is read once and written once.
  bytes: measure(2 * copyBytes, () => loops.copy(copyBytes, copyBytes)),
};
parentPort?.postMessage(rates);

function measure(amount: number, loop: () => unknown): number[] {
  return Array.from({ length: REPETITIONS }, () => {
    waitForOthers();
    const start = performance.now();
    loop();
    return (amount * 1_000) / (performance.now() - start);
  });
}

function waitForOthers(): void {
  const round = Atomics.load(barrier, 1);
  if (Atomics.add(barrier, 0, 1) === threads - 1) {
    Atomics.store(barrier, 0, 0);
    Atomics.add(barrier, 1, 1);
    Atomics.notify(barrier, 1);
  } else Atomics.wait(barrier, 1, round);
}
