/**
 * The WebAssembly backend for a page or a worker of one: the runtime's few kernels, carried along in the code so that no server has to be
 * asked for them. It uses nothing but what browsers have. Threads need a page that is cross-origin isolated; elsewhere the calling thread
 * works alone.
 */
import type { InferenceBackend } from "../device.js";
import { assembleBackend, createMemory, threadPlace } from "./connect.js";
import { inferenceKernels } from "./inference.js";
import { instantiateKernels, validatesRelaxedSimd } from "./instantiate.js";
import { INFERENCE_LAYOUTS } from "./layouts/inference.js";
import { RUNTIME_KERNELS } from "./runtime-kernels.js";
import type { ThreadStart } from "./web-thread.js";

/** Opens the backend on up to `threads` threads, the calling one included. */
export async function createEmbeddedBackend(threads: number): Promise<InferenceBackend> {
  const count = globalThis.crossOriginIsolated === true ? threads : 1;
  const relaxed = validatesRelaxedSimd();
  const module = await WebAssembly.compile(bytesOf(RUNTIME_KERNELS[buildName(relaxed, count > 1)]));
  const memory = createMemory(count, count > 1);
  const workers = await Promise.all(
    Array.from({ length: count - 1 }, (_, i) => startThread({ module, memory, ...threadPlace(i + 1) })),
  );
  const { backend } = assembleBackend({
    memory,
    layouts: INFERENCE_LAYOUTS,
    functions: instantiateKernels(module, memory, INFERENCE_LAYOUTS),
    connect: inferenceKernels,
    threads: count,
    description: `wasm, ${relaxed ? "relaxed" : "plain"} SIMD, ${count} thread${count === 1 ? "" : "s"}`,
    end: () => {
      for (const worker of workers) worker.terminate();
    },
  });
  return backend;
}

function buildName(relaxed: boolean, shared: boolean): keyof typeof RUNTIME_KERNELS {
  if (shared) return relaxed ? "relaxedShared" : "plainShared";
  return relaxed ? "relaxed" : "plain";
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function startThread(start: ThreadStart): Promise<Worker> {
  return new Promise((resolve, reject) => {
    // Written out in this form, bundlers find the worker and bundle it too.
    const worker = new Worker(new URL("./web-thread.js", import.meta.url), { type: "module" });
    worker.onerror = (event) => reject(new Error(`a thread could not be started: ${event.message}`));
    worker.onmessage = () => resolve(worker);
    worker.postMessage(start);
  });
}
