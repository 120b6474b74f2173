/** Every backend's kernels on channels agree with the reference. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { about, expectAgreement, put } from "../agreement.js";
import { channelCounts, Draw, rowCounts, seeds } from "../shapes.js";

const images = fc.integer({ min: 1, max: 4 });
const pixels = fc.constantFrom(1, 2, 9, 49, 70);

export function channelClaims(subject: () => Backend): void {
  describe("channels", () => {
    it("are weighed by image, integers into floats and floats in place", async () => {
      await fc.assert(
        fc.asyncProperty(images, pixels, channelCounts, seeds, fc.boolean(), async (count, side, channels, seed, integers) => {
          const draw = new Draw(seed);
          const rows = count * side;
          const x = integers ? draw.integers(rows * channels, 300) : draw.reals(rows * channels, 300);
          const factors = draw.reals(count * channels, 2);
          await expectAgreement(subject(), (backend) => {
            const weights = put(backend, "float32", [count, channels], factors);
            const out = put(backend, "float32", [rows, channels], x);
            backend.multiplyChannels(integers ? put(backend, "dotProduct", [rows, channels], x) : out, weights, out);
            return { out: about(out, 0) };
          });
        }),
        { numRuns: 40 },
      );
    });

    it("give gradients to what was weighed and to its factors, in place too", async () => {
      await fc.assert(
        fc.asyncProperty(
          images,
          pixels,
          channelCounts,
          seeds,
          fc.boolean(),
          fc.boolean(),
          async (count, side, channels, seed, integers, inPlace) => {
            const draw = new Draw(seed);
            const rows = count * side;
            const x = integers ? draw.integers(rows * channels, 30) : draw.reals(rows * channels, 30);
            const [factors, gradient] = [draw.reals(count * channels, 2), draw.reals(rows * channels, 1)];
            await expectAgreement(subject(), (backend) => {
              const dOut = put(backend, "float32", [rows, channels], gradient);
              const dx = inPlace ? dOut : backend.allocate("float32", [rows, channels]);
              const weights = put(backend, "float32", [count, channels], factors);
              const dFactors = put(backend, "float32", [count, channels], new Float32Array(count * channels).fill(5));
              const given = integers
                ? put(backend, "dotProduct", [rows, channels], x)
                : put(backend, "float32", [rows, channels], x);
              backend.multiplyChannelsGradient(dOut, given, weights, dx, dFactors);
              return { dx: about(dx, 0), dFactors: about(dFactors, 30 * side) };
            });
          },
        ),
        { numRuns: 40 },
      );
    });

    it("are repeated, and their gradients added up", async () => {
      await fc.assert(
        fc.asyncProperty(rowCounts, channelCounts, fc.integer({ min: 1, max: 3 }), seeds, async (rows, channels, times, seed) => {
          const draw = new Draw(seed);
          const [x, gradient] = [draw.reals(rows * channels, 1), draw.reals(rows * channels * times, 1)];
          await expectAgreement(subject(), (backend) => {
            const out = backend.allocate("float32", [rows, times * channels]);
            const dx = put(backend, "float32", [rows, channels], x);
            backend.repeatChannels(put(backend, "float32", [rows, channels], x), times, out);
            backend.repeatChannelsGradient(put(backend, "float32", [rows, times * channels], gradient), times, dx);
            return { out: about(out, 0), dx: about(dx, times) };
          });
        }),
        { numRuns: 30 },
      );
    });

    it("pass a sigmoid, far from 0 too, and in place", async () => {
      const counts = fc.constantFrom(1, 3, 16, 4097);
      await fc.assert(
        fc.asyncProperty(counts, fc.constantFrom(1, 20, 200), seeds, fc.boolean(), async (count, limit, seed, inPlace) => {
          const draw = new Draw(seed);
          const [values, gradient] = [draw.reals(count, limit), draw.reals(count, 1)];
          await expectAgreement(subject(), (backend) => {
            const [x, dOut] = [put(backend, "float32", [count], values), put(backend, "float32", [count], gradient)];
            const out = inPlace ? x : backend.allocate("float32", [count]);
            const dx = inPlace ? dOut : backend.allocate("float32", [count]);
            backend.sigmoid(x, out);
            backend.sigmoidGradient(dOut, out, dx);
            return { out: about(out, 0.1), dx: about(dx, 0.1) };
          });
        }),
        { numRuns: 30 },
      );
    });

    it("pass a sigmoid where it ends, and stay NaN", async () => {
      const backend = subject();
      const x = put(backend, "float32", [5], Float32Array.of(-Infinity, Infinity, -1000, 1000, Number.NaN));
      backend.sigmoid(x, x);
      const found = Array.from(await backend.read(x), (value) => (value < 1e-300 ? 0 : value));
      expect(found).toEqual([0, 1, 0, 1, Number.NaN]);
    });
  });
}
