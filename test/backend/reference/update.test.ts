/** The reference's optimizer steps, against values by hand. */
import { describe, expect, it } from "vitest";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { expectClose, numbers, real } from "./differences.js";

describe("update of the reference", () => {
  it("makes Adam's first step as long as the rate, against the gradient's sign, and counts flips", async () => {
    const backend = createReferenceBackend();
    const value = real(backend, [4], [0.05, -0.5, 0, 0.99]);
    const [first, second] = [backend.allocate("float32", [4]), backend.allocate("float32", [4])];
    const flips = backend.allocate("accumulator", [1]);
    const step = { rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 0, decay: 0, step: 1, limit: 1 };
    backend.adam(value, real(backend, [4], [3, -0.001, 7, -1]), first, second, step, flips);
    expectClose(await numbers(backend, value), [-0.05, -0.4, -0.1, 1]);
    expectClose(await numbers(backend, first), [0.3, -0.0001, 0.7, -0.1]);
    expectClose(await numbers(backend, second), [0.009, 1e-9, 0.049, 0.001]);
    expect(await numbers(backend, flips)).toEqual([2]);
  });

  it("decays a weight by a fraction of the rate when Adam finds no gradient", async () => {
    const backend = createReferenceBackend();
    const value = real(backend, [1], [2]);
    const [first, second, flips] = [
      backend.allocate("float32", [1]),
      backend.allocate("float32", [1]),
      backend.allocate("accumulator", [1]),
    ];
    const step = { rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.5, step: 1, limit: 0 };
    backend.adam(value, backend.allocate("float32", [1]), first, second, step, flips);
    expectClose(await numbers(backend, value), [1.9]);
  });

  it("gathers momentum", async () => {
    const backend = createReferenceBackend();
    const [value, gradient, velocity] = [real(backend, [1], [1]), real(backend, [1], [1]), backend.allocate("float32", [1])];
    const flips = backend.allocate("accumulator", [1]);
    for (let i = 0; i < 2; i++) backend.sgd(value, gradient, velocity, { rate: 0.5, momentum: 0.5, decay: 0.1, limit: 0 }, flips);
    // velocity 1 + 0.1 = 1.1, value 0.45; velocity 0.55 + 1 + 0.045 = 1.595, value -0.3475
    expectClose(await numbers(backend, velocity), [1.595]);
    expectClose(await numbers(backend, value), [-0.3475]);
    expect(await numbers(backend, flips)).toEqual([1]);
  });
});
