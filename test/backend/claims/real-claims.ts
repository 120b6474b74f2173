/** Every backend's full-precision kernels agree with the reference. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { type Shape, type WindowGeometry, windowCount, windowSize } from "#rbnet/tensor";
import { about, expectAgreement, put } from "../agreement.js";
import { convolutions, Draw, filterCounts, rowCounts, seeds } from "../shapes.js";

/** M windows of K values, and the map that they lie on. */
function sidesOf(geometry: WindowGeometry): { M: number; K: number; map: Shape; mapSize: number } {
  const { images, height, width, channels } = geometry;
  const map = [images, height, width, channels];
  return { M: windowCount(geometry), K: windowSize(geometry), map, mapSize: images * height * width * channels };
}

export function realClaims(subject: () => Backend): void {
  describe("real convolution and dense", () => {
    it("convolves a map, with 0 for padding", async () => {
      await fc.assert(
        fc.asyncProperty(convolutions, filterCounts, fc.boolean(), seeds, async (geometry, N, inputGradient, seed) => {
          const draw = new Draw(seed);
          const { M, K, map, mapSize } = sidesOf(geometry);
          const [values, factors, old] = [draw.reals(mapSize, 1), draw.reals(K * N, 1), draw.reals(M * N, 1)];
          await expectAgreement(subject(), (backend) => {
            const plan = backend.planConvolution(backend.window(geometry), N, { signs: false, inputGradient });
            const y = put(backend, "float32", [M, N], old);
            backend.convolution(put(backend, "float32", map, values), put(backend, "float32", [K, N], factors), plan, y);
            return { y: about(y, K) };
          });
        }),
        { numRuns: 60 },
      );
    });

    it("lays the gradient of a convolution back on its map, in place of what was there", async () => {
      await fc.assert(
        fc.asyncProperty(convolutions, filterCounts, seeds, async (geometry, N, seed) => {
          const draw = new Draw(seed);
          const { M, K, map, mapSize } = sidesOf(geometry);
          const [gradients, factors, old] = [draw.reals(M * N, 1), draw.reals(K * N, 1), draw.reals(mapSize, 1)];
          await expectAgreement(subject(), (backend) => {
            const plan = backend.planConvolution(backend.window(geometry), N, { signs: false, inputGradient: true });
            const dx = put(backend, "float32", map, old);
            const [dy, weights] = [put(backend, "float32", [M, N], gradients), put(backend, "float32", [K, N], factors)];
            backend.convolutionInputGradient(dy, weights, plan, dx);
            // A window reads a pixel once.
            return { dx: about(dx, (M / geometry.images) * N) };
          });
        }),
        { numRuns: 60 },
      );
    });

    it("adds the gradient of a convolution's weights to what is there", async () => {
      await fc.assert(
        fc.asyncProperty(convolutions, filterCounts, fc.boolean(), seeds, async (geometry, N, inputGradient, seed) => {
          const draw = new Draw(seed);
          const { M, K, map, mapSize } = sidesOf(geometry);
          const [gradients, values, old] = [draw.reals(M * N, 1), draw.reals(mapSize, 1), draw.reals(K * N, 1)];
          await expectAgreement(subject(), (backend) => {
            const plan = backend.planConvolution(backend.window(geometry), N, { signs: false, inputGradient });
            const gradient = put(backend, "float32", [K, N], old);
            const [dy, x] = [put(backend, "float32", [M, N], gradients), put(backend, "float32", map, values)];
            backend.convolutionWeightGradient(dy, x, plan, gradient);
            return { gradient: about(gradient, M + 1) };
          });
        }),
        { numRuns: 60 },
      );
    });

    it("shares among convolutions what they need while they run", () => {
      const geometry = {
        images: 40,
        height: 6,
        width: 6,
        channels: 8,
        kernel: 3,
        step: 1,
        rows: [-1, 0, 1, 2, 3, 4],
        columns: [0, 2],
      };
      const backend = subject();
      const mark = backend.mark();
      const window = backend.window(geometry);
      const use = { signs: true, inputGradient: true };
      backend.planConvolution(window, 20, use);
      const { bytes } = backend.memory;
      backend.planConvolution(window, 20, use);
      backend.planConvolution(window, 10, { signs: false, inputGradient: true });
      expect(backend.memory.bytes).toBe(bytes);
      backend.release(mark);
    });

    it("adds a bias to every row, and adds the rows to a total", async () => {
      await fc.assert(
        fc.asyncProperty(rowCounts, filterCounts, seeds, async (M, N, seed) => {
          const draw = new Draw(seed);
          const [values, biases, old] = [draw.reals(M * N, 1), draw.reals(N, 1), draw.reals(N, 1)];
          await expectAgreement(subject(), (backend) => {
            const matrix = put(backend, "float32", [M, N], values);
            const total = put(backend, "float32", [N], old);
            backend.sumColumns(matrix, total);
            backend.addBias(matrix, put(backend, "float32", [N], biases));
            return { matrix: about(matrix, 2), total: about(total, M + 1) };
          });
        }),
        { numRuns: 30 },
      );
    });
  });
}
