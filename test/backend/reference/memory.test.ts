/** What the reference's memory does beyond the contract. */
import { describe, expect, it } from "vitest";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { numbers, real } from "./differences.js";

describe("memory of the reference", () => {
  it("refuses a tensor after its release, and views of it", () => {
    const backend = createReferenceBackend();
    const mark = backend.mark();
    const tensor = backend.allocate("float32", [4]);
    const view = backend.view(tensor, [2], 1);
    backend.release(mark);
    expect(() => backend.fill(tensor, 1)).toThrow("after its release");
    expect(() => backend.fill(view, 1)).toThrow("after its release");
  });

  it("keeps float32 tensors in float64, for finite differences", async () => {
    const backend = createReferenceBackend();
    expect(await numbers(backend, real(backend, [1], [1 + 1e-12]))).toEqual([1 + 1e-12]);
  });
});
