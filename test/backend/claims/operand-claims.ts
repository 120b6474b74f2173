/** Operands that may share an allocation: parts that are all read, parts that are all written, and neighbours where a kernel says so. */
import { describe, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import type { Tensor } from "#rbnet/tensor";
import { about, exactly, expectAgreement, put } from "../agreement.js";
import { Draw } from "../shapes.js";

const [M, N] = [70, 19];
/** Between parts, so that a kernel that reads or writes past the end of one is seen. */
const GAP = 64;

/** Parts of one allocation with the values of each, and the whole. */
function parts(backend: Backend, values: readonly Float32Array[]): { readonly whole: Tensor; readonly parts: readonly Tensor[] } {
  const whole = backend.allocate("float32", [values.length * GAP]);
  const views = values.map((part, i) => backend.view(whole, [part.length], i * GAP));
  for (const [i, part] of values.entries()) backend.write(views[i]!, part);
  return { whole, parts: views };
}

export function operandClaims(subject: () => Backend): void {
  describe("operands", () => {
    it("may be parts of one allocation where all are read, and where all are written", async () => {
      const draw = new Draw(3);
      const values = Array.from({ length: 6 }, () => draw.between(N, 0.5, 2));
      const [sums, reductions] = [draw.between(2 * N, 100, 200), draw.reals(5 * N, 10)];
      await expectAgreement(subject(), (backend) => {
        const learned = parts(backend, values.slice(0, 2));
        const states = parts(backend, values.slice(2, 4));
        const gradients = parts(backend, values.slice(4));
        const [gamma, beta] = learned.parts as [Tensor, Tensor];
        const [runningMean, runningVariance] = states.parts as [Tensor, Tensor];
        const [dGamma, dBeta] = gradients.parts as [Tensor, Tensor];
        const [norm, coefficients] = [backend.allocate("float32", [4, N]), backend.allocate("float32", [3, N])];
        const terms = { gamma, beta, epsilon: 1e-3, runningMean, runningVariance, momentum: 0.1 };
        backend.normalizationForward(put(backend, "accumulator", [2, N], sums), 10, terms, norm);
        const places = { gamma: dGamma, beta: dBeta, activation: undefined };
        backend.normalizationBackward(put(backend, "accumulator", [5, N], reductions), 10, norm, gamma, places, coefficients);
        return {
          learned: exactly(learned.whole),
          states: about(states.whole, 40),
          gradients: about(gradients.whole, 20),
          coefficients: about(coefficients, 20),
        };
      });
    });

    it("may lie beside each other where a normalization reads a product", async () => {
      const draw = new Draw(4);
      const [product, norms, gradients, scales] = [
        draw.reals(M * N, 1),
        draw.reals(4 * N, 1),
        draw.reals(M * N, 1),
        draw.reals(3 * N, 1),
      ];
      await expectAgreement(subject(), (backend) => {
        const whole = backend.allocate("float32", [2 * M * N]);
        const y = backend.view(whole, [M, N]);
        const out = backend.view(whole, [M, N], M * N);
        backend.write(y, product);
        const norm = put(backend, "float32", [4, N], norms);
        backend.normalizeActivate(y, { norm, layout: undefined, shortcut: undefined, activation: undefined }, out);
        const normalized = backend.allocate("float32", [M, N]);
        backend.copy(out, normalized);
        const coefficients = put(backend, "float32", [3, N], scales);
        backend.normalizationGradient(put(backend, "float32", [M, N], gradients), y, coefficients, undefined, out);
        return { normalized: about(normalized, 3), whole: about(whole, 3) };
      });
    });
  });
}
