/** What every backend's memory does: a zeroed stack of tensors that keeps values as they are. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { UPDATE_BLOCK } from "#rbnet/backend/terms";
import { type ElementType, MAXIMUM_BINARY_INPUTS } from "#rbnet/tensor";
import { about, exactly, expectAgreement, put } from "../agreement.js";
import { Draw, seeds } from "../shapes.js";

const VALUES: Readonly<Record<ElementType, readonly number[]>> = {
  float32: [0, -1.5, 3.25, -(2 ** 100), Number.POSITIVE_INFINITY],
  int32: [0, -1, 2 ** 31 - 1, -(2 ** 31), 7],
  uint32: [0, 1, 2 ** 32 - 1, 2 ** 31, 9],
  accumulator: [0, -1, 2 ** 42 + 1, -(2 ** 42), 0.5],
  dotProduct: [0, -1, MAXIMUM_BINARY_INPUTS, -MAXIMUM_BINARY_INPUTS, 5],
};
const TYPES = Object.keys(VALUES) as ElementType[];

export function memoryClaims(subject: () => Backend): void {
  describe("memory", () => {
    it.each(TYPES)("gives back the %s values that were written", async (type) => {
      const backend = subject();
      const mark = backend.mark();
      const tensor = backend.allocate(type, [5]);
      backend.write(tensor, Float64Array.from(VALUES[type]));
      expect(Array.from(await backend.read(tensor))).toEqual(VALUES[type]);
      backend.release(mark);
    });

    it("gives numbers in the arrays of their type, whatever holds them", async () => {
      const backend = subject();
      const mark = backend.mark();
      const arrays = {
        int32: Int32Array,
        uint32: Uint32Array,
        accumulator: Float64Array,
        dotProduct: Int32Array,
      } as const;
      for (const [type, array] of Object.entries(arrays)) {
        const tensor = backend.allocate(type as keyof typeof arrays, [3]);
        expect(await backend.read(tensor)).toBeInstanceOf(array);
        expect((await backend.readAll([tensor]))[0]).toBeInstanceOf(array);
        expect(backend.elementBytes[type as keyof typeof arrays]).toBeGreaterThan(0);
      }
      backend.release(mark);
    });

    it("is zero when allocated again after a release", async () => {
      const backend = subject();
      for (const type of TYPES) {
        const mark = backend.mark();
        backend.write(backend.allocate(type, [1000]), new Uint8Array(1000).fill(77));
        backend.release(mark);
        expect(new Set(await backend.read(backend.allocate(type, [10, 100])))).toEqual(new Set([0]));
        backend.release(mark);
      }
    });

    it("counts bytes up and, at a release, down; the peak stays", () => {
      const backend = subject();
      const mark = backend.mark();
      const { bytes } = backend.memory;
      backend.allocate("float32", [300_000]);
      expect(backend.memory.bytes).toBeGreaterThanOrEqual(bytes + 300_000 * 4);
      const { peakBytes } = backend.memory;
      backend.release(mark);
      expect(backend.memory.bytes).toBe(bytes);
      expect(backend.memory.peakBytes).toBe(peakBytes);
      expect(peakBytes).toBeGreaterThanOrEqual(bytes + 300_000 * 4);
    });

    it("keeps earlier tensors at a release of later ones", async () => {
      const backend = subject();
      const mark = backend.mark();
      const kept = put(backend, "float32", [3], Float32Array.of(1, 2, 3));
      const later = backend.mark();
      backend.fill(backend.allocate("float32", [5000]), 9);
      backend.release(later);
      backend.fill(backend.allocate("float32", [6000]), 8);
      expect(Array.from(await backend.read(kept))).toEqual([1, 2, 3]);
      backend.release(mark);
    });

    it("shares elements between a tensor and its views", async () => {
      const backend = subject();
      const mark = backend.mark();
      const tensor = put(backend, "int32", [2, 3], Int32Array.of(1, 2, 3, 4, 5, 6));
      expect(backend.view(tensor, [3, 2]).shape).toEqual([3, 2]);
      const part = backend.view(tensor, [3], 2);
      expect(Array.from(await backend.read(part))).toEqual([3, 4, 5]);
      backend.write(part, Int32Array.of(-3, -4, -5));
      expect(Array.from(await backend.read(tensor))).toEqual([1, 2, -3, -4, -5, 6]);
      expect(() => backend.view(tensor, [4], 3)).toThrow();
      backend.release(mark);
    });

    it("refuses to write another number of values", () => {
      const backend = subject();
      const mark = backend.mark();
      const tensor = backend.allocate("float32", [4]);
      expect(() => backend.write(tensor, new Float32Array(3))).toThrow();
      expect(() => backend.write(tensor, new Float32Array(5))).toThrow();
      backend.release(mark);
    });

    it("fills and copies a part without touching its neighbours", async () => {
      const parts = fc.record({
        before: fc.integer({ min: 0, max: 9 }),
        count: fc.constantFrom(1, 2, 3, 5, 31, 4095, 4096, 4097, 9000),
        seed: seeds,
      });
      await fc.assert(
        fc.asyncProperty(parts, fc.double({ noNaN: true, min: -9, max: 9 }), async ({ before, count, seed }, value) => {
          const values = new Draw(seed).reals(count + before + 6, 3);
          await expectAgreement(subject(), (backend) => {
            const filled = put(backend, "float32", [values.length], values);
            backend.fill(backend.view(filled, [count], before), Math.fround(value));
            const target = put(backend, "float32", [values.length], values.toReversed());
            backend.copy(backend.view(filled, [count], before + 1), backend.view(target, [count], before));
            const zeroed = put(backend, "accumulator", [values.length], values);
            backend.fill(backend.view(zeroed, [count], before), 0);
            return { filled: exactly(filled), target: exactly(target), zeroed: exactly(zeroed) };
          });
        }),
        { numRuns: 30 },
      );
    });

    it("moves an average towards the values", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(1, 2, 65, 141).map((blocks) => blocks * UPDATE_BLOCK),
          seeds,
          fc.double({ min: 0, max: 1, noNaN: true }),
          async (count, seed, decay) => {
            const draw = new Draw(seed);
            const [old, values] = [draw.reals(count, 2), draw.reals(count, 2)];
            await expectAgreement(subject(), (backend) => {
              const average = put(backend, "float32", [count], old);
              backend.movingAverage(average, put(backend, "float32", [count], values), decay);
              return { average: about(average, 2) };
            });
          },
        ),
        { numRuns: 20 },
      );
    });
  });
}
