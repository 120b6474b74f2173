/** The reference's normalization and activation, against their definition and finite differences. */
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import type { Tensor, WindowGeometry } from "#rbnet/tensor";
import { Draw } from "../shapes.js";
import { differences, dot, expectClose, numbers, real } from "./differences.js";

describe("normalization of the reference", () => {
  /** Depth to space on a map of 3 x 4 pixels: blocks of 2 x 2 whose first row lies above it. */
  const BLOCKS: WindowGeometry = {
    images: 2,
    height: 3,
    width: 4,
    channels: 1,
    kernel: 2,
    step: 1,
    rows: [-1, 1],
    columns: [0, 2],
  };
  const [C, N, rows] = [3, 12, 8];
  const mapCount = 2 * 3 * 4 * C;
  const sizes = { y: rows * N, gamma: N, beta: N, shortcut: mapCount, activation: 4 * C };
  const draw = new Draw(6);
  const point = Object.values(sizes).flatMap((size) => Array.from(draw.reals(size, 1)));
  const dOut = draw.reals(mapCount, 1);

  /** From all inputs in one vector to the output, and back to all their gradients. */
  function run(backend: Backend, inputs: readonly number[]) {
    let from = 0;
    const parts = Object.values(sizes).map((size) => {
      from += size;
      return inputs.slice(from - size, from);
    });
    const [y, gamma, beta, shortcut, activation] = [[rows, N], [N], [N], [2, 3, 4, C], [4, C]].map((shape, i) =>
      real(backend, shape, parts[i]!),
    ) as [Tensor, Tensor, Tensor, Tensor, Tensor];
    const window = backend.window(BLOCKS);
    const [sums, norm] = [backend.allocate("accumulator", [2, N]), backend.allocate("float32", [4, N])];
    const [runningMean, runningVariance] = [backend.allocate("float32", [N]), backend.allocate("float32", [N])];
    const out = backend.allocate("float32", [2, 3, 4, C]);
    backend.columnMoments(y, sums);
    const terms = { gamma, beta, epsilon: 1e-3, runningMean, runningVariance, momentum: 0.1 };
    const transform = { norm, layout: window, shortcut, activation };
    backend.normalizationForward(sums, rows, terms, norm);
    backend.normalizeActivate(y, transform, out);
    const backward = (): Tensor[] => {
      const [reductions, coefficients] = [backend.allocate("accumulator", [5, N]), backend.allocate("float32", [3, N])];
      const gradient = real(backend, [2, 3, 4, C], dOut);
      const [dy, dGamma, dBeta, dActivation] = [[rows, N], [N], [N], [4, C]].map((shape) =>
        backend.allocate("float32", shape),
      ) as [Tensor, Tensor, Tensor, Tensor];
      const gradients = { gamma: dGamma, beta: dBeta, activation: dActivation };
      backend.activateBackward(gradient, y, transform, reductions);
      backend.normalizationBackward(reductions, rows, norm, gamma, gradients, coefficients);
      backend.normalizationGradient(gradient, y, coefficients, window, dy);
      return [dy, dGamma, dBeta, gradient, dActivation];
    };
    return { y, norm, runningMean, runningVariance, out, backward };
  }

  it("leaves every filter with mean beta and deviation gamma", async () => {
    const backend = createReferenceBackend();
    const { y, norm, runningMean, runningVariance } = run(backend, point);
    const [ys, norms] = [await numbers(backend, y), await numbers(backend, norm)];
    for (let n = 0; n < N; n++) {
      const values = ys.filter((_, i) => i % N === n);
      const z = values.map((value) => norms[n]! * value + norms[N + n]!);
      const mean =
        dot(
          z,
          z.map(() => 1),
        ) / rows;
      const gamma = point[sizes.y + n]!;
      expect(mean).toBeCloseTo(point[sizes.y + N + n]!, 9);
      const variance = dot(values, values) / rows - norms[2 * N + n]! ** 2;
      expect(dot(z, z) / rows - mean ** 2).toBeCloseTo((gamma ** 2 * variance) / (variance + 1e-3), 9);
      expect((await numbers(backend, runningMean))[n]).toBeCloseTo(0.1 * norms[2 * N + n]!, 9);
      expect((await numbers(backend, runningVariance))[n]).toBeCloseTo((0.1 * variance * rows) / (rows - 1), 9);
    }
  });

  it("has the gradients of finite differences through statistics, blocks, shortcut and activation", async () => {
    const backend = createReferenceBackend();
    const gradients: number[] = [];
    for (const tensor of run(backend, point).backward()) gradients.push(...(await numbers(backend, tensor)));
    const expected = await differences(point, async (at) => {
      const scratch = createReferenceBackend();
      return dot(dOut, await numbers(scratch, run(scratch, at).out));
    });
    expectClose(gradients, expected);
  });

  it("lays the four channels of a block over its pixels, and bends them there", async () => {
    const backend = createReferenceBackend();
    const geometry = { images: 1, height: 1, width: 2, channels: 1, kernel: 2, step: 1, rows: [-1], columns: [0] };
    const y = backend.allocate("dotProduct", [1, 4]);
    backend.write(y, Int16Array.of(90, 91, 5, -5));
    const norm = real(backend, [4, 4], [2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1]);
    const out = backend.allocate("float32", [1, 1, 2, 1]);
    // u = 11 + 0.5 and -9 + 0.5; from 1, slopes 0.5 and 2, to 7.
    const shortcut = real(backend, [1, 1, 2, 1], [0.5, 0.5]);
    const activation = real(backend, [4, 1], [1, 0.5, 2, 7]);
    backend.normalizeActivate(y, { norm, layout: backend.window(geometry), shortcut, activation }, out);
    expect(await numbers(backend, out)).toEqual([2 * 10.5 + 7, 0.5 * -9.5 + 7]);
  });
});
