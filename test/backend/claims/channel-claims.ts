/** Every backend's kernels on channels and on the scales of filters agree with the reference. */
import fc from "fast-check";
import { describe, it } from "vitest";
import type { Backend } from "#rbnet/backend/kernels";
import { about, expectAgreement, put } from "../agreement.js";
import { channelCounts, Draw, filterCounts, rowCounts, seeds } from "../shapes.js";

const images = fc.integer({ min: 1, max: 4 });
const pixels = fc.constantFrom(1, 2, 9, 49, 70);

export function channelClaims(subject: () => Backend): void {
  describe("channels", () => {
    it("are weighed by image, integers and floats alike", async () => {
      await fc.assert(
        fc.asyncProperty(images, pixels, channelCounts, seeds, fc.boolean(), async (count, side, channels, seed, integers) => {
          const draw = new Draw(seed);
          const [rows, type] = [count * side, integers ? "int16" : "float32"] as const;
          const x = integers ? draw.integers(rows * channels, 300) : draw.reals(rows * channels, 300);
          const factors = draw.reals(count * channels, 2);
          await expectAgreement(subject(), (backend) => {
            const out = backend.allocate("float32", [rows, channels]);
            const weights = put(backend, "float32", [count, channels], factors);
            backend.multiplyChannels(put(backend, type, [rows, channels], x), weights, out);
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
            const [rows, type] = [count * side, integers ? "int16" : "float32"] as const;
            const x = integers ? draw.integers(rows * channels, 30) : draw.reals(rows * channels, 30);
            const [factors, gradient] = [draw.reals(count * channels, 2), draw.reals(rows * channels, 1)];
            await expectAgreement(subject(), (backend) => {
              const dOut = put(backend, "float32", [rows, channels], gradient);
              const dx = inPlace ? dOut : backend.allocate("float32", [rows, channels]);
              const weights = put(backend, "float32", [count, channels], factors);
              const dFactors = put(backend, "float32", [count, channels], new Float32Array(count * channels).fill(5));
              backend.multiplyChannelsGradient(dOut, put(backend, type, [rows, channels], x), weights, dx, dFactors);
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

    it("pass a sigmoid, far from 0 too, and are added up", async () => {
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(1, 3, 16, 4097), fc.constantFrom(1, 20, 200), seeds, async (count, limit, seed) => {
          const draw = new Draw(seed);
          const [x, gradient] = [draw.reals(count, limit), draw.reals(count, 1)];
          await expectAgreement(subject(), (backend) => {
            const [out, dx] = [backend.allocate("float32", [count]), backend.allocate("float32", [count])];
            const dOut = put(backend, "float32", [count], gradient);
            const sum = put(backend, "float32", [count], x);
            backend.sigmoid(put(backend, "float32", [count], x), out);
            backend.sigmoidGradient(dOut, out, dx);
            backend.add(dOut, sum);
            return { out: about(out, 0.1), dx: about(dx, 0.1), sum: about(sum, 1) };
          });
        }),
        { numRuns: 30 },
      );
    });
  });

  describe("scales of binary filters", () => {
    it("are the mean magnitudes of latent weights, and give their gradient to each by its sign", async () => {
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(1, 9, 27, 300), filterCounts, seeds, async (inputs, filters, seed) => {
          const draw = new Draw(seed);
          const [latent, old] = [draw.eighths(inputs * filters, 1), draw.reals(inputs * filters, 1)];
          const sums = Float64Array.from(draw.reals(5 * filters, 100));
          await expectAgreement(subject(), (backend) => {
            const weights = put(backend, "float32", [inputs, filters], latent);
            const magnitudes = put(backend, "float32", [4, filters], new Float32Array(4 * filters).fill(3));
            const gradient = put(backend, "float32", [inputs, filters], old);
            backend.filterMagnitudes(weights, magnitudes);
            backend.filterMagnitudesGradient(put(backend, "float64", [5, filters], sums), weights, gradient);
            return { magnitudes: about(magnitudes, 1), gradient: about(gradient, 100 / inputs + 1) };
          });
        }),
        { numRuns: 30 },
      );
    });
  });
}
