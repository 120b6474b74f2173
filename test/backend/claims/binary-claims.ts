/** Every backend's binary kernels agree with the reference, bit for bit where the result is bits or integers. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Backend, GradientPrecision } from "#rbnet/backend/device";
import type { BinaryWeights, Estimator } from "#rbnet/backend/terms";
import { MAXIMUM_BINARY_INPUTS, type Tensor, type WindowGeometry, windowCount, windowSize, wordsFor } from "#rbnet/tensor";
import { about, exactly, expectAgreement, put } from "../agreement.js";
import { channelCounts, convolutions, Draw, filterCounts, geometries, rowCounts, seeds } from "../shapes.js";

const inputCounts = fc.tuple(channelCounts, fc.integer({ min: 1, max: 3 })).map(([channels, kernel]) => channels * kernel ** 2);
const estimators = fc.constantFrom<Estimator>("clip", "polynomial");

/** Rows of packed random signs with the unused bits at 0. */
function randomColumns(draw: Draw, rows: number, inputs: number): Uint32Array {
  const words = wordsFor(inputs);
  const packed = draw.words(rows * words);
  if (inputs % 32 !== 0) for (let row = 1; row <= rows; row++) packed[row * words - 1]! &= 2 ** (inputs % 32) - 1;
  return packed;
}

function arrange(backend: Backend, latent: Tensor, gradient: boolean): BinaryWeights {
  const [inputs, filters] = latent.shape as [number, number];
  const weights = backend.binaryWeights(inputs, filters, gradient);
  backend.binarizeWeights(latent, weights, gradient);
  return weights;
}

function mapShape({ images, height, width, channels }: WindowGeometry): readonly [number, number, number, number] {
  return [images, height, width, channels];
}

function mapSize(geometry: WindowGeometry): number {
  return mapShape(geometry).reduce((product, side) => product * side);
}

/** The values, as far as the kernels are exact with them. */
function asPrecise(values: Float32Array, precision: GradientPrecision): Float32Array {
  switch (precision) {
    case "float32":
      return values;
    // The first 16 bits are all that they take.
    case "bfloat16":
      return new Float32Array(new Uint32Array(values.buffer).map((bits) => bits & 0xffff0000).buffer);
    // Sums of sixteen have to fit in 11 bits.
    case "float16":
      return values.map((value) => Math.round(64 * value) / 64);
  }
}

