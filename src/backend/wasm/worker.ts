// One thread of the pool: instantiates the same module on the same memory and serves jobs until stopped.
import { parentPort, workerData } from "node:worker_threads";
import { type Accelerated, loadKernels } from "./module.js";
import { serve } from "./thread-pool.js";

export interface PoolWorkerData {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly accelerated: Accelerated | undefined;
  readonly controlOffset: number;
  readonly scratch: number;
}

const data = workerData as PoolWorkerData;
const { functions } = loadKernels(data.module, data.memory, data.accelerated);
parentPort?.postMessage("ready");
serve(data.memory.buffer as unknown as SharedArrayBuffer, data.controlOffset, functions, data.scratch);
