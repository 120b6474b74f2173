/**
 * Every backend's normalization, shortcut and activation agree with the reference. Where the side of the activation matters, values are
 * multiples of 1/8, so that no rounding moves them across.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { type Tensor, type WindowGeometry, windowCount, wordsFor } from "#rbnet/tensor";
import { about, expectAgreement, put } from "../agreement.js";
import { Draw, filterCounts, partitions, rowCounts, seeds } from "../shapes.js";

/** A result y [M, N] on its way to a map: laid row by row, or over the taps of windows. */
interface Situation {
  readonly rows: number;
  readonly channels: number;
  readonly window: WindowGeometry | undefined;
  readonly integer: boolean;
  readonly shortcut: boolean;
  readonly activation: boolean;
  readonly seed: number;
}

const flags = { integer: fc.boolean(), shortcut: fc.boolean(), activation: fc.boolean(), seed: seeds };
const situations: fc.Arbitrary<Situation> = fc.oneof(
  fc.record({ rows: rowCounts, channels: filterCounts, window: fc.constant(undefined), ...flags }),
  fc
    .record({ window: partitions, channels: fc.constantFrom(1, 3, 4, 10, 16, 17), ...flags })
    .map((situation) => ({ ...situation, rows: windowCount(situation.window) })),
);

/** The tensors of a situation, drawn once and put on any backend. */
function materials({ rows: M, channels: C, window, integer, shortcut, activation, seed }: Situation) {
  const draw = new Draw(seed);
  const N = window === undefined ? C : C * window.kernel ** 2;
  const mapShape = window === undefined ? ([1, M, 1, C] as const) : ([window.images, window.height, window.width, C] as const);
  const mapCount = mapShape.reduce((product, side) => product * side, 1);
  const values = {
    y: integer ? draw.integers(M * N, 20) : draw.eighths(M * N, 20),
    norm: draw.eighths(4 * N, 2),
    shortcut: draw.eighths(mapCount, 3),
    activation: draw.eighths(4 * C, 1),
    gradient: draw.eighths(mapCount, 1),
    out: draw.eighths(mapCount, 1),
    coefficients: draw.eighths(3 * N, 1),
    dy: draw.reals(M * N, 1),
  };
  return {
    M,
    N,
    on: (backend: Backend) => ({
      y: integer ? put(backend, "dotProduct", [M, N], values.y) : put(backend, "float32", [M, N], values.y),
      transform: {
        norm: put(backend, "float32", [4, N], values.norm),
        layout: window === undefined ? undefined : backend.window(window),
        shortcut: shortcut ? put(backend, "float32", mapShape, values.shortcut) : undefined,
        activation: activation ? put(backend, "float32", [4, C], values.activation) : undefined,
      },
      gradient: put(backend, "float32", mapShape, values.gradient),
      out: put(backend, "float32", mapShape, values.out),
      coefficients: put(backend, "float32", [3, N], values.coefficients),
      dy: put(backend, "float32", [M, N], values.dy),
    }),
  };
}

