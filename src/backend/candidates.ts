/** The backends that a program in Node can choose from, one entry each; what they share is the contract. */
import type { Backend, GradientPrecision } from "./device.js";
import { acceleratedKernels, findAccelerator } from "./native/accelerator.js";
import { createWasmBackend } from "./wasm/backend.js";
import { openNodeGpu, packageObstacle } from "./webgpu/node.js";

/** What a backend is opened with. */
export interface BackendTerms {
  readonly threads: number;
  readonly precision: GradientPrecision;
  /** See MachineSetup. */
  readonly instructionSets?: readonly string[];
}

export interface Candidate<Name extends string = string> {
  readonly name: Name;
  /** What it can have, on some machine. */
  readonly precisions: readonly GradientPrecision[];
  /** Why it cannot be opened on this machine, for people, as the end of a sentence with "but"; undefined where it can. */
  obstacle(precision: GradientPrecision): string | undefined;
  open(terms: BackendTerms): Promise<Backend>;
}

const GPU_ONLY = "GPUs alone take them (--backend webgpu)";

/** WebAssembly, with the accelerator's kernels in place of those that it has. */
const native: Candidate<"native"> = {
  name: "native",
  precisions: ["float32", "bfloat16"],
  obstacle(precision) {
    if (precision === "float16") return GPU_ONLY;
    const found = findAccelerator();
    if ("absent" in found) return found.absent;
    if (acceleratedKernels(precision) !== undefined) return undefined;
    return precision === "bfloat16"
      ? "this processor has no instructions for them (AVX-512 with BF16), or the compiler that built the accelerator knew none"
      : "this processor runs none of its instruction sets";
  },
  open({ threads, precision, instructionSets }) {
    const accelerated = acceleratedKernels(precision, instructionSets);
    return createWasmBackend({ threads, ...(accelerated === undefined ? {} : { accelerated }) });
  },
};

const wasm: Candidate<"wasm"> = {
  name: "wasm",
  precisions: ["float32"],
  obstacle(precision) {
    if (precision === "float16") return GPU_ONLY;
    return precision === "bfloat16" ? "WebAssembly has none" : undefined;
  },
  open: ({ threads }) => createWasmBackend({ threads }),
};

/** A GPU, by WebGPU. Whether there is one is found when it is opened: asking for it takes a while. */
const webgpu: Candidate<"webgpu"> = {
  name: "webgpu",
  precisions: ["float32", "float16"],
  obstacle: (precision) => (precision === "bfloat16" ? "GPUs take float16 in their place" : packageObstacle()),
  // Its kernels' texts are loaded with it alone: to all other programs they are 35 ms of start-up.
  async open({ precision }) {
    const { createWebgpuBackend } = await import("./webgpu/backend.js");
    return createWebgpuBackend(await openNodeGpu(), precision === "float16" ? "float16" : "float32");
  },
};

/** The best first; but a GPU is taken only where it is asked for, because WebAssembly runs anywhere and comes before it. */
export const CANDIDATES = [native, wasm, webgpu] as const;

export type CandidateName = (typeof CANDIDATES)[number]["name"];
