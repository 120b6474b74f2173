/** The WebAssembly backend in Node: modules from files, threads from worker_threads, and the accelerator's kernels where they are given. */
import { Worker } from "node:worker_threads";
import type { Backend } from "../kernels.js";
import { assembleBackend, createMemory, threadPlace } from "./connect.js";
import { type MachineLimits, measureLimits } from "./limits.js";
import { type Accelerated, compileKernels, hasRelaxedSimd, loadKernels } from "./module.js";
import type { ProductKind } from "./runner.js";
import type { PoolWorkerData } from "./worker.js";

export interface WasmOptions {
  /** Threads that compute, the calling one included. */
  readonly threads: number;
  /** Fused multiply-add; by default where the engine has it. */
  readonly relaxed?: boolean;
  /** How binary products count; by default what a short measurement finds faster, of those that round alike. The results are the same integers. */
  readonly product?: ProductKind;
  /** Kernels in C that replace some of the WebAssembly ones; by default none. */
  readonly accelerated?: Accelerated;
}

/** A backend that can say how fast it could be at best. */
export interface MeasurableBackend extends Backend {
  /** How its binary products count. */
  readonly productKind: ProductKind;
  /** Measures for about a second, on all of its threads. Nothing else should run meanwhile. */
  measureLimits(): Promise<MachineLimits>;
}

/** Loads the kernels and starts the pool. Dispose of it to end the threads. */
export async function createWasmBackend({
  threads,
  relaxed = hasRelaxedSimd(),
  product,
  accelerated,
}: WasmOptions): Promise<MeasurableBackend> {
  if (!Number.isInteger(threads) || threads < 1) throw new RangeError(`threads must be a whole number from 1, not ${threads}`);
  if (relaxed && !hasRelaxedSimd()) throw new Error("this engine has no relaxed SIMD");
  const module = await compileKernels(relaxed);
  const memory = createMemory(threads, true);
  const { kernels, product: only, tiles } = loadKernels(module, memory, accelerated);
  const workers = await Promise.all(
    Array.from({ length: threads - 1 }, (_, i) => startWorker({ module, memory, accelerated, ...threadPlace(i + 1) })),
  );
  const kind =
    accelerated === undefined ? `wasm, ${relaxed ? "relaxed" : "plain"} SIMD` : `native, ${accelerated.instructionSet}`;
  const description = `${kind}, ${threads} thread${threads === 1 ? "" : "s"}`;
  const end = (): void => {
    for (const worker of workers) void worker.terminate();
  };
  const assembled = assembleBackend({ memory, kernels, threads, description, product: product ?? only, end });
  const { backend, run } = assembled;
  return Object.assign(backend, {
    productKind: assembled.productKind,
    measureLimits: () => measureLimits(backend, run, threads, tiles),
  });
}

function startWorker(workerData: PoolWorkerData): Promise<Worker> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData });
    worker.once("error", reject);
    worker.once("message", () => {
      worker.unref();
      resolve(worker);
    });
  });
}
