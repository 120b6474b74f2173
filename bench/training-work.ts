/** How much work a training step of a network is, counted by the network itself. */
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import type { NetworkDescription } from "#rbnet/networks/description";
import { Network } from "#rbnet/networks/network";
import type { StepWork } from "./training-limit.js";

/** Builds the network on a backend of its own to count its layers, and disposes of it. */
export async function trainingWork(description: NetworkDescription): Promise<StepWork> {
  const backend = await createWasmBackend({ threads: 1 });
  try {
    const rows = new Network(backend, description, { normal: (count) => new Float32Array(count) }).summary();
    return {
      binaryMacs: rows.reduce((sum, { binaryMacs }) => sum + binaryMacs, 0),
      realMacs: rows.reduce((sum, { realMacs }) => sum + realMacs, 0),
      unitValues: unitValues(description),
    };
  } finally {
    backend[Symbol.dispose]();
  }
}

/** Output values of all residual units of a network without a stride in its stem. */
function unitValues({ input, stages }: NetworkDescription): number {
  let pixels = input.height * input.width;
  return stages.reduce((sum, { channels, units, halve }) => {
    if (halve) pixels /= 4;
    return sum + units * pixels * channels;
  }, 0);
}
