/** Every backend's pooling agrees with the reference. */
import fc from "fast-check";
import { describe, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { elementCount, windowCount } from "#rbnet/tensor";
import { about, exactly, expectAgreement, put } from "../agreement.js";
import { channelCounts, Draw, geometries, seeds } from "../shapes.js";

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

export function poolingClaims(subject: () => Backend): void {
  describe("pooling", () => {
    it("averages tiles and drops what fills none", async () => {
      await fc.assert(
        fc.asyncProperty(pooled, async ({ mapShape, poolShape, size, seed }) => {
          const values = new Draw(seed).reals(elementCount(mapShape), 1);
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
          const [values, old] = [draw.reals(elementCount(poolShape), 1), draw.reals(elementCount(mapShape), 1)];
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
          const values = new Draw(seed).eighths(elementCount(mapShape), 1).map((value) => value - 0.75);
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
          const values = draw.eighths(elementCount(mapShape), 1).map((value) => value - 0.75);
          const gradients = draw.reals(windowCount(geometry) * channels, 1);
          const old = draw.reals(elementCount(mapShape), 1);
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
  });
}