export function normalizationClaims(subject: () => Backend): void {
  describe("normalization, shortcut and activation", () => {
    it("normalizes, adds the shortcut and activates wherever the result is laid", async () => {
      await fc.assert(
        fc.asyncProperty(situations, async (situation) => {
          const { on } = materials(situation);
          await expectAgreement(subject(), (backend) => {
            const { y, transform, out } = on(backend);
            backend.normalizeActivate(y, transform, out);
            return { out: about(out, 50) };
          });
        }),
        { numRuns: 80 },
      );
    });

    it("finishes a binary product in one pass as in two: bit for bit, and as the reference", async () => {
      await fc.assert(
        fc.asyncProperty(situations, fc.constantFrom(1, 33, 64, 100, 300), async (situation, K) => {
          const { M, N, on } = materials(situation);
          const draw = new Draw(situation.seed + 1);
          const [latent, signs] = [draw.eighths(K * N, 1), draw.words(M * wordsFor(K))];
          if (K % 32 !== 0) for (let row = 1; row <= M; row++) signs[row * wordsFor(K) - 1]! &= 2 ** (K % 32) - 1;
          const unit = (backend: Backend) => {
            const { transform, out } = on(backend);
            const weights = backend.binaryWeights(K, N, false);
            backend.binarizeWeights(put(backend, "float32", [K, N], latent), weights, false);
            const columns = put(backend, "uint32", [M, wordsFor(K)], signs);
            return { columns, weights, transform, out };
          };
          await expectAgreement(subject(), (backend) => {
            const { columns, weights, transform, out } = unit(backend);
            backend.binaryUnit(columns, weights, transform, out);
            return { out: about(out, 4 * K) };
          });
          const backend = subject();
          const mark = backend.mark();
          const { columns, weights, transform, out } = unit(backend);
          const [y, twice] = [backend.allocate("dotProduct", [M, N]), backend.allocate("float32", out.shape)];
          backend.copy(out, twice);
          backend.binaryProduct(columns, weights, y, undefined);
          backend.normalizeActivate(y, transform, twice);
          backend.binaryUnit(columns, weights, transform, out);
          expect(await backend.read(out)).toEqual(await backend.read(twice));
          backend.release(mark);
        }),
        { numRuns: 60 },
      );
    });

    it("takes the gradient back through the activation and reduces all that normalization needs", async () => {
      await fc.assert(
        fc.asyncProperty(situations, async (situation) => {
          const { M, N, on } = materials(situation);
          await expectAgreement(subject(), (backend) => {
            const { y, transform, gradient } = on(backend);
            const sums = put(backend, "accumulator", [5, N], new Float64Array(5 * N).fill(3));
            backend.activateBackward(gradient, y, transform, sums);
            // Without an activation nothing reads the three sums that serve its gradients.
            const read = transform.activation === undefined ? backend.view(sums, [2, N]) : sums;
            return { gradient: about(gradient, 1), sums: about(read, 50 * M) };
          });
        }),
        { numRuns: 80 },
      );
    });

    it("takes the gradient back to the product's result, 0 from outside the map", async () => {
      await fc.assert(
        fc.asyncProperty(situations, async (situation) => {
          const { on } = materials(situation);
          await expectAgreement(subject(), (backend) => {
            const { y, transform, gradient, coefficients, dy } = on(backend);
            backend.normalizationGradient(gradient, y, coefficients, transform.layout, dy);
            return { dy: about(dy, 25) };
          });
        }),
        { numRuns: 80 },
      );
    });

    it("sums a real result and its squares by column", async () => {
      await fc.assert(
        fc.asyncProperty(rowCounts, filterCounts, seeds, async (M, N, seed) => {
          const values = new Draw(seed).reals(M * N, 3);
          await expectAgreement(subject(), (backend) => {
            const sums = put(backend, "accumulator", [2, N], new Float64Array(2 * N).fill(3));
            backend.columnMoments(put(backend, "float32", [M, N], values), sums);
            return { sums: about(sums, 9 * M) };
          });
        }),
        { numRuns: 30 },
      );
    });

    it("turns sums into scale, bias and statistics, and moves the running ones", async () => {
      await fc.assert(
        fc.asyncProperty(
          rowCounts,
          filterCounts,
          seeds,
          fc.double({ min: 0, max: 1, noNaN: true }),
          async (M, N, seed, momentum) => {
            const draw = new Draw(seed);
            const y = draw.integers(M * N, 30);
            const sums = new Float64Array(2 * N);
            for (const [i, value] of y.entries()) {
              sums[i % N]! += value;
              sums[N + (i % N)]! += value ** 2;
            }
            const [gammas, betas, means, variances] = [
              draw.reals(N, 2),
              draw.reals(N, 2),
              draw.reals(N, 9),
              draw.between(N, 0, 100),
            ];
            await expectAgreement(subject(), (backend) => {
              const vector = (values: Float32Array): Tensor => put(backend, "float32", [N], values);
              const [runningMean, runningVariance, norm] = [
                vector(means),
                vector(variances),
                backend.allocate("float32", [4, N]),
              ];
              const total = put(backend, "accumulator", [2, N], sums);
              const terms = {
                gamma: vector(gammas),
                beta: vector(betas),
                epsilon: 1e-3,
                runningMean,
                runningVariance,
                momentum,
              };
              backend.normalizationForward(total, M, terms, norm);
              return {
                // They move by differences of up to 39 and some 500, which float32 may round, as it may the momentum.
                runningMean: about(runningMean, 8),
                runningVariance: about(runningVariance, 60),
                norm: about(norm, 0.1),
              };
            });
          },
        ),
        { numRuns: 40 },
      );
    });

    it("turns sums into the parameters' gradients and the coefficients of the result's", async () => {
      await fc.assert(
        fc.asyncProperty(
          rowCounts,
          fc.constantFrom(1, 3, 16, 17),
          fc.constantFrom(1, 4, 9),
          fc.boolean(),
          seeds,
          async (M, C, taps, activation, seed) => {
            const N = C * taps;
            const draw = new Draw(seed);
            const [sums, norms, gammas] = [draw.reals(5 * N, M), draw.reals(4 * N, 2), draw.reals(N, 2)];
            const [oldGamma, oldBeta, oldActivation] = [draw.reals(N, 1), draw.reals(N, 1), draw.reals(4 * C, 1)];
            await expectAgreement(subject(), (backend) => {
              const dGamma = put(backend, "float32", [N], oldGamma);
              const dBeta = put(backend, "float32", [N], oldBeta);
              const dActivation = put(backend, "float32", [4, C], oldActivation);
              const coefficients = backend.allocate("float32", [3, N]);
              const norm = put(backend, "float32", [4, N], norms);
              const gamma = put(backend, "float32", [N], gammas);
              const total = put(backend, "accumulator", [5, N], sums);
              const gradients = { gamma: dGamma, beta: dBeta, activation: activation ? dActivation : undefined };
              backend.normalizationBackward(total, M, norm, gamma, gradients, coefficients);
              return {
                dGamma: about(dGamma, M + 1),
                dBeta: about(dBeta, M + 1),
                dActivation: about(dActivation, taps * M + 1),
                coefficients: about(coefficients, 20),
              };
            });
          },
        ),
        { numRuns: 40 },
      );
    });
  });
}
