/**
 * Puts a backend together on a WebAssembly memory, wherever it runs: memory plan, pool, and thin connectors from the contract to the
 * kernels. How modules are found and threads are started, and which kernels there are, is the program's around it (backend.ts in Node,
 * embedded.ts in a page). It knows no layers.
 */
import {
  type ElementType,
  elementCount,
  MAXIMUM_BINARY_INPUTS,
  type Tensor,
  type WindowGeometry,
  wordsFor,
} from "../../tensor.js";
import type { Device } from "../device.js";
import { SCRATCH_BYTES } from "../kernel-table/constants.js";
import { Arena, ELEMENT_BYTES, WasmTensor } from "./arena.js";
import type { Layout } from "./layouts/layout.js";
import { arranged, arrangeSigns, type ProductKind, packedSigns, WasmBinaryWeights, weightBytes } from "./packed-weights.js";
import { PREFERENCES } from "./preferences.js";
import { type Address, type Runner, runByNames, windowTable } from "./runner.js";
import { SlicedConvolution, sliceNeeds } from "./slices.js";
import { type KernelFunction, Pool } from "./thread-pool.js";
import { WasmWindow } from "./wasm-window.js";

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
  return { controlOffset: CONTROL_OFFSET, scratch: SCRATCH_OFFSET + thread * SCRATCH_BYTES };
}

/** First byte behind what `threads` threads have for themselves. */
function arenaBase(threads: number): number {
  return SCRATCH_OFFSET + threads * SCRATCH_BYTES;
}

/** A memory with room for `threads` threads, which can grow to all that 32-bit addresses reach. */
export function createMemory(threads: number, shared: boolean): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: Math.ceil(arenaBase(threads) / PAGE) + 1, maximum: MAXIMUM_PAGES, shared });
}

/** What a backend is put together from; `Kernels` are those of the contract that it has. */
export interface Assembly<Kernels> {
  readonly memory: WebAssembly.Memory;
  /** The functions that there are, */
  readonly layouts: Readonly<Record<string, Layout>>;
  /** and those of the calling thread, in the order of `layouts`. */
  readonly functions: readonly KernelFunction[];
  readonly connect: (runner: Runner) => Kernels;
  readonly threads: number;
  /** Threads that the memory has room for, where some of them could not be started. */
  readonly places?: number;
  readonly description: string;
  /** How binary products count; by default what a short measurement finds faster. */
  readonly product?: ProductKind | undefined;
  /** Called once, after the pool has been told to stop. */
  readonly end: () => void;
}

/** A backend, and the way to run one of its kernels by name. */
export interface Assembled<Kernels> {
  readonly backend: Device & Kernels;
  readonly productKind: ProductKind;
  readonly run: Runner["run"];
}

export function assembleBackend<Kernels>(assembly: Assembly<Kernels>): Assembled<Kernels> {
  const { memory, layouts, functions, connect, threads, places = threads, description, product, end } = assembly;
  const { controlOffset, scratch } = threadPlace(0);
  const pool = new Pool(memory.buffer as unknown as SharedArrayBuffer, controlOffset, functions, threads, scratch);
  const arena = new Arena(memory, arenaBase(places));
  const run = runByNames(layouts, (kernel, chunks, numbers) => pool.run(kernel, chunks, numbers));
  const kind = product ?? fasterProduct(arena, run);
  const device = deviceOf(arena, kind, description, () => {
    pool.stop();
    end();
  });
  return { backend: Object.assign(device, connect({ run, threads, work: workSpace(arena) })), run, productKind: kind };
}

const TRIAL = { rows: 64, inputs: 512, filters: 64 };
/** Long enough for an engine to compile the loops well, and nothing to a person. */
const TRIAL_MILLISECONDS = 4;
/** Some platforms' clocks stand still while code runs (Cloudflare Workers). */
const MOST_TRIALS = 100;

/** Times both products on a small problem, in turn, on the calling thread; the better of the shortest times wins. */
function fasterProduct(arena: Arena, run: Runner["run"]): ProductKind {
  const { rows, inputs, filters } = TRIAL;
  const mark = arena.mark();
  const columns = arena.allocate("uint32", [rows, wordsFor(inputs)]);
  const weights = arena.reserve(weightBytes(inputs, filters).forward) as Address;
  const y = arena.allocate("dotProduct", [rows, filters]);
  const shortest = { popcount: Number.POSITIVE_INFINITY, table: Number.POSITIVE_INFINITY };
  const kernels = { popcount: "binaryProduct", table: "binaryProductTable" } as const;
  const operands = { columns, weights, y, rows, inputs, filters, chunkRows: rows };
  const start = performance.now();
  for (let trial = 0; trial < MOST_TRIALS && performance.now() - start < TRIAL_MILLISECONDS; trial++) {
    for (const kind of ["popcount", "table"] as const) {
      const before = performance.now();
      for (let i = 0; i < 4; i++) run(kernels[kind], 1, operands);
      shortest[kind] = Math.min(shortest[kind], performance.now() - before);
    }
  }
  arena.release(mark);
  return shortest.table < shortest.popcount ? "table" : "popcount";
}

/** Work space that grows, and that kernels use in turn. */
function workSpace(arena: Arena): Runner["work"] {
  let [start, size] = [0, 0];
  return (bytes) => {
    if (bytes > size) {
      start = arena.reserveAside(bytes);
      size = bytes;
    }
    return start as Address;
  };
}

function deviceOf(arena: Arena, product: ProductKind, description: string, dispose: () => void): Device {
  const own = <T extends ElementType>(tensor: Tensor<T>): WasmTensor<T> => {
    if (!(tensor instanceof WasmTensor)) throw new Error("this tensor belongs to another backend");
    return tensor;
  };
  return {
    description,
    preferences: PREFERENCES,
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
      const index = gradient ? (arena.reserve(bytes.gradient) as Address) : undefined;
      return new WasmBinaryWeights(product, inputs, filters, forward, index);
    },
    planConvolution(window, filters, use) {
      const needs = sliceNeeds(window.geometry, filters, use);
      return new SlicedConvolution(window, filters, needs, arena.share(needs.bytes) as Address);
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