export function binaryClaims(subject: () => Backend, precision: GradientPrecision): void {
  describe("binary convolution", () => {
    it("packs the signs under every window and clears what was there", async () => {
      await fc.assert(
        fc.asyncProperty(geometries, seeds, async (geometry, seed) => {
          const draw = new Draw(seed);
          const [map, thresholds] = [draw.eighths(mapSize(geometry), 1), draw.eighths(geometry.channels, 1)];
          const shape = [windowCount(geometry), wordsFor(windowSize(geometry))] as const;
          const old = draw.words(shape[0] * shape[1]);
          await expectAgreement(subject(), (backend) => {
            const columns = put(backend, "uint32", shape, old);
            const x = put(backend, "float32", mapShape(geometry), map);
            backend.binarizeColumns(
              x,
              put(backend, "float32", [geometry.channels], thresholds),
              backend.window(geometry),
              columns,
            );
            return { columns: exactly(columns) };
          });
        }),
        { numRuns: 60 },
      );
    });

    it("multiplies signs exactly and sums results and squares by filter", async () => {
      await fc.assert(
        fc.asyncProperty(
          rowCounts,
          inputCounts,
          filterCounts,
          fc.boolean(),
          fc.boolean(),
          seeds,
          async (M, K, N, summed, gradient, seed) => {
            const draw = new Draw(seed);
            const [bits, values, old] = [randomColumns(draw, M, K), draw.eighths(K * N, 1), draw.reals(2 * N, 9)];
            await expectAgreement(subject(), (backend) => {
              const weights = arrange(backend, put(backend, "float32", [K, N], values), gradient);
              const y = backend.allocate("dotProduct", [M, N]);
              const sums = put(backend, "accumulator", [2, N], old);
              backend.binaryProduct(put(backend, "uint32", [M, wordsFor(K)], bits), weights, y, summed ? sums : undefined);
              return { y: exactly(y), sums: exactly(sums) };
            });
          },
        ),
        { numRuns: 60 },
      );
    });

    it("takes packed signs as it takes latent weights", async () => {
      await fc.assert(
        fc.asyncProperty(rowCounts, inputCounts, filterCounts, seeds, async (M, K, N, seed) => {
          const draw = new Draw(seed);
          const [bits, packed] = [randomColumns(draw, M, K), randomColumns(draw, N, K)];
          const signs = Float32Array.from({ length: K * N }, (_, i) => {
            const [k, n] = [Math.floor(i / N), i % N];
            return (packed[n * wordsFor(K) + (k >>> 5)]! >>> (k & 31)) & 1 ? 1 : -1;
          });
          const backend = subject();
          const mark = backend.mark();
          const columns = put(backend, "uint32", [M, wordsFor(K)], bits);
          const written = backend.binaryWeights(K, N, false);
          backend.writeWeights(written, packed);
          const products: unknown[] = [];
          for (const weights of [arrange(backend, put(backend, "float32", [K, N], signs), false), written]) {
            const y = backend.allocate("dotProduct", [M, N]);
            backend.binaryProduct(columns, weights, y, undefined);
            products.push(await backend.read(y));
          }
          expect(products[1]).toEqual(products[0]);
          backend.release(mark);
        }),
        { numRuns: 40 },
      );
    });

    it("gives packed signs back as they were written, and as latent weights have them", async () => {
      await fc.assert(
        fc.asyncProperty(inputCounts, filterCounts, fc.boolean(), seeds, async (K, N, gradient, seed) => {
          const draw = new Draw(seed);
          const packed = randomColumns(draw, N, K);
          const latent = Float32Array.from({ length: K * N }, (_, i) => {
            const [k, n] = [Math.floor(i / N), i % N];
            return (packed[n * wordsFor(K) + (k >>> 5)]! >>> (k & 31)) & 1 ? 0 : -0.5;
          });
          const backend = subject();
          const mark = backend.mark();
          const written = backend.binaryWeights(K, N, false);
          backend.writeWeights(written, packed);
          const taken = arrange(backend, put(backend, "float32", [K, N], latent), gradient);
          for (const weights of [written, taken])
            expect(Array.from(await backend.readWeights(weights))).toEqual(Array.from(packed));
          backend.release(mark);
        }),
        { numRuns: 40 },
      );
    });

    it("stays exact where all signs of the largest products agree, or none", async () => {
      const [M, N] = [70, 20];
      for (const K of [9 * 512, MAXIMUM_BINARY_INPUTS]) {
        for (const [bits, weight] of [
          [2 ** 32 - 1, 1],
          [2 ** 32 - 1, -1],
          [0, 1],
          [0, -1],
        ] as const) {
          await expectAgreement(subject(), (backend) => {
            const weights = arrange(backend, put(backend, "float32", [K, N], new Float32Array(K * N).fill(weight)), false);
            const y = backend.allocate("dotProduct", [M, N]);
            const sums = backend.allocate("accumulator", [2, N]);
            const columns = new Uint32Array(M * wordsFor(K)).fill(bits);
            backend.binaryProduct(put(backend, "uint32", [M, wordsFor(K)], columns), weights, y, sums);
            return { y: exactly(y), sums: exactly(sums) };
          });
        }
      }
    });

    it("takes the signs of changed weights anew", async () => {
      await fc.assert(
        fc.asyncProperty(inputCounts, filterCounts, seeds, async (K, N, seed) => {
          const draw = new Draw(seed);
          const [bits, before, after] = [randomColumns(draw, 3, K), draw.reals(K * N, 1), draw.reals(K * N, 1)];
          await expectAgreement(subject(), (backend) => {
            const latent = put(backend, "float32", [K, N], before);
            const weights = arrange(backend, latent, true);
            backend.write(latent, after);
            backend.binarizeWeights(latent, weights, true);
            const y = backend.allocate("dotProduct", [3, N]);
            backend.binaryProduct(put(backend, "uint32", [3, wordsFor(K)], bits), weights, y, undefined);
            return { y: exactly(y) };
          });
        }),
        { numRuns: 20 },
      );
    });

    it("adds the weights' gradient where the latent weight is within its limits", async () => {
      await fc.assert(
        fc.asyncProperty(rowCounts, inputCounts, filterCounts, seeds, async (M, K, N, seed) => {
          const draw = new Draw(seed);
          const [bits, dys, values, old] = [
            randomColumns(draw, M, K),
            asPrecise(draw.reals(M * N, 1), precision),
            draw.eighths(K * N, 1.5),
            draw.reals(K * N, 1),
          ];
          await expectAgreement(subject(), (backend) => {
            const gradient = put(backend, "float32", [K, N], old);
            const dy = put(backend, "float32", [M, N], dys);
            const columns = put(backend, "uint32", [M, wordsFor(K)], bits);
            backend.binaryWeightGradient(dy, columns, put(backend, "float32", [K, N], values), gradient);
            return { gradient: about(gradient, M + 1) };
          });
        }),
        { numRuns: 60 },
      );
    });

    it("adds the input's gradient through the estimator, and takes it from the thresholds'", async () => {
      await fc.assert(
        fc.asyncProperty(geometries, filterCounts, estimators, seeds, async (geometry, N, estimator, seed) => {
          const draw = new Draw(seed);
          const [M, K] = [windowCount(geometry), windowSize(geometry)];
          const [dys, values] = [asPrecise(draw.reals(M * N, 1), precision), draw.reals(K * N, 1)];
          const [map, thresholds] = [draw.eighths(mapSize(geometry), 1.5), draw.eighths(geometry.channels, 0.5)];
          const [oldMap, oldThresholds] = [draw.reals(mapSize(geometry), 1), draw.reals(geometry.channels, 1)];
          const taps = M * geometry.kernel ** 2;
          await expectAgreement(subject(), (backend) => {
            const weights = arrange(backend, put(backend, "float32", [K, N], values), true);
            const dx = put(backend, "float32", mapShape(geometry), oldMap);
            const dThreshold = put(backend, "float32", [geometry.channels], oldThresholds);
            const x = put(backend, "float32", mapShape(geometry), map);
            const threshold = put(backend, "float32", [geometry.channels], thresholds);
            backend.binaryInputGradient(
              put(backend, "float32", [M, N], dys),
              weights,
              backend.window(geometry),
              { x, threshold, estimator },
              dx,
              dThreshold,
            );
            return { dx: about(dx, 2 * taps * Math.sqrt(N)), dThreshold: about(dThreshold, 2 * taps * Math.sqrt(N)) };
          });
        }),
        { numRuns: 60 },
      );
    });

    it.each([
      { channels: 405, N: 5 },
      { channels: 20, N: 270 },
    ])(
      "does so for more windows and inputs, or filters, than any block has ($channels channels, $N filters)",
      async ({ channels, N }) => {
        const sides = Array.from({ length: 11 }, (_, i) => 2 * i);
        const geometry = { images: 2, height: 22, width: 22, channels, kernel: 2, step: 1, rows: sides, columns: sides };
        const [M, K] = [windowCount(geometry), windowSize(geometry)];
        const draw = new Draw(1);
        const [dys, values] = [asPrecise(draw.reals(M * N, 1), precision), draw.reals(K * N, 1)];
        const [map, bits] = [draw.eighths(mapSize(geometry), 1.5), randomColumns(draw, M, K)];
        await expectAgreement(subject(), (backend) => {
          const latent = put(backend, "float32", [K, N], values);
          const weights = arrange(backend, latent, true);
          const dy = put(backend, "float32", [M, N], dys);
          const dx = backend.allocate("float32", mapShape(geometry));
          const dThreshold = backend.allocate("float32", [channels]);
          const gradient = backend.allocate("float32", [K, N]);
          const x = put(backend, "float32", mapShape(geometry), map);
          const threshold = backend.allocate("float32", [channels]);
          backend.binaryInputGradient(
            dy,
            weights,
            backend.window(geometry),
            { x, threshold, estimator: "polynomial" },
            dx,
            dThreshold,
          );
          backend.binaryWeightGradient(dy, put(backend, "uint32", [M, wordsFor(K)], bits), latent, gradient);
          const sums = 2 * Math.sqrt(N);
          return { dx: about(dx, sums), dThreshold: about(dThreshold, M * sums), gradient: about(gradient, M) };
        });
      },
    );

    it("multiplies signs by latent weights as they are", async () => {
      await fc.assert(
        fc.asyncProperty(convolutions, filterCounts, fc.boolean(), seeds, async (geometry, N, inputGradient, seed) => {
          const draw = new Draw(seed);
          const [M, K] = [windowCount(geometry), windowSize(geometry)];
          const [bits, values, old] = [randomColumns(draw, M, K), draw.reals(K * N, 1), draw.reals(M * N, 9)];
          await expectAgreement(subject(), (backend) => {
            const plan = backend.planConvolution(backend.window(geometry), N, { signs: true, inputGradient });
            const y = put(backend, "float32", [M, N], old);
            const [columns, latent] = [put(backend, "uint32", [M, wordsFor(K)], bits), put(backend, "float32", [K, N], values)];
            backend.latentProduct(columns, latent, plan, y);
            return { y: about(y, K) };
          });
        }),
        { numRuns: 60 },
      );
    });

    it("lays the gradient of such a product back through the estimator, and takes it from the thresholds'", async () => {
      await fc.assert(
        fc.asyncProperty(convolutions, filterCounts, estimators, seeds, async (geometry, N, estimator, seed) => {
          const draw = new Draw(seed);
          const [M, K] = [windowCount(geometry), windowSize(geometry)];
          const [gradients, values] = [draw.reals(M * N, 1), draw.reals(K * N, 1)];
          const [map, thresholds] = [draw.eighths(mapSize(geometry), 1.5), draw.eighths(geometry.channels, 0.5)];
          const [oldMap, oldThresholds] = [draw.reals(mapSize(geometry), 1), draw.reals(geometry.channels, 1)];
          await expectAgreement(subject(), (backend) => {
            const plan = backend.planConvolution(backend.window(geometry), N, { signs: true, inputGradient: true });
            const dx = put(backend, "float32", mapShape(geometry), oldMap);
            const dThreshold = put(backend, "float32", [geometry.channels], oldThresholds);
            const [dy, latent] = [put(backend, "float32", [M, N], gradients), put(backend, "float32", [K, N], values)];
            const x = put(backend, "float32", mapShape(geometry), map);
            const threshold = put(backend, "float32", [geometry.channels], thresholds);
            backend.latentInputGradient(dy, latent, plan, { x, threshold, estimator }, dx, dThreshold);
            // A window reads a pixel once; slopes are 2 at most.
            const sums = 2 * N * (M / geometry.images) + 1;
            return { dx: about(dx, sums), dThreshold: about(dThreshold, 2 * M * geometry.kernel ** 2 * Math.sqrt(N)) };
          });
        }),
        { numRuns: 60 },
      );
    });

    it("adds up the positive signs", async () => {
      await fc.assert(
        fc.asyncProperty(fc.oneof(rowCounts, fc.constantFrom(1025, 3000)), inputCounts, seeds, async (M, K, seed) => {
          const bits = randomColumns(new Draw(seed), M, K);
          await expectAgreement(subject(), (backend) => {
            const total = put(backend, "accumulator", [1], Float64Array.of(7));
            backend.countPositive(put(backend, "uint32", [M, wordsFor(K)], bits), K, total);
            return { total: exactly(total) };
          });
        }),
        { numRuns: 30 },
      );
    });
  });
}
