/**
 * The reference backend: the kernels' contract in plain TypeScript and float64, each as its formula reads. It is the oracle of the tests
 * and never runs anything else: every other backend has to agree with it.
 */
import type { Backend } from "../device.js";
import { binaryKernels } from "./binary.js";
import { channelKernels } from "./channels.js";
import { lossKernels } from "./loss.js";
import { referenceMemory } from "./memory.js";
import { normalizationKernels } from "./normalization.js";
import { checkedKernels } from "./operands.js";
import { poolingKernels } from "./pooling.js";
import { realKernels } from "./real.js";
import { updateKernels } from "./update.js";

/** Kernels are done when their call returns, and `read` resolves at once. */
export function createReferenceBackend(): Backend {
  const memory = referenceMemory();
  const { binaryWeights, writeWeights, readWeights, ...binary } = binaryKernels(memory.allocate);
  const kernels = {
    ...binary,
    ...realKernels,
    ...normalizationKernels,
    ...poolingKernels,
    ...lossKernels,
    ...channelKernels,
    ...updateKernels,
  };
  return {
    ...checkedKernels(kernels),
    description: "reference, float64",
    elementBytes: memory.elementBytes,
    preferences: { batchPixels: 1 << 14, recomputedElements: 1 << 14 },
    get memory() {
      return memory.memory;
    },
    allocate: memory.allocate,
    view: memory.view,
    window: (geometry) => ({ geometry }),
    binaryWeights,
    writeWeights,
    readWeights,
    planConvolution: (window, filters) => ({ window, filters }),
    mark: memory.mark,
    release: memory.release,
    write: memory.write,
    read: memory.read,
    readAll: memory.readAll,
    [Symbol.dispose]: () => memory.release(0),
  };
}
