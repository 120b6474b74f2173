/** The reference's real convolution and matrix work, against brute force, finite differences and sums by hand. */
import { describe, expect, it } from "vitest";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { elementCount } from "#rbnet/tensor";
import { Draw } from "../shapes.js";
import { bruteForce, CONVOLUTION, K, M, MAP } from "./brute-force.js";
import { differences, dot, expectClose, numbers, real } from "./differences.js";

describe("real convolution of the reference", () => {
  it("is the 3 x 3 convolution, pixel by pixel, with 0 around the map; its gradient is the transpose", async () => {
    const backend = createReferenceBackend();
    const draw = new Draw(4);
    const N = 2;
    const [x, weights, dy] = [draw.reals(elementCount(MAP), 1), draw.reals(K * N, 1), draw.reals(M * N, 1)];
    const forward = (values: ArrayLike<number>, factors: ArrayLike<number>): number[] =>
      bruteForce(
        (at) => values[at]!,
        0,
        (k, n) => factors[k * N + n]!,
        N,
      );
    const window = backend.window(CONVOLUTION);
    const plan = backend.planConvolution(window, N, { signs: false, inputGradient: true });
    const y = backend.allocate("float32", [M, N]);
    const [map, factors, gradient] = [real(backend, MAP, x), real(backend, [K, N], weights), real(backend, [M, N], dy)];
    backend.convolution(map, factors, plan, y);
    expectClose(await numbers(backend, y), forward(x, weights));
    const dx = backend.allocate("float32", MAP);
    backend.convolutionInputGradient(gradient, factors, plan, dx);
    expectClose(await numbers(backend, dx), await differences(Array.from(x), async (at) => dot(dy, forward(at, weights))));
    const dWeights = backend.allocate("float32", [K, N]);
    backend.convolutionWeightGradient(gradient, map, plan, dWeights);
    const slopes = await differences(Array.from(weights), async (at) => dot(dy, forward(x, at)));
    expectClose(await numbers(backend, dWeights), slopes);
  });

  it("is a dense layer on maps of one pixel, with a bias and sums of rows as worked out by hand", async () => {
    const backend = createReferenceBackend();
    const pixels = { images: 2, height: 1, width: 1, channels: 3, kernel: 1, step: 1, rows: [0], columns: [0] };
    const plan = backend.planConvolution(backend.window(pixels), 1, { signs: false, inputGradient: true });
    const a = real(backend, [2, 1, 1, 3], [1, 2, 3, 4, 5, 6]);
    const [y, dx] = [backend.allocate("float32", [2, 1]), backend.allocate("float32", [2, 1, 1, 3])];
    backend.convolution(a, real(backend, [3, 1], [1, 10, 100]), plan, y);
    expect(await numbers(backend, y)).toEqual([321, 654]);
    const [dy, gradient] = [real(backend, [2, 1], [1, 10]), real(backend, [3, 1], [100, 200, 300])];
    backend.convolutionWeightGradient(dy, a, plan, gradient);
    expect(await numbers(backend, gradient)).toEqual([141, 252, 363]);
    backend.convolutionInputGradient(dy, real(backend, [3, 1], [1, 2, 3]), plan, dx);
    expect(await numbers(backend, dx)).toEqual([1, 2, 3, 10, 20, 30]);
    backend.addBias(a, real(backend, [3], [10, 20, 30]));
    const total = real(backend, [3], [1, 1, 1]);
    backend.sumColumns(a, total);
    expect(await numbers(backend, total)).toEqual([26, 48, 70]);
  });
});
