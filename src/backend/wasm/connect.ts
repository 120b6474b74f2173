/**
 * Puts a backend together on a WebAssembly memory, wherever it runs: memory plan, pool, and thin connectors from the contract to the kernels. How modules
 * are found and threads are started is the program's around it (backend.ts in Node). It knows no layers.
 */
import {
  type ElementType,
  elementCount,
  MAXIMUM_BINARY_INPUTS,
  type Tensor,
  type WindowGeometry,
  wordsFor,
} from "../../tensor.js";
import type { Backend } from "../device.js";
import { CONSTANTS, type KernelName } from "../kernel-table.js";
import { Arena, ELEMENT_BYTES, WasmTensor } from "./arena.js";
import { binaryKernels } from "./binary.js";
import { channelKernels } from "./channels.js";
import { KERNEL_NAMES } from "./kernel-names.js";
import { lossKernels } from "./loss.js";
import { normalizationKernels } from "./normalization.js";
import { arranged, arrangeSigns, type ProductKind, packedSigns, WasmBinaryWeights, weightBytes } from "./packed-weights.js";
import { poolingKernels } from "./pooling.js";
import { realKernels } from "./real.js";
import { type Address, numbersByKernel, type Runner, WasmWindow, windowTable } from "./runner.js";
import { type KernelFunction, Pool } from "./thread-pool.js";
import { updateKernels } from "./update.js";

/** Static data of the module lies below. */
const CONTROL_OFFSET = 65536;
const SCRATCH_OFFSET = CONTROL_OFFSET + 4096;
const PAGE = 65536;
const MAXIMUM_PAGES = 65536;

/** Where a thread of the pool finds its job and its own scratch memory. */
export interface ThreadPlace {
  readonly controlOffset: number;
  readonly scratch: number;
}

/** Thread 0 is the calling one. */
export function threadPlace(thread: number): ThreadPlace {
  return { controlOffset: CONTROL_OFFSET, scratch: SCRATCH_OFFSET + thread * CONSTANTS.SCRATCH_BYTES };
}

/** First byte behind what `threads` threads have for themselves. */
function arenaBase(threads: number): number {
  return SCRATCH_OFFSET + threads * CONSTANTS.SCRATCH_BYTES;
}

/** A memory with room for `threads` threads, which can grow to all that 32-bit addresses reach. */
export function createMemory(threads: number, shared: boolean): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: Math.ceil(arenaBase(threads) / PAGE) + 1, maximum: MAXIMUM_PAGES, shared });
}

export interface Assembly {
  readonly memory: WebAssembly.Memory;
  /** Of the calling thread, in the order of KERNEL_NAMES. */
  readonly kernels: readonly KernelFunction[];
  readonly threads: number;
  readonly description: string;
  /** How binary products count; by default what a short measurement finds faster. */
  readonly product?: ProductKind | undefined;
  /** Called once, after the pool has been told to stop. */
  readonly end: () => void;
}

/** A backend, and the way to run one of its kernels by name. */
export interface Assembled {
  readonly backend: Backend;
  readonly productKind: ProductKind;
  readonly run: Runner["run"];
}

export function assembleBackend({ memory, kernels, threads, description, product, end }: Assembly): Assembled {
  const { controlOffset, scratch } = threadPlace(0);
  const pool = new Pool(memory.buffer as unknown as SharedArrayBuffer, controlOffset, kernels, threads, scratch);
  const arena = new Arena(memory, arenaBase(threads));
  const kind = product ?? fasterProduct(arena, kernels, scratch);
  const numbers = new Map<KernelName, number>(KERNEL_NAMES.map((name, index) => [name, index]));
  const argumentsOf = numbersByKernel();
  const run: Runner["run"] = (kernel, chunks, given) =>
    pool.run(numbers.get(kernel) as number, chunks, argumentsOf(kernel, given));
  const backend = connect(arena, { run, threads }, kind, description, () => {
    pool.stop();
    end();
  });
  return { backend, run, productKind: kind };
}

const TRIAL = { rows: 64, inputs: 512, filters: 64 };
/** Long enough for an engine to compile the loops well, and nothing to a person. */
const TRIAL_MILLISECONDS = 4;

