/** Every backend's full-precision kernels agree with the reference. */
import fc from "fast-check";
import { describe, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { windowCount, windowSize } from "#rbnet/tensor";
import { about, exactly, expectAgreement, put } from "../agreement.js";
import { Draw, filterCounts, geometries, rowCounts, seeds } from "../shapes.js";

const innerCounts = fc.constantFrom(1, 2, 3, 16, 27, 33, 64, 130, 257, 513);

export function realClaims(subject: () => Backend): void {
  describe("real convolution and dense", () => {
    it("gathers what lies under every window, with 0 for padding", async () => {
      await fc.assert(
        fc.asyncProperty(geometries, seeds, async (geometry, seed) => {
          const { images, height, width, channels } = geometry;
          const draw = new Draw(seed);
          const shape = [windowCount(geometry), windowSize(geometry)] as const;
          const [map, old] = [draw.reals(images * height * width * channels, 2), draw.reals(shape[0] * shape[1], 2)];
          await expectAgreement(subject(), (backend) => {
            const columns = put(backend, "float32", shape, old);
            backend.gatherColumns(
              put(backend, "float32", [images, height, width, channels], map),
              backend.window(geometry),
              columns,
            );
            return { columns: exactly(columns) };
          });
        }),
        { numRuns: 40 },
      );
    });

    it("adds every window back to where it was gathered from", async () => {
      await fc.assert(
        fc.asyncProperty(geometries, seeds, async (geometry, seed) => {
          const { images, height, width, channels } = geometry;
          const draw = new Draw(seed);
          const shape = [windowCount(geometry), windowSize(geometry)] as const;
          const [values, old] = [draw.reals(shape[0] * shape[1], 1), draw.reals(images * height * width * channels, 1)];
          await expectAgreement(subject(), (backend) => {
            const dx = put(backend, "float32", [images, height, width, channels], old);
            backend.scatterColumns(put(backend, "float32", shape, values), backend.window(geometry), dx);
            return { dx: about(dx, shape[0] * geometry.kernel ** 2 + 1) };
          });
        }),
        { numRuns: 40 },
      );
    });

    it("multiplies matrices, transposed or not, into or onto the result", async () => {
      await fc.assert(
        fc.asyncProperty(
          rowCounts,
          innerCounts,
          filterCounts,
          fc.boolean(),
          fc.boolean(),
          seeds,
          async (M, K, N, transposeA, accumulate, seed) => {
            const draw = new Draw(seed);
            const [left, right, old] = [draw.reals(M * K, 1), draw.reals(K * N, 1), draw.reals(M * N, 1)];
            await expectAgreement(subject(), (backend) => {
              const c = put(backend, "float32", [M, N], old);
              const a = put(backend, "float32", transposeA ? [K, M] : [M, K], left);
              backend.product(a, put(backend, "float32", [K, N], right), c, { transposeA, accumulate });
              return { c: about(c, K + 1) };
            });
          },
        ),
        { numRuns: 60 },
      );
    });

    it("transposes", async () => {
      await fc.assert(
        fc.asyncProperty(rowCounts, filterCounts, seeds, async (M, N, seed) => {
          const values = new Draw(seed).reals(M * N, 1);
          await expectAgreement(subject(), (backend) => {
            const out = backend.allocate("float32", [N, M]);
            backend.transpose(put(backend, "float32", [M, N], values), out);
            return { out: exactly(out) };
          });
        }),
        { numRuns: 20 },
      );
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
