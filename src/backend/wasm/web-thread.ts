// One thread of the pool in a browser: gets module and memory by message, and serves jobs until it is terminated.

import type { ThreadPlace } from "./connect.js";
import { instantiateKernels } from "./instantiate.js";
import { INFERENCE_LAYOUTS } from "./layouts/inference.js";
import { serve } from "./thread-pool.js";

export interface ThreadStart extends ThreadPlace {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
}

addEventListener("message", ({ data }: MessageEvent<ThreadStart>) => {
  const { module, memory, controlOffset, scratch } = data;
  const kernels = instantiateKernels(module, memory, INFERENCE_LAYOUTS);
  postMessage("ready");
  serve(memory.buffer as unknown as SharedArrayBuffer, controlOffset, kernels, scratch);
});
