/** Every backend's losses and their gradients agree with the reference. */
import fc from "fast-check";
import { describe, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { elementCount, type Tensor } from "#rbnet/tensor";
import { about, exactly, expectAgreement, put } from "../agreement.js";
import { channelCounts, Draw, rowCounts, seeds } from "../shapes.js";

const classCounts = fc.constantFrom(1, 2, 3, 10, 100);

export function lossClaims(subject: () => Backend): void {
  describe("losses", () => {
    it("takes cross entropy and its gradient, for large logits too", async () => {
      const limits = fc.constantFrom(1, 30, 1e4);
      const terms = fc.record({
        weight: fc.constantFrom(1, 0.25),
        temperature: fc.constantFrom(1, 2, 0.5),
        scale: fc.constantFrom(1, 0.5),
        accumulate: fc.boolean(),
        divergence: fc.boolean(),
        mass: fc.constantFrom(1, 3, 0.2),
      });
      await fc.assert(
        fc.asyncProperty(
          rowCounts,
          classCounts,
          limits,
          terms,
          seeds,
          async (images, classes, limit, { mass, ...term }, seed) => {
            const draw = new Draw(seed);
            const logits = draw.reals(images * classes, limit);
            // Some classes are excluded.
            const shares = draw.between(images * classes, -0.2, 1).map((share) => Math.max(0, share));
            for (let i = 0; i < images; i++) shares[i * classes] = 0.5;
            for (let i = 0; i < images; i++) {
              const row = shares.subarray(i * classes, (i + 1) * classes);
              const total = row.reduce((sum, share) => sum + share, 0);
              row.set(row.map((share) => (mass * share) / total));
            }
            const before = { losses: draw.reals(images, 1), gradient: draw.reals(images * classes, 1) };
            await expectAgreement(subject(), (backend) => {
              const losses = put(backend, "float32", [images], before.losses);
              const gradient = put(backend, "float32", [images, classes], before.gradient);
              const targets = put(backend, "float32", [images, classes], shares);
              backend.softmaxCrossEntropy(put(backend, "float32", [images, classes], logits), targets, term, losses, gradient);
              return { losses: about(losses, 1), gradient: about(gradient, 1) };
            });
          },
        ),
        { numRuns: 40 },
      );
    });

    it("takes the softmax of scores, in place too, with nothing for a class of -Infinity", async () => {
      const limits = fc.constantFrom(1, 30, 1e4);
      const temperatures = fc.constantFrom(1, 4, 0.5);
      await fc.assert(
        fc.asyncProperty(
          rowCounts,
          classCounts,
          limits,
          temperatures,
          seeds,
          async (images, classes, limit, temperature, seed) => {
            const values = new Draw(seed).reals(images * classes, limit);
            if (classes > 1) values[classes - 1] = Number.NEGATIVE_INFINITY;
            await expectAgreement(subject(), (backend) => {
              const scores = put(backend, "float32", [images, classes], values);
              const out = backend.allocate("float32", [images, classes]);
              backend.softmax(scores, temperature, out);
              backend.softmax(scores, temperature, scores);
              return { out: about(out, 1), scores: about(scores, 1) };
            });
          },
        ),
        { numRuns: 30 },
      );
    });

    it("counts the images whose label has the first of the highest scores, and adds losses up", async () => {
      await fc.assert(
        fc.asyncProperty(rowCounts, classCounts, seeds, async (images, classes, seed) => {
          const draw = new Draw(seed);
          // Many ties, and a row that is no numbers.
          const values = draw.eighths(images * classes, 0.5);
          if (images > 3) values[classes] = Number.NaN;
          const labels = Int32Array.from(draw.between(images, 0, classes), Math.floor);
          const [losses, before] = [draw.reals(images, 4), draw.reals(2, 100)];
          await expectAgreement(subject(), (backend) => {
            const [correct, sum] = [before.subarray(0, 1), before.subarray(1)].map((value) =>
              put(backend, "accumulator", [1], value),
            ) as [Tensor<"accumulator">, Tensor<"accumulator">];
            const wanted = put(backend, "int32", [images], labels);
            backend.countCorrect(put(backend, "float32", [images, classes], values), wanted, correct);
            backend.sumLosses(put(backend, "float32", [images], losses), 0.25, sum);
            return { correct: exactly(correct), sum: about(sum, 2 ** -20) };
          });
        }),
        { numRuns: 40 },
      );
    });

    it("makes attention maps, and pulls a map towards a wanted one", async () => {
      const sides = fc.integer({ min: 1, max: 9 });
      const shapes = fc.record({ images: fc.integer({ min: 1, max: 3 }), height: sides, width: sides, channels: channelCounts });
      const terms = fc.record({ weight: fc.constantFrom(1, 0.25), scale: fc.constantFrom(1, 0.5) });
      await fc.assert(
        fc.asyncProperty(shapes, terms, seeds, async ({ images, height, width, channels }, term, seed) => {
          const draw = new Draw(seed);
          const mapShape = [images, height, width, channels];
          const count = elementCount(mapShape);
          const [other, old] = [draw.reals(count, 1), draw.reals(count, 1)];
          // Not near 0, where the gradient has no bound; but the last of several images is empty, and has neither attention nor gradient.
          const values = draw.reals(count, 1).map((value) => value + 0.3 * (value < 0 ? -1 : 1));
          if (images > 1) values.fill(0, ((images - 1) / images) * count);
          const before = draw.reals(images, 1);
          await expectAgreement(subject(), (backend) => {
            const [x, gradient] = [put(backend, "float32", mapShape, values), put(backend, "float32", mapShape, old)];
            const attention = [images, height * width];
            const [wanted, own] = [backend.allocate("float32", attention), backend.allocate("float32", attention)];
            const losses = put(backend, "float32", [images], before);
            backend.attentionMap(put(backend, "float32", mapShape, other), wanted);
            backend.attentionMap(x, own);
            backend.attentionMatch(x, wanted, term, losses, gradient);
            return { wanted: about(wanted, 1), own: about(own, 1), losses: about(losses, 1), gradient: about(gradient, 8) };
          });
        }),
        { numRuns: 40 },
      );
    });
  });
}
