/** Every backend's optimizer steps agree with the reference over several steps. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { about, expectAgreement, put } from "../agreement.js";
import { Draw, seeds } from "../shapes.js";

const counts = fc.constantFrom(1, 3, 4, 5, 33, 4095, 4097, 9001);
const limits = fc.constantFrom(0, 0.5, 1);
const decays = fc.constantFrom(0, 0.1);
const STEPS = [1, 2, 3];

export function updateClaims(subject: () => Backend): void {
  describe("update", () => {
    it("steps by Adam, with decoupled decay and limits", async () => {
      await fc.assert(
        fc.asyncProperty(counts, limits, decays, seeds, async (count, limit, decay, seed) => {
          const draw = new Draw(seed);
          const values = draw.reals(count, 1);
          const gradients = STEPS.map(() => draw.reals(count, 2));
          await expectAgreement(subject(), (backend) => {
            const value = put(backend, "float32", [count], values);
            const gradient = backend.allocate("float32", [count]);
            const [first, second] = [backend.allocate("float32", [count]), backend.allocate("float32", [count])];
            const flips = backend.allocate("accumulator", [1]);
            for (const step of STEPS) {
              backend.write(gradient, gradients[step - 1]!);
              // Epsilon is large, because the ratio of the moments is otherwise as rough as the smallest gradient.
              backend.adam(
                value,
                gradient,
                first,
                second,
                { rate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-2, decay, step, limit },
                flips,
              );
            }
            return { value: about(value, 1), first: about(first, 1), second: about(second, 1) };
          });
        }),
        { numRuns: 30 },
      );
    });

    it("steps by momentum, with decay and limits", async () => {
      await fc.assert(
        fc.asyncProperty(counts, limits, decays, seeds, async (count, limit, decay, seed) => {
          const draw = new Draw(seed);
          const values = draw.reals(count, 1);
          const gradients = STEPS.map(() => draw.reals(count, 2));
          await expectAgreement(subject(), (backend) => {
            const value = put(backend, "float32", [count], values);
            const [gradient, velocity] = [backend.allocate("float32", [count]), backend.allocate("float32", [count])];
            const flips = backend.allocate("accumulator", [1]);
            for (const gradients_ of gradients) {
              backend.write(gradient, gradients_);
              backend.sgd(value, gradient, velocity, { rate: 0.1, momentum: 0.9, decay, limit }, flips);
            }
            return { value: about(value, 3), velocity: about(velocity, 6) };
          });
        }),
        { numRuns: 30 },
      );
    });

    it("adds one tensor to another", async () => {
      await fc.assert(
        fc.asyncProperty(counts, seeds, async (count, seed) => {
          const draw = new Draw(seed);
          const [from, to] = [draw.reals(count, 1), draw.reals(count, 1)];
          await expectAgreement(subject(), (backend) => {
            const sum = put(backend, "float32", [count], to);
            backend.add(put(backend, "float32", [count], from), sum);
            return { sum: about(sum, 2) };
          });
        }),
        { numRuns: 20 },
      );
    });

    it.each(["adam", "sgd"] as const)("counts the signs that a step of %s changed", async (optimizer) => {
      await fc.assert(
        fc.asyncProperty(counts, seeds, async (count, seed) => {
          const backend = subject();
          const mark = backend.mark();
          const draw = new Draw(seed);
          const before = draw.eighths(count, 0.25);
          const value = put(backend, "float32", [count], before);
          const gradient = put(backend, "float32", [count], draw.reals(count, 1));
          const [first, second] = [backend.allocate("float32", [count]), backend.allocate("float32", [count])];
          const flips = put(backend, "accumulator", [1], Float64Array.of(5));
          const common = { rate: 0.125, decay: 0, limit: 1 };
          if (optimizer === "sgd") backend.sgd(value, gradient, first, { ...common, momentum: 0.9 }, flips);
          else
            backend.adam(value, gradient, first, second, { ...common, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, step: 1 }, flips);
          const after = await backend.read(value);
          const changed = before.reduce((sum, old, i) => sum + (old >= 0 === after[i]! >= 0 ? 0 : 1), 0);
          expect((await backend.read(flips))[0]).toBe(5 + changed);
          backend.release(mark);
        }),
        { numRuns: 20 },
      );
    });
  });
}
