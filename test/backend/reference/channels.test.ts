/** The reference's kernels on channels, against values by hand and finite differences. */
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { differences, dot, expectClose, numbers, real } from "./differences.js";

describe("channels of the reference", () => {
  it("are weighed by image, and give their gradients", async () => {
    const backend = createReferenceBackend();
    // Two images of two rows of three channels.
    const x = real(backend, [4, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const factors = real(backend, [2, 3], [1, 10, 0, -1, 2, 0.5]);
    const out = backend.allocate("float32", [4, 3]);
    backend.multiplyChannels(x, factors, out);
    expect(await numbers(backend, out)).toEqual([1, 20, 0, 4, 50, 0, -7, 16, 4.5, -10, 22, 6]);
    const dOut = real(backend, [4, 3], [1, 1, 1, 2, 0, 1, 1, 1, 1, 0, 3, -1]);
    const dFactors = real(backend, [2, 3], [9, 9, 9, 9, 9, 9]);
    backend.multiplyChannelsGradient(dOut, x, factors, out, dFactors);
    expect(await numbers(backend, out)).toEqual([1, 10, 0, 2, 0, 0, -1, 2, 0.5, -0, 6, -0.5]);
    expect(await numbers(backend, dFactors)).toEqual([9, 2, 9, 7, 41, -3]);
  });

  it("are repeated side by side, and their gradients added", async () => {
    const backend = createReferenceBackend();
    const out = backend.allocate("float32", [2, 4]);
    backend.repeatChannels(real(backend, [2, 2], [1, 2, 3, 4]), 2, out);
    expect(await numbers(backend, out)).toEqual([1, 2, 1, 2, 3, 4, 3, 4]);
    const dx = real(backend, [2, 2], [9, 9, 9, 9]);
    backend.repeatChannelsGradient(real(backend, [2, 4], [1, 2, 3, 4, 5, 6, 7, 8]), 2, dx);
    expect(await numbers(backend, dx)).toEqual([4, 6, 12, 14]);
  });

  it("pass a sigmoid with the slope of finite differences", async () => {
    const weights = [1, -2, 0.5, 3];
    const point = [0, Math.log(3), -2, 30];
    const sigmoid = (backend: Backend, at: readonly number[]) => {
      const out = backend.allocate("float32", [4]);
      backend.sigmoid(real(backend, [4], at), out);
      return out;
    };
    const backend = createReferenceBackend();
    const out = sigmoid(backend, point);
    expectClose((await numbers(backend, out)).slice(0, 2), [0.5, 0.75]);
    const expected = await differences(point, async (at) => dot(weights, await numbers(backend, sigmoid(backend, at))));
    const dx = backend.allocate("float32", [4]);
    backend.sigmoidGradient(real(backend, [4], weights), out, dx);
    expectClose(await numbers(backend, dx), expected);
  });
});
