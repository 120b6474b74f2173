/**
 * The WebAssembly backend: one shared memory, a pool of threads on it, and thin connectors from the contract to the kernels. It knows no layers.
 */
import { Worker } from "node:worker_threads";
import { BYTES, elementCount, type WindowGeometry } from "../../tensor.js";
import type { Backend } from "../kernels.js";
import { Arena, WasmTensor } from "./arena.js";
import { binaryKernels } from "./binary.js";
import { type Accelerated, compileKernels, hasRelaxedSimd, instantiateKernels, KERNEL_NAMES, type KernelName } from "./module.js";
import { normalizationKernels } from "./normalization.js";
import { Pool } from "./pool.js";
import { realKernels } from "./real.js";
import { type Runner, WasmBinaryWeights, WasmWindow } from "./runner.js";
import { updateKernels } from "./update.js";
import type { PoolWorkerData } from "./worker.js";

/** Static data of the module lies below. */
const CONTROL_OFFSET = 65536;
const SCRATCH_OFFSET = CONTROL_OFFSET + 4096;
/** Largest need: an input gradient of 9 * 512 inputs and 2,048 filters, 64 bytes each, and the tables. */
const SCRATCH_BYTES = 1 << 20;
const MAXIMUM_PAGES = 65536;
/** The product sums the squares of 64 results at a time in an int32: 64 * inputs^2 has to stay below 2^31. */
const MAXIMUM_INPUTS = 5792;

export interface WasmOptions {
  /** Threads that compute, the calling one included. */
  readonly threads: number;
  /** Fused multiply-add; by default where the engine has it. */
  readonly relaxed?: boolean;
  /** Kernels in C that replace some of the WebAssembly ones; by default none. */
  readonly accelerated?: Accelerated;
}

/** Loads the kernels and starts the pool. Dispose of it to end the threads. */
export async function createWasmBackend({ threads, relaxed = hasRelaxedSimd(), accelerated }: WasmOptions): Promise<Backend> {
  if (!Number.isInteger(threads) || threads < 1) throw new RangeError(`threads must be a whole number from 1, not ${threads}`);
  if (relaxed && !hasRelaxedSimd()) throw new Error("this engine has no relaxed SIMD");
  const module = await compileKernels(relaxed);
  const base = SCRATCH_OFFSET + threads * SCRATCH_BYTES;
  const memory = new WebAssembly.Memory({ initial: Math.ceil(base / 65536) + 1, maximum: MAXIMUM_PAGES, shared: true });
  const kernels = instantiateKernels(module, memory, accelerated);
  const workers = await Promise.all(
    Array.from({ length: threads - 1 }, (_, i) =>
      startWorker({
        module,
        memory,
        accelerated,
        controlOffset: CONTROL_OFFSET,
        scratch: SCRATCH_OFFSET + (i + 1) * SCRATCH_BYTES,
      }),
    ),
  );
  const pool = new Pool(memory.buffer as unknown as SharedArrayBuffer, CONTROL_OFFSET, kernels, threads, SCRATCH_OFFSET);
  const arena = new Arena(memory, base);
  const kind =
    accelerated === undefined ? `wasm, ${relaxed ? "relaxed" : "plain"} SIMD` : `native, ${accelerated.instructionSet}`;
  const description = `${kind}, ${threads} thread${threads === 1 ? "" : "s"}`;
  return connect(arena, pool, description, () => {
    pool.stop();
    for (const worker of workers) void worker.terminate();
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

function connect(arena: Arena, pool: Pool, description: string, dispose: () => void): Backend {
  const work = { start: 0, bytes: 0 };
  const numbers = new Map<KernelName, number>(KERNEL_NAMES.map((name, index) => [name, index]));
  const runner: Runner = {
    run: (kernel, chunks, ...parameters) => pool.run(numbers.get(kernel) as number, chunks, parameters),
    work(bytes) {
      if (bytes > work.bytes) {
        work.start = arena.reserveAside(bytes);
        work.bytes = bytes;
      }
      return work.start;
    },
  };
  const own = (tensor: unknown): WasmTensor => {
    if (!(tensor instanceof WasmTensor)) throw new Error("this tensor belongs to another backend");
    return tensor;
  };
  return {
    ...binaryKernels(runner),
    ...realKernels(runner),
    ...normalizationKernels(runner),
    ...updateKernels(runner),
    description,
    get memory() {
      return { bytes: arena.bytes, peakBytes: arena.peakBytes };
    },
    allocate: (type, shape) => arena.allocate(type, shape),
    view(tensor, shape, from = 0) {
      const { type, offset, shape: whole } = own(tensor);
      if (from + elementCount(shape) > elementCount(whole))
        throw new Error(`a view of [${shape}] from ${from} exceeds [${whole}]`);
      return new WasmTensor(type, shape, offset + from * BYTES[type]);
    },
    window: (geometry) => new WasmWindow(geometry, writeWindow(arena, geometry)),
    binaryWeights(inputs, filters) {
      if (inputs > MAXIMUM_INPUTS)
        throw new Error(`a binary product of ${inputs} inputs would overflow; ${MAXIMUM_INPUTS} are the most`);
      const forward = arena.allocate("int16", [Math.ceil(inputs / 16), Math.ceil(filters / 8) * 8]);
      const gradient = arena.allocate("int16", [inputs, Math.ceil(filters / 4)]);
      return new WasmBinaryWeights(inputs, filters, forward.offset, gradient.offset);
    },
    mark: () => arena.mark(),
    release: (mark) => arena.release(mark),
    write(tensor, data) {
      const target = arena.elements(own(tensor));
      if (target.length !== data.length) throw new Error(`${data.length} values do not fill a tensor of ${target.length}`);
      target.set(data);
    },
    read: async (tensor) => arena.elements(own(tensor)).slice(),
    [Symbol.dispose]: dispose,
  };
}

function writeWindow(arena: Arena, geometry: WindowGeometry): number {
  const { images, height, width, channels, kernel, step, rows, columns } = geometry;
  const table = arena.allocate("int32", [8 + rows.length + columns.length]);
  arena.elements(table).set([images, height, width, channels, kernel, step, rows.length, columns.length, ...rows, ...columns]);
  return table.offset;
}
