/** The reference's optimizer steps, against values by hand. */
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { UPDATE_BLOCK } from "#rbnet/backend/terms";
import type { Tensor } from "#rbnet/tensor";
import { expectClose, numbers, real } from "./differences.js";

/** These values, and 0 up to the end of a block. */
function block(backend: Backend, values: readonly number[]): Tensor {
  return real(backend, [UPDATE_BLOCK], [...values, ...new Array<number>(UPDATE_BLOCK - values.length).fill(0)]);
}

async function first(backend: Backend, tensor: Tensor, count: number): Promise<readonly number[]> {
  return (await numbers(backend, tensor)).slice(0, count);
}

/** Of the whole block. */
function flipCount(backend: Backend) {
  const starts = backend.allocate("int32", [2]);
  backend.write(starts, Int32Array.of(0, UPDATE_BLOCK));
  return { starts, totals: backend.allocate("accumulator", [1]) };
}

describe("update of the reference", () => {
  it("makes Adam's first step as long as the rate, against the gradient's sign, and counts flips", async () => {
    const backend = createReferenceBackend();
    const value = block(backend, [0.05, -0.5, 0, 0.99]);
    const [mean, square] = [block(backend, []), block(backend, [])];
    const flips = flipCount(backend);
    const step = { rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-30, decay: 0, step: 1, limit: 1 };
    backend.adam(value, block(backend, [3, -0.001, 7, -1]), mean, square, step, flips);
    expectClose(await first(backend, value, 5), [-0.05, -0.4, -0.1, 1, 0]);
    expectClose(await first(backend, mean, 4), [0.3, -0.0001, 0.7, -0.1]);
    expectClose(await first(backend, square, 4), [0.009, 1e-9, 0.049, 0.001]);
    expect(await numbers(backend, flips.totals)).toEqual([2]);
  });

  it("decays a weight by a fraction of the rate when Adam finds no gradient", async () => {
    const backend = createReferenceBackend();
    const value = block(backend, [2]);
    const step = { rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.5, step: 1, limit: 0 };
    backend.adam(value, block(backend, []), block(backend, []), block(backend, []), step, undefined);
    expectClose(await first(backend, value, 1), [1.9]);
  });

  it("gathers momentum", async () => {
    const backend = createReferenceBackend();
    const [value, gradient, velocity] = [block(backend, [1]), block(backend, [1]), block(backend, [])];
    const flips = flipCount(backend);
    for (let i = 0; i < 2; i++) backend.sgd(value, gradient, velocity, { rate: 0.5, momentum: 0.5, decay: 0.1, limit: 0 }, flips);
    // velocity 1 + 0.1 = 1.1, value 0.45; velocity 0.55 + 1 + 0.045 = 1.595, value -0.3475
    expectClose(await first(backend, velocity, 1), [1.595]);
    expectClose(await first(backend, value, 1), [-0.3475]);
    expect(await numbers(backend, flips.totals)).toEqual([1]);
  });

  it("refuses what is no whole block", () => {
    const backend = createReferenceBackend();
    const three = () => real(backend, [3], [1, 2, 3]);
    const step = { rate: 0.5, momentum: 0.5, decay: 0.1, limit: 0 };
    expect(() => backend.sgd(three(), three(), three(), step, undefined)).toThrow("3 elements");
  });
});