/** Times both products on a small problem, in turn; the better of the shortest times wins. */
function fasterProduct(arena: Arena, kernels: readonly KernelFunction[], scratch: number): ProductKind {
  const { rows, inputs, filters } = TRIAL;
  const mark = arena.mark();
  const columns = arena.allocate("uint32", [rows, wordsFor(inputs)]).offset;
  const weights = arena.reserve(weightBytes(inputs, filters).forward);
  const y = arena.allocate("dotProduct", [rows, filters]).offset;
  const shortest = { popcount: Number.POSITIVE_INFINITY, table: Number.POSITIVE_INFINITY };
  const runs = {
    popcount: kernels[KERNEL_NAMES.indexOf("binaryProduct")],
    table: kernels[KERNEL_NAMES.indexOf("binaryProductTable")],
  };
  const start = performance.now();
  while (performance.now() - start < TRIAL_MILLISECONDS) {
    for (const kind of ["popcount", "table"] as const) {
      const before = performance.now();
      for (let i = 0; i < 4; i++) runs[kind]?.(0, 1, scratch, columns, weights, y, rows, inputs, filters, rows, 0);
      shortest[kind] = Math.min(shortest[kind], performance.now() - before);
    }
  }
  arena.release(mark);
  return shortest.table < shortest.popcount ? "table" : "popcount";
}

function connect(
  arena: Arena,
  pool: Pick<Runner, "run" | "threads">,
  product: ProductKind,
  description: string,
  dispose: () => void,
): Backend {
  const work = { start: 0, bytes: 0 };
  const runner: Runner = {
    ...pool,
    work(bytes) {
      if (bytes > work.bytes) {
        work.start = arena.reserveAside(bytes);
        work.bytes = bytes;
      }
      return work.start as Address;
    },
  };
  const own = <T extends ElementType>(tensor: Tensor<T>): WasmTensor<T> => {
    if (!(tensor instanceof WasmTensor)) throw new Error("this tensor belongs to another backend");
    return tensor;
  };
  return {
    ...binaryKernels(runner),
    ...realKernels(runner),
    ...normalizationKernels(runner),
    ...poolingKernels(runner),
    ...lossKernels(runner),
    ...channelKernels(runner),
    ...updateKernels(runner),
    description,
    get memory() {
      return { bytes: arena.bytes, peakBytes: arena.peakBytes };
    },
    elementBytes: ELEMENT_BYTES,
    allocate: (type, shape) => arena.allocate(type, shape),
    view(tensor, shape, from = 0) {
      const { type, offset, shape: whole } = own(tensor);
      if (from + elementCount(shape) > elementCount(whole))
        throw new Error(`a view of [${shape}] from ${from} exceeds [${whole}]`);
      return new WasmTensor(type, shape, offset + from * ELEMENT_BYTES[type]);
    },
    window: (geometry) => new WasmWindow(geometry, writeWindow(arena, geometry)),
    binaryWeights(inputs, filters, gradient) {
      if (inputs > MAXIMUM_BINARY_INPUTS)
        throw new Error(`a binary product of ${inputs} inputs would overflow; ${MAXIMUM_BINARY_INPUTS} are the most`);
      const bytes = weightBytes(inputs, filters);
      const forward = arena.reserve(bytes.forward) as Address;
      const backward = gradient ? (arena.reserve(bytes.gradient) as Address) : undefined;
      return new WasmBinaryWeights(product, inputs, filters, forward, backward);
    },
    writeWeights: (weights, packed) => arrangeSigns(arena.memory.buffer, arranged(weights), packed),
    readWeights: async (weights) => packedSigns(arena.memory.buffer, arranged(weights)),
    mark: () => arena.mark(),
    release: (mark) => arena.release(mark),
    write(tensor, data) {
      const target = arena.elements(own(tensor));
      if (target.length !== data.length) throw new Error(`${data.length} values do not fill a tensor of ${target.length}`);
      target.set(data);
    },
    read: async (tensor) => arena.copy(own(tensor)),
    readAll: async (tensors) => tensors.map((tensor) => arena.copy(own(tensor))),
    [Symbol.dispose]: dispose,
  };
}

function writeWindow(arena: Arena, geometry: WindowGeometry): number {
  const values = windowTable(geometry);
  const table = arena.allocate("int32", [values.length]);
  arena.elements(table).set(values);
  return table.offset;
}
