/** Every backend's pooling and loss agree with the reference. */
import fc from "fast-check";
import { describe, it } from "vitest";
import type { Backend } from "#rbnet/backend/kernels";
import { windowCount } from "#rbnet/tensor";
import { about, exactly, expectAgreement, put } from "../agreement.js";
import { channelCounts, Draw, geometries, rowCounts, seeds } from "../shapes.js";

const pooled = fc
  .record({
    images: fc.integer({ min: 1, max: 3 }),
    height: fc.integer({ min: 1, max: 9 }),
    width: fc.integer({ min: 1, max: 9 }),
    channels: channelCounts,
    size: fc.integer({ min: 1, max: 4 }),
    seed: seeds,
  })
  .map((tiling) => ({ ...tiling, size: Math.min(tiling.size, tiling.height, tiling.width) }))
  .map((tiling) => ({
    ...tiling,
    mapShape: [tiling.images, tiling.height, tiling.width, tiling.channels] as const,
    poolShape: [
      tiling.images,
      Math.floor(tiling.height / tiling.size),
      Math.floor(tiling.width / tiling.size),
      tiling.channels,
    ] as const,
  }));

function product(shape: readonly number[]): number {
  return shape.reduce((count, side) => count * side, 1);
}

export function poolClaims(subject: () => Backend): void {
  describe("pooling and loss", () => {
    it("averages tiles and drops what fills none", async () => {
      await fc.assert(
        fc.asyncProperty(pooled, async ({ mapShape, poolShape, size, seed }) => {
          const values = new Draw(seed).reals(product(mapShape), 1);
          await expectAgreement(subject(), (backend) => {
            const out = backend.allocate("float32", poolShape);
            backend.averagePool(put(backend, "float32", mapShape, values), size, out);
            return { out: about(out, 1) };
          });
        }),
        { numRuns: 40 },
      );
    });

    it("spreads the gradient of a tile over it, into or onto the map's", async () => {
      await fc.assert(
        fc.asyncProperty(pooled, fc.boolean(), async ({ mapShape, poolShape, size, seed }, accumulate) => {
          const draw = new Draw(seed);
          const [values, old] = [draw.reals(product(poolShape), 1), draw.reals(product(mapShape), 1)];
          await expectAgreement(subject(), (backend) => {
            const dx = put(backend, "float32", mapShape, old);
            backend.averagePoolGradient(put(backend, "float32", poolShape, values), size, dx, accumulate);
            return { dx: about(dx, 2) };
          });
        }),
        { numRuns: 40 },
      );
    });

    it("takes the largest value under each window, and 0 where a window lies on padding only", async () => {
      await fc.assert(
        fc.asyncProperty(geometries, seeds, async (geometry, seed) => {
          const { images, height, width, channels } = geometry;
          const mapShape = [images, height, width, channels];
          // Below 0 too, so that a maximum with nothing would be seen; eighths, so that ties are common.
          const values = new Draw(seed).eighths(product(mapShape), 1).map((value) => value - 0.75);
          await expectAgreement(subject(), (backend) => {
            const out = put(
              backend,
              "float32",
              [windowCount(geometry), channels],
              new Float32Array(windowCount(geometry) * channels).fill(7),
            );
            backend.maxPool(put(backend, "float32", mapShape, values), backend.window(geometry), out);
            return { out: exactly(out) };
          });
        }),
        { numRuns: 60 },
      );
    });

    it("gives a maximum's gradient to the first of the largest values", async () => {
      await fc.assert(
        fc.asyncProperty(geometries, seeds, async (geometry, seed) => {
          const { images, height, width, channels } = geometry;
          const mapShape = [images, height, width, channels];
          const draw = new Draw(seed);
          const values = draw.eighths(product(mapShape), 1).map((value) => value - 0.75);
          const gradients = draw.reals(windowCount(geometry) * channels, 1);
          const old = draw.reals(product(mapShape), 1);
          await expectAgreement(subject(), (backend) => {
            const dx = put(backend, "float32", mapShape, old);
            const dOut = put(backend, "float32", [windowCount(geometry), channels], gradients);
            backend.maxPoolGradient(dOut, put(backend, "float32", mapShape, values), backend.window(geometry), dx);
            return { dx: about(dx, 81) };
          });
        }),
        { numRuns: 60 },
      );
    });

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
          const count = product(mapShape);
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
