/** Opens what a deployed network runs on in Node: the accelerator where it is there, else the kernels that come with the code. */
import { setFlagsFromString } from "node:v8";
import type { InferenceBackend } from "../backend/device.js";
import type { MachineSetup } from "../backend/machine.js";
import { createEmbeddedBackend } from "../backend/wasm/embedded.js";
import { validatesRelaxedSimd } from "../backend/wasm/instantiate.js";
import { startNodeThreads } from "./node-threads.js";

/** @throws UserError where a backend was asked for by name and cannot be had */
export async function openInference({ threads, backend = "auto" }: InferenceSetup): Promise<InferenceBackend> {
  if (backend !== "wasm") {
    const opened = await openChosen(threads, backend);
    if (opened !== undefined) return opened;
  }
  allowRelaxedSimd();
  return createEmbeddedBackend({ threads, startThreads: startNodeThreads });
}

export type InferenceSetup = Pick<MachineSetup, "backend"> & { readonly threads: number };

/** Undefined where rbnet is to choose, and chooses WebAssembly. */
async function openChosen(
  threads: number,
  backend: Exclude<MachineSetup["backend"], undefined>,
): Promise<InferenceBackend | undefined> {
  if (backend !== "auto") return (await import("../backend/open.js")).openBackend({ threads, backend });
  try {
    // Training's kernels come with it, and files that a bundle may lack: without them there is still WebAssembly.
    const { chooseBackend } = await import("../backend/open.js");
    const chosen = chooseBackend({ threads });
    return chosen.name === "wasm" ? undefined : await chosen.open({ threads, precision: "float32" });
  } catch {
    return undefined;
  }
}

/** Node 20 has relaxed SIMD behind a flag, which has to be set before the first compile. */
function allowRelaxedSimd(): void {
  if (typeof WebAssembly !== "object" || validatesRelaxedSimd()) return;
  try {
    setFlagsFromString("--experimental-wasm-relaxed-simd");
  } catch {
    // Other engines with Node's modules know no such flag; plain vectors do.
  }
}
