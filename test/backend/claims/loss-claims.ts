/** Every backend's losses and their gradients agree with the reference. */
import fc from "fast-check";
import { describe, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { elementCount } from "#rbnet/tensor";
import { about, expectAgreement, put } from "../agreement.js";
import { channelCounts, Draw, rowCounts, seeds } from "../shapes.js";

export function lossClaims(subject: () => Backend): void {
  describe("losses", () => {
    it("takes cross entropy and its gradient, for large logits too", async () => {
      const limits = fc.constantFrom(1, 30, 1e4);
      const terms = fc.record({
        weight: fc.constantFrom(1, 0.25),
        temperature: fc.constantFrom(1, 2, 0.5),
        scale: fc.constantFrom(1, 0.5),
        accumulate: fc.boolean(),
      });
      await fc.assert(
        fc.asyncProperty(
          rowCounts,
          fc.constantFrom(1, 2, 3, 10, 100),
          limits,
          terms,
          seeds,
          async (images, classes, limit, term, seed) => {
            const draw = new Draw(seed);
            const logits = draw.reals(images * classes, limit);
            const shares = draw.between(images * classes, 0.01, 1);
            for (let i = 0; i < images; i++) {
              const row = shares.subarray(i * classes, (i + 1) * classes);
              const total = row.reduce((sum, share) => sum + share, 0);
              row.set(row.map((share) => share / total));
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
