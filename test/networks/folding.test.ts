/** The folded network that ships computes what the trained one does with its running statistics, on either backend. */
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { elements } from "#rbnet/backend/reference/memory";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { RuntimeNetwork } from "#rbnet/runtime/network";
import { expectAlike } from "../layers/alike.js";
import { TINY, TINY20, training } from "./tiny.js";

const IMAGES = 4;
const SEED = 53;

/** Running statistics are the last batch's, so that a training forward is at the same time one with running statistics. */
function remembersLastBatch(): Backend {
  const reference = createReferenceBackend();
  return {
    ...reference,
    normalizationForward(sums, count, terms, norm) {
      reference.normalizationForward(sums, count, terms, norm);
      const { runningMean, runningVariance } = terms;
      const filters = elements(runningMean).length;
      const [sum, squares] = [elements(sums).subarray(0, filters), elements(sums).subarray(filters)];
      elements(runningMean).set(Array.from(sum, (value) => value / count));
      elements(runningVariance).set(Array.from(squares, (value, n) => value / count - (sum[n] / count) ** 2));
    },
  };
}

/** Logits of the folded network on some of the batch's images. */
async function deployed(backend: Backend, { network, x }: { network: RuntimeNetwork; x: ArrayLike<number> }): Promise<number[]> {
  backend.write(network.input, Float32Array.from(x));
  network.run();
  return Array.from(await backend.read(network.output));
}

describe("the folded network", () => {
  const forms = TINY.flatMap(({ form, description }) => [
    { form, description, weights: "binary" as const },
    { form: `${form}, first stage`, description, weights: "real" as const },
  ]);

  it.each(forms)("$form: gives the trained network's logits", async ({ description, weights }) => {
    const backend = remembersLastBatch();
    const { network, x, forward } = training(backend, description, IMAGES, SEED, weights);
    const logits = Array.from(await backend.read(forward().logits));
    const operations = await network.fold();
    const images = await backend.read(x);
    using wasm = await createWasmBackend({ threads: 2 });
    for (const runtimeBackend of [createReferenceBackend(), wasm]) {
      const runtime = new RuntimeNetwork(runtimeBackend, operations, description.input, IMAGES);
      expectAlike({ logits: await deployed(runtimeBackend, { network: runtime, x: images }) }, { logits }, 1e-4);
    }
  });

  it("judges an image alone as it does among others, and in a second run as in the first", async () => {
    const backend = remembersLastBatch();
    const { network, x, forward } = training(backend, TINY20, IMAGES, SEED);
    forward();
    const operations = await network.fold();
    const images = await backend.read(x);
    const { input, classes } = TINY20;
    const size = images.length / IMAGES;
    using wasm = await createWasmBackend({ threads: 2 });
    const all = new RuntimeNetwork(wasm, operations, input, IMAGES);
    const alone = new RuntimeNetwork(wasm, operations, input, 1);
    const together = await deployed(wasm, { network: all, x: images });
    const { bytes } = wasm.memory;
    for (let i = 0; i < IMAGES; i++) {
      const logits = await deployed(wasm, { network: alone, x: images.subarray(i * size, (i + 1) * size) });
      expectAlike({ logits }, { logits: together.slice(i * classes, (i + 1) * classes) });
    }
    expect(await deployed(wasm, { network: all, x: images })).toEqual(together);
    expect(wasm.memory.bytes).toBe(bytes);
  });
});
