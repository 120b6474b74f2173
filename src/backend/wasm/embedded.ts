/**
 * The WebAssembly backend of the runtime: the few kernels that a deployed network needs, carried along in the code, so that no file has to
 * be found and no server asked. It uses nothing but what every engine has; how threads are started is the program's around it.
 */
import { UserError } from "../../errors.js";
import type { InferenceBackend } from "../device.js";
import { assembleBackend, createMemory, threadPlace } from "./connect.js";
import { compileKernels, KERNELS_IMPORT, requireKernelsEngine } from "./engine.js";
import { inferenceKernels } from "./inference.js";
import { instantiateKernels, validatesRelaxedSimd } from "./instantiate.js";
import { INFERENCE_LAYOUTS } from "./layouts/inference.js";
import { RUNTIME_KERNELS } from "./runtime-kernels.js";
import { describeThreads } from "./started-threads.js";
import type { ThreadStart } from "./web-thread.js";

/** In WebAssembly's binary format, the kind of an imported memory's limits (threads proposal, section "memory types"). */
const SHARED_WITH_MAXIMUM = 3;

/** Threads that share the memory: those that could be started, and why there are not as many as were asked for. */
export interface Threads {
  /** Contiguous from the first: thread i + 1 of the pool each. */
  readonly started: number;
  readonly obstacle?: string | undefined;
  end(): void;
}

/** Starts a thread for each; one that cannot start is no error. */
export type StartThreads = (starts: readonly ThreadStart[]) => Promise<Threads>;

export interface EmbeddedOptions {
  /** Threads that compute, the calling one included. Where fewer can be had, fewer compute, and the description says so. */
  readonly threads: number;
  readonly startThreads: StartThreads;
  /** The kernels compiled by the platform, where it forbids to compile them here. They run on one thread. */
  readonly module?: WebAssembly.Module | undefined;
}

/** @throws UserError where the engine cannot run the kernels */
export async function createEmbeddedBackend({ threads, startThreads, module }: EmbeddedOptions): Promise<InferenceBackend> {
  if (!Number.isInteger(threads) || threads < 1)
    throw new UserError(`threads is ${threads}, but so many threads compute: give a whole number from 1 on`);
  requireKernelsEngine();
  if (module !== undefined) requireKernels(module);
  const relaxed = module === undefined && validatesRelaxedSimd();
  const shared = module === undefined && threads > 1;
  const compiled = module ?? (await compileKernels(kernelCode(relaxed, shared)));
  const memory = createMemory(shared ? threads : 1, shared);
  const functions = instantiateKernels(compiled, memory, INFERENCE_LAYOUTS);
  const others = Array.from({ length: threads - 1 }, (_, i) => ({ module: compiled, memory, ...threadPlace(i + 1) }));
  const { started, obstacle, end } = await threadsFor(others, shared, startThreads);
  const { backend } = assembleBackend({
    memory,
    layouts: INFERENCE_LAYOUTS,
    functions,
    connect: inferenceKernels,
    threads: started + 1,
    places: shared ? threads : 1,
    description: `wasm, ${relaxed ? "relaxed" : "plain"} SIMD, ${describeThreads(started + 1, threads, obstacle)}`,
    end,
  });
  return backend;
}

async function threadsFor(starts: readonly ThreadStart[], shared: boolean, startThreads: StartThreads): Promise<Threads> {
  if (starts.length === 0) return { started: 0, end: () => undefined };
  if (!shared) return { started: 0, obstacle: "kernels that are given run on one", end: () => undefined };
  return startThreads(starts);
}

/** @throws UserError where it is not a module of these kernels */
function requireKernels(module: WebAssembly.Module): void {
  const names = module instanceof WebAssembly.Module ? WebAssembly.Module.exports(module).map(({ name }) => name) : [];
  if (!Object.keys(INFERENCE_LAYOUTS).every((name) => names.includes(name)))
    throw new UserError(`the given module does not hold the kernels; give what ${KERNELS_IMPORT} is imported as`);
}

function kernelCode(relaxed: boolean, shared: boolean): Uint8Array<ArrayBuffer> {
  const [base64, memoryKindAt] = RUNTIME_KERNELS[relaxed ? "relaxed" : "plain"];
  const code = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  if (shared) code[memoryKindAt] = SHARED_WITH_MAXIMUM;
  return code;
}
