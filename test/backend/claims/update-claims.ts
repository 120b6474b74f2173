/** Every backend's optimizer steps agree with the reference over several steps. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { UPDATE_BLOCK } from "#rbnet/backend/terms";
import type { Tensor } from "#rbnet/tensor";
import { about, expectAgreement, put } from "../agreement.js";
import { Draw, seeds } from "../shapes.js";

const counts = fc.constantFrom(1, 3, 4, 5, 33, 4095, 4097, 9001);
/** In whole blocks; more than two chunks of the WebAssembly kernels. */
const wholeBlocks = fc.constantFrom(1, 2, 63, 64, 65, 141).map((count) => count * UPDATE_BLOCK);
const limits = fc.constantFrom(0, 0.5, 1);
const decays = fc.constantFrom(0, 0.1);
const STEPS = [1, 2, 3];

export function updateClaims(subject: () => Backend): void {
  describe("update", () => {
    it("steps by Adam, with decoupled decay and limits", async () => {
      await fc.assert(
        fc.asyncProperty(wholeBlocks, limits, decays, seeds, async (count, limit, decay, seed) => {
          const draw = new Draw(seed);
          const values = draw.reals(count, 1);
          const gradients = STEPS.map(() => draw.reals(count, 2));
          await expectAgreement(subject(), (backend) => {
            const value = put(backend, "float32", [count], values);
            const gradient = backend.allocate("float32", [count]);
            const [first, second] = [backend.allocate("float32", [count]), backend.allocate("float32", [count])];
            for (const step of STEPS) {
              backend.write(gradient, gradients[step - 1]!);
              // Epsilon is large, because the ratio of the moments is otherwise as rough as the smallest gradient.
              backend.adam(
                value,
                gradient,
                first,
                second,
                { rate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-2, decay, step, limit },
                undefined,
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
        fc.asyncProperty(wholeBlocks, limits, decays, seeds, async (count, limit, decay, seed) => {
          const draw = new Draw(seed);
          const values = draw.reals(count, 1);
          const gradients = STEPS.map(() => draw.reals(count, 2));
          await expectAgreement(subject(), (backend) => {
            const value = put(backend, "float32", [count], values);
            const [gradient, velocity] = [backend.allocate("float32", [count]), backend.allocate("float32", [count])];
            for (const gradients_ of gradients) {
              backend.write(gradient, gradients_);
              backend.sgd(value, gradient, velocity, { rate: 0.1, momentum: 0.9, decay, limit }, undefined);
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

    it.each(["adam", "sgd"] as const)(
      "counts the signs that a step of %s changed, by part, and touches nothing beside",
      async (optimizer) => {
        const lengths = fc.array(fc.integer({ min: 0, max: 70 }), { minLength: 1, maxLength: 5 });
        await fc.assert(
          fc.asyncProperty(lengths, seeds, async (parts, seed) => {
            const backend = subject();
            const mark = backend.mark();
            const draw = new Draw(seed);
            const starts = [0];
            for (const blocks of parts) starts.push(starts.at(-1)! + blocks * UPDATE_BLOCK);
            const count = starts.at(-1)!;
            // Between two blocks that are others'.
            const whole = count + 2 * UPDATE_BLOCK;
            const part = (tensor: Tensor) => backend.view(tensor, [count], UPDATE_BLOCK);
            const wholes = [draw.eighths(whole, 0.25), draw.reals(whole, 1), draw.reals(whole, 1), draw.between(whole, 0.1, 1)];
            const tensors = wholes.map((values) => put(backend, "float32", [whole], values));
            const [value, gradient, first, second] = tensors.map(part) as [Tensor, Tensor, Tensor, Tensor];
            const totals = put(backend, "accumulator", [parts.length], new Float64Array(parts.length).fill(5));
            const flips = { starts: put(backend, "int32", [starts.length], Int32Array.from(starts)), totals };
            const common = { rate: 0.125, decay: 0, limit: 1 };
            if (optimizer === "sgd") backend.sgd(value, gradient, first, { ...common, momentum: 0.9 }, flips);
            else
              backend.adam(value, gradient, first, second, { ...common, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, step: 1 }, flips);
            const after = await backend.read(value);
            const changed = (i: number): boolean => wholes[0]![UPDATE_BLOCK + i]! >= 0 !== after[i]! >= 0;
            const expected = parts.map((_, index) => {
              const elements = Array.from({ length: starts[index + 1]! - starts[index]! }, (__, i) => starts[index]! + i);
              return 5 + elements.filter(changed).length;
            });
            expect(Array.from(await backend.read(totals))).toEqual(expected);
            for (const [index, tensor] of tensors.entries()) {
              const found = await backend.read(tensor);
              for (const at of [0, UPDATE_BLOCK - 1, whole - UPDATE_BLOCK, whole - 1]) expect(found[at]).toBe(wholes[index]![at]);
            }
            backend.release(mark);
          }),
          { numRuns: 20 },
        );
      },
    );
  });
}
