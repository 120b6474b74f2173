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
    const forward = (at: ArrayLike<number>): number[] =>
      bruteForce(
        (i) => at[i]!,
        0,
        (k, n) => weights[k * N + n]!,
        N,
      );
    const window = backend.window(CONVOLUTION);
    const columns = backend.allocate("float32", [M, K]);
    const y = backend.allocate("float32", [M, N]);
    backend.gatherColumns(real(backend, MAP, x), window, columns);
    backend.product(columns, real(backend, [K, N], weights), y, { transposeA: false, accumulate: false });
    expectClose(await numbers(backend, y), forward(x));
    const [transposed, dColumns, dx] = [
      backend.allocate("float32", [N, K]),
      backend.allocate("float32", [M, K]),
      backend.allocate("float32", MAP),
    ];
    backend.transpose(real(backend, [K, N], weights), transposed);
    backend.product(real(backend, [M, N], dy), transposed, dColumns, { transposeA: false, accumulate: false });
    backend.scatterColumns(dColumns, window, dx);
    expectClose(await numbers(backend, dx), await differences(Array.from(x), async (at) => dot(dy, forward(at))));
  });

  it("multiplies, adds a bias and sums rows as worked out by hand", async () => {
    const backend = createReferenceBackend();
    const a = real(backend, [2, 3], [1, 2, 3, 4, 5, 6]);
    const c = real(backend, [2, 1], [100, 200]);
    backend.product(a, real(backend, [3, 1], [1, 10, 100]), c, { transposeA: false, accumulate: true });
    expect(await numbers(backend, c)).toEqual([421, 854]);
    const d = real(backend, [3, 1], [9, 9, 9]);
    backend.product(a, real(backend, [2, 1], [1, 10]), d, { transposeA: true, accumulate: false });
    expect(await numbers(backend, d)).toEqual([41, 52, 63]);
    backend.addBias(a, real(backend, [3], [10, 20, 30]));
    const total = real(backend, [3], [1, 1, 1]);
    backend.sumColumns(a, total);
    expect(await numbers(backend, total)).toEqual([26, 48, 70]);
  });
});
