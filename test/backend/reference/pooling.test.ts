/** The reference's pooling, against values by hand. */
import { describe, expect, it } from "vitest";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { numbers, real } from "./differences.js";

describe("pooling of the reference", () => {
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
});
