/**
 * A few steps of the convolutions' weights down the gradients of one batch lower its loss, for networks of every form. The rest
 * stays as it is: a classifier on random features learns a dozen images by itself.
 */
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { UPDATE_BLOCK } from "#rbnet/backend/terms";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { elementCount, type Tensor } from "#rbnet/tensor";
import { TINY, training } from "./tiny.js";

const IMAGES = 12;
const SEED = 61;
const STEPS = 60;
const ADAM = { rate: 0.02, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, decay: 0 };

async function meanOf(backend: Backend, losses: Tensor): Promise<number> {
  const values = Array.from(await backend.read(losses));
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe("training on one batch", () => {
  it.each(TINY)("$form: lowers the loss by the weights of its body alone", async ({ description }) => {
    using backend = await createWasmBackend({ threads: 1 });
    const body = description.body === "resnet" ? "weight" : "latent";
    const { network, forward, step } = training(backend, description, IMAGES, SEED);
    const { values, gradients, kinds } = network.store;
    const { parts } = kinds.find(({ kind }) => kind === body)!;
    const slots = parts
      .filter(({ name }) => !name.startsWith("classifier"))
      .map(({ shape, from }) => {
        const whole = [Math.ceil(elementCount(shape) / UPDATE_BLOCK) * UPDATE_BLOCK];
        return {
          value: backend.view(values.memory, whole, from),
          gradient: backend.view(gradients, whole, from),
          first: backend.allocate("float32", whole),
          second: backend.allocate("float32", whole),
          limit: body === "latent" ? 1 : 0,
        };
      });
    const before = await meanOf(backend, forward().losses);
    for (let i = 1; i <= STEPS; i++) {
      for (const { gradient } of slots) backend.fill(gradient, 0);
      step();
      for (const { value, gradient, first, second, limit } of slots)
        backend.adam(value, gradient, first, second, { ...ADAM, step: i, limit }, undefined);
    }
    const after = await meanOf(backend, forward().losses);
    expect(after).toBeLessThan(0.9 * before);
  });
});
