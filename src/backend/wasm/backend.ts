/** The WebAssembly backend in Node: modules from files, threads from worker_threads, and the accelerator's kernels where they are given. */
import { Worker } from "node:worker_threads";
import type { Backend } from "../device.js";
import type { Kernels } from "../kernels.js";
import { binaryKernels } from "./binary.js";
import { channelKernels } from "./channels.js";
import { assembleBackend, createMemory, threadPlace } from "./connect.js";
import { inferenceKernels } from "./inference.js";
import { INFERENCE_LAYOUTS } from "./layouts/inference.js";
import { TRAINING_LAYOUTS } from "./layouts/training.js";
import { measureLimits } from "./limits.js";
import { lossKernels } from "./loss.js";
import { type Accelerated, compileKernels, hasRelaxedSimd, loadKernels } from "./module.js";
import { normalizationKernels } from "./normalization.js";
import type { ProductKind } from "./packed-weights.js";
import { poolingKernels } from "./pooling.js";
import { realKernels } from "./real.js";
import type { Runner } from "./runner.js";
import { describeThreads, firstStarted } from "./started-threads.js";
import { updateKernels } from "./update.js";
import type { PoolWorkerData } from "./worker.js";

export interface WasmOptions {
  /** Threads that compute, the calling one included. */
  readonly threads: number;
  /** Fused multiply-add; by default where the engine has it. */
  readonly relaxed?: boolean;
  /**
   * How binary products count; by default what a short measurement finds faster, of those that round alike. The results are the same
   * integers.
   */
  readonly product?: ProductKind;
  /** Kernels in C that replace some of the WebAssembly ones; by default none. */
  readonly accelerated?: Accelerated;
}

/** Loads the kernels and starts the pool. Dispose of it to end the threads. */
export async function createWasmBackend({
  threads,
  relaxed = hasRelaxedSimd(),
  product,
  accelerated,
}: WasmOptions): Promise<Backend> {
  if (!Number.isInteger(threads) || threads < 1) throw new RangeError(`threads must be a whole number from 1, not ${threads}`);
  if (relaxed && !hasRelaxedSimd()) throw new Error("this engine has no relaxed SIMD");
  const module = await compileKernels(relaxed);
  const memory = createMemory(threads, true);
  const { functions, product: only, tiles } = loadKernels(module, memory, accelerated);
  const starts = Array.from({ length: threads - 1 }, (_, i) => ({ module, memory, accelerated, ...threadPlace(i + 1) }));
  const { started: workers, obstacle } = firstStarted(await Promise.allSettled(starts.map(startWorker)), endWorker);
  const count = workers.length + 1;
  const kind =
    accelerated === undefined ? `wasm, ${relaxed ? "relaxed" : "plain"} SIMD` : `native, ${accelerated.instructionSet}`;
  const description = `${kind}, ${describeThreads(count, threads, obstacle)}`;
  const { backend, run, productKind } = assembleBackend({
    memory,
    layouts: { ...INFERENCE_LAYOUTS, ...TRAINING_LAYOUTS },
    functions,
    connect: allKernels,
    threads: count,
    places: threads,
    description,
    product: product ?? only,
    end: () => workers.forEach(endWorker),
  });
  return Object.assign(backend, {
    choices: { product: productKind },
    limits: () => measureLimits(backend, run, count, tiles),
  });
}

function allKernels(runner: Runner): Kernels {
  return {
    ...inferenceKernels(runner),
    ...binaryKernels(runner),
    ...realKernels(runner),
    ...normalizationKernels(runner),
    ...poolingKernels(runner),
    ...lossKernels(runner),
    ...channelKernels(runner),
    ...updateKernels(runner),
  };
}

function endWorker(worker: Worker): void {
  void worker.terminate();
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
