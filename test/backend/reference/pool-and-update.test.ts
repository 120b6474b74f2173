/** The reference's pooling, loss and optimizer steps, against values by hand and finite differences. */
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/kernels";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { differences, dot, expectClose, numbers, real } from "./differences.js";

describe("pooling and loss of the reference", () => {
  it("averages full tiles only", async () => {
    const backend = createReferenceBackend();
    const x = real(backend, [1, 3, 5, 1], [1, 2, 3, 4, 50, 5, 6, 7, 8, 50, 60, 60, 60, 60, 60]);
    const out = backend.allocate("float32", [1, 1, 2, 1]);
    backend.averagePool(x, 2, out);
    expect(await numbers(backend, out)).toEqual([3.5, 5.5]);
    const dx = real(backend, [1, 3, 5, 1], new Float32Array(15).fill(9));
    backend.averagePoolGradient(real(backend, [1, 1, 2, 1], [4, 8]), 2, dx, false);
    expect(await numbers(backend, dx)).toEqual([1, 1, 2, 2, 0, 1, 1, 2, 2, 0, 0, 0, 0, 0, 0]);
  });

  it("takes the largest value of overlapping windows on the map, and gives its gradient to the first of equals", async () => {
    const backend = createReferenceBackend();
    const geometry = {
      images: 1,
      height: 3,
      width: 4,
      channels: 1,
      kernel: 3,
      step: 1,
      rows: [-1, 1, 3],
      columns: [-1, 1],
    };
    const window = backend.window(geometry);
    const x = real(backend, [1, 3, 4, 1], [-5, -2, -2, -9, -3, -8, -1, -1, -4, -7, -6, -3]);
    const out = backend.allocate("float32", [6, 1]);
    backend.maxPool(x, window, out);
    // The windows of the last row lie below the map.
    expect(await numbers(backend, out)).toEqual([-2, -1, -3, -1, 0, 0]);
    const dx = real(backend, [1, 3, 4, 1], new Float32Array(12).fill(9));
    backend.maxPoolGradient(real(backend, [6, 1], [1, 2, 3, 4, 5, 6]), x, window, dx);
    expect(await numbers(backend, dx)).toEqual([0, 1, 0, 0, 3, 0, 6, 0, 0, 0, 0, 0]);
  });

  it("has the loss ln 10 for ten equal logits", async () => {
    const backend = createReferenceBackend();
    const losses = backend.allocate("float32", [1]);
    const targets = real(backend, [1, 10], [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    backend.softmaxCrossEntropy(
      real(backend, [1, 10], new Float32Array(10).fill(1000)),
      targets,
      { weight: 1, temperature: 1, scale: 1, accumulate: false },
      losses,
      backend.allocate("float32", [1, 10]),
    );
    expect((await numbers(backend, losses))[0]).toBeCloseTo(Math.log(10), 12);
  });

  it.each([
    { weight: 1, temperature: 1 },
    { weight: 0.4, temperature: 3 },
  ])("has the gradient of finite differences, scaled, at weight $weight and temperature $temperature", async (term) => {
    const targets = [0.9, 0.05, 0.05, 0, 0.5, 0.5];
    const loss = (backend: Backend, logits: readonly number[]) => {
      const [losses, gradient] = [backend.allocate("float32", [2]), backend.allocate("float32", [2, 3])];
      backend.softmaxCrossEntropy(
        real(backend, [2, 3], logits),
        real(backend, [2, 3], targets),
        { ...term, scale: 0.25, accumulate: false },
        losses,
        gradient,
      );
      return { losses, gradient };
    };
    const logits = [1, -2, 0.5, 3, 0, -1];
    const backend = createReferenceBackend();
    const expected = await differences(
      logits,
      async (at) => 0.25 * dot(await numbers(backend, loss(backend, at).losses), [1, 1]),
    );
    expectClose(await numbers(backend, loss(backend, logits).gradient), expected);
  });

  it("pulls attention along the gradient of finite differences, and leaves an empty image and one that agrees", async () => {
    const shape = [3, 2, 1, 2] as const;
    const wanted = [0.6, 0.8, 0, 1, 1, 0];
    const match = (backend: Backend, x: readonly number[]) => {
      const [losses, gradient] = [backend.allocate("float32", [3]), backend.allocate("float32", shape)];
      backend.attentionMatch(
        real(backend, shape, x),
        real(backend, [3, 2], wanted),
        { weight: 0.5, scale: 0.25 },
        losses,
        gradient,
      );
      return { losses, gradient };
    };
    const backend = createReferenceBackend();
    // Attention of the first image: 1 and 4 by sqrt(17).
    const x = [1, 0, 2, 0, 0, 0, 0, 0, 0.7, 0, 0, 0];
    const { losses, gradient } = match(backend, x);
    const expected = 0.5 * Math.hypot(1 / Math.sqrt(17) - 0.6, 4 / Math.sqrt(17) - 0.8);
    expectClose(await numbers(backend, losses), [expected, 0.5, 0]);
    const found = await numbers(backend, gradient);
    const slopes = await differences(x.slice(0, 4), async (at) => {
      const { losses: moved } = match(backend, [...at, ...x.slice(4)]);
      return 0.25 * dot(await numbers(backend, moved), [1, 1, 1]);
    });
    expectClose(found, [...slopes, ...new Array(8).fill(0)]);
    expect(Math.hypot(...slopes)).toBeGreaterThan(0.01);
  });
});

describe("update of the reference", () => {
  it("makes Adam's first step as long as the rate, against the gradient's sign, and counts flips", async () => {
    const backend = createReferenceBackend();
    const value = real(backend, [4], [0.05, -0.5, 0, 0.99]);
    const [first, second] = [backend.allocate("float32", [4]), backend.allocate("float32", [4])];
    const flips = backend.allocate("float64", [1]);
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
      backend.allocate("float64", [1]),
    ];
    const step = { rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.5, step: 1, limit: 0 };
    backend.adam(value, backend.allocate("float32", [1]), first, second, step, flips);
    expectClose(await numbers(backend, value), [1.9]);
  });

  it("gathers momentum", async () => {
    const backend = createReferenceBackend();
    const [value, gradient, velocity] = [real(backend, [1], [1]), real(backend, [1], [1]), backend.allocate("float32", [1])];
    const flips = backend.allocate("float64", [1]);
    for (let i = 0; i < 2; i++) backend.sgd(value, gradient, velocity, { rate: 0.5, momentum: 0.5, decay: 0.1, limit: 0 }, flips);
    // velocity 1 + 0.1 = 1.1, value 0.45; velocity 0.55 + 1 + 0.045 = 1.595, value -0.3475
    expectClose(await numbers(backend, velocity), [1.595]);
    expectClose(await numbers(backend, value), [-0.3475]);
    expect(await numbers(backend, flips)).toEqual([1]);
  });
});
