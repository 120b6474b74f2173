/** The reference's binary convolution, against brute force over pixels, and its gradients against finite differences of the surrogates. */
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { SURROGATE_SIGN, surrogateWeight } from "#rbnet/backend/reference/surrogate";
import type { Estimator } from "#rbnet/backend/terms";
import { elementCount, wordsFor } from "#rbnet/tensor";
import { Draw } from "../shapes.js";
import { bruteForce, CONVOLUTION, K, M, MAP } from "./brute-force.js";
import { differences, dot, expectClose, numbers, real } from "./differences.js";

const sign = (x: number): number => (x >= 0 ? 1 : -1);

describe("binary convolution of the reference", () => {
  const draw = new Draw(3);
  const N = 4;
  const [x, threshold, latent, dy] = [
    draw.reals(elementCount(MAP), 1.5),
    draw.reals(3, 0.3),
    draw.reals(K * N, 1.3),
    draw.reals(M * N, 1),
  ];

  function forward(backend: Backend) {
    const tensors = { x: real(backend, MAP, x), threshold: real(backend, [3], threshold), latent: real(backend, [K, N], latent) };
    const window = backend.window(CONVOLUTION);
    const columns = backend.allocate("uint32", [M, wordsFor(K)]);
    const weights = backend.binaryWeights(K, N, true);
    const y = backend.allocate("dotProduct", [M, N]);
    const sums = backend.allocate("accumulator", [2, N]);
    backend.binarizeColumns(tensors.x, tensors.threshold, window, columns);
    backend.binarizeWeights(tensors.latent, weights, true);
    backend.binaryProduct(columns, weights, y, sums);
    return { ...tensors, window, columns, weights, y, sums };
  }

  it("is the 3 x 3 convolution of signs, pixel by pixel, with -1 around the map", async () => {
    const backend = createReferenceBackend();
    const { y, sums } = forward(backend);
    const expected = bruteForce(
      (at, c) => sign(x[at]! - threshold[c]!),
      -1,
      (k, n) => sign(latent[k * N + n]!),
      N,
    );
    expect(await numbers(backend, y)).toEqual(expected);
    const byFilter = [0, 1, 2, 3].map((n) => expected.filter((_, i) => i % N === n));
    expect(await numbers(backend, sums)).toEqual([
      ...byFilter.map((values) =>
        dot(
          values,
          values.map(() => 1),
        ),
      ),
      ...byFilter.map((values) => dot(values, values)),
    ]);
  });

  it("packs bit k of a window into bit k % 32 of word k / 32", async () => {
    const backend = createReferenceBackend();
    const geometry = { images: 1, height: 1, width: 2, channels: 33, kernel: 1, step: 1, rows: [0], columns: [0, 1, 2] };
    const values = new Float32Array(66).fill(-1);
    for (const c of [0, 5, 32]) values[c] = 1;
    values[33 + 31] = 0;
    const columns = backend.allocate("uint32", [3, 2]);
    backend.binarizeColumns(
      real(backend, [1, 1, 2, 33], values),
      backend.allocate("float32", [33]),
      backend.window(geometry),
      columns,
    );
    expect(await numbers(backend, columns)).toEqual([0b100001, 1, 2 ** 31, 0, 0, 0]);
    const total = backend.allocate("accumulator", [1]);
    backend.countPositive(columns, 33, total);
    expect(await numbers(backend, total)).toEqual([4]);
  });

  it("has the weights' gradient of the surrogate weight", async () => {
    const backend = createReferenceBackend();
    const { columns, latent: tensor } = forward(backend);
    const gradient = backend.allocate("float32", [K, N]);
    backend.binaryWeightGradient(real(backend, [M, N], dy), columns, tensor, gradient);
    const expected = await differences(Array.from(latent), async (at) =>
      dot(
        dy,
        bruteForce(
          (i, c) => sign(x[i]! - threshold[c]!),
          -1,
          (k, n) => surrogateWeight(at[k * N + n]!),
          N,
        ),
      ),
    );
    expectClose(await numbers(backend, gradient), expected);
  });

  it.each<Estimator>(["clip", "polynomial"])(
    "has the inputs' and thresholds' gradients of the surrogate sign (%s)",
    async (estimator) => {
      const backend = createReferenceBackend();
      const { weights, window, x: map, threshold: limits } = forward(backend);
      const [dx, dThreshold] = [backend.allocate("float32", MAP), backend.allocate("float32", [3])];
      const signs = { x: map, threshold: limits, estimator };
      backend.binaryInputGradient(real(backend, [M, N], dy), weights, window, signs, dx, dThreshold);
      const loss = (xs: ArrayLike<number>, thresholds: ArrayLike<number>): number =>
        dot(
          dy,
          bruteForce(
            (at, c) => SURROGATE_SIGN[estimator](xs[at]! - thresholds[c]!),
            -1,
            (k, n) => sign(latent[k * N + n]!),
            N,
          ),
        );
      expectClose(await numbers(backend, dx), await differences(Array.from(x), async (at) => loss(at, threshold)));
      expectClose(await numbers(backend, dThreshold), await differences(Array.from(threshold), async (at) => loss(x, at)));
    },
  );
});

describe("surrogates", () => {
  it.each<Estimator>(["clip", "polynomial"])("of the sign rise from -1 to 1 without a jump (%s)", (estimator) => {
    const surrogate = SURROGATE_SIGN[estimator];
    expect([-3, -1, 0, 1, 3].map(surrogate)).toEqual([-1, -1, 0, 1, 1]);
    for (const edge of [-1, 0, 1]) expect(surrogate(edge + 1e-9) - surrogate(edge - 1e-9)).toBeLessThan(1e-8);
  });
});
