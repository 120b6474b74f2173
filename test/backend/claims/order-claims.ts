/** Calls take effect in their order on every backend, and what is read is what was there when it was asked for. */
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { put } from "../agreement.js";

/** Large enough to be in several chunks. */
const COUNT = 10_000;

export function orderClaims(subject: () => Backend): void {
  describe("order and reading", () => {
    it("lets writes and kernels take effect in the order of the calls", async () => {
      const backend = subject();
      const mark = backend.mark();
      const [from, to] = [backend.allocate("float32", [COUNT]), backend.allocate("float32", [COUNT])];
      backend.write(from, new Float32Array(COUNT).fill(1));
      backend.add(from, to);
      backend.write(from, new Float32Array(COUNT).fill(10));
      backend.add(from, to);
      backend.fill(from, 100);
      backend.add(from, to);
      expect(new Set(await backend.read(to))).toEqual(new Set([111]));
      backend.release(mark);
    });

    it("reads what was there after the calls before, whatever is called while it is awaited", async () => {
      const backend = subject();
      const mark = backend.mark();
      const tensor = backend.allocate("float32", [COUNT]);
      backend.fill(tensor, 1);
      const first = backend.read(tensor);
      backend.fill(tensor, 2);
      const second = backend.read(tensor);
      backend.write(tensor, new Float32Array(COUNT).fill(3));
      expect(new Set(await first)).toEqual(new Set([1]));
      expect(new Set(await second)).toEqual(new Set([2]));
      backend.release(mark);
    });

    it("reads memory that is released and used again while it is awaited", async () => {
      const backend = subject();
      const mark = backend.mark();
      const tensor = backend.allocate("float32", [COUNT]);
      backend.fill(tensor, 4);
      const reading = backend.read(tensor);
      backend.release(mark);
      backend.fill(backend.allocate("float32", [COUNT]), 5);
      expect(new Set(await reading)).toEqual(new Set([4]));
      backend.release(mark);
    });

    it("reads several tensors of one moment, in their order", async () => {
      const backend = subject();
      const mark = backend.mark();
      const tensors = [1, 2, 3].map((value) => put(backend, "int32", [value], new Int32Array(value).fill(value)));
      const reading = backend.readAll(tensors);
      for (const tensor of tensors) backend.fill(tensor, 9);
      expect((await reading).map((values) => Array.from(values))).toEqual([[1], [2, 2], [3, 3, 3]]);
      expect(await backend.readAll([])).toEqual([]);
      backend.release(mark);
    });

    it("reads packed signs of the calls before", async () => {
      const backend = subject();
      const mark = backend.mark();
      const latent = put(backend, "float32", [3, 2], Float32Array.of(1, -1, -1, 1, 1, -1));
      const weights = backend.binaryWeights(3, 2, true);
      backend.binarizeWeights(latent, weights, true);
      const reading = backend.readWeights(weights);
      backend.fill(latent, 1);
      backend.binarizeWeights(latent, weights, true);
      expect(Array.from(await reading)).toEqual([0b101, 0b010]);
      expect(Array.from(await backend.readWeights(weights))).toEqual([0b111, 0b111]);
      backend.release(mark);
    });
  });
}
