/** The reference's losses, against values by hand and finite differences. */
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { differences, dot, expectClose, numbers, real } from "./differences.js";

describe("losses of the reference", () => {
  it("has the loss ln 10 for ten equal logits", async () => {
    const backend = createReferenceBackend();
    const losses = backend.allocate("float32", [1]);
    const targets = real(backend, [1, 10], [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    backend.softmaxCrossEntropy(
      real(backend, [1, 10], new Float32Array(10).fill(1000)),
      targets,
      { weight: 1, temperature: 1, scale: 1, accumulate: false, divergence: false },
      losses,
      backend.allocate("float32", [1, 10]),
    );
    expect((await numbers(backend, losses))[0]).toBeCloseTo(Math.log(10), 12);
  });

  it.each([
    { weight: 1, temperature: 1 },
    { weight: 0.4, temperature: 3 },
  ])("has the gradient of finite differences, scaled, at weight $weight and temperature $temperature", async (term) => {
    const targets = [0.9, 0.05, 0.05, 0, 0.5, 0.5];
    const loss = (backend: Backend, logits: readonly number[]) => {
      const [losses, gradient] = [backend.allocate("float32", [2]), backend.allocate("float32", [2, 3])];
      backend.softmaxCrossEntropy(
        real(backend, [2, 3], logits),
        real(backend, [2, 3], targets),
        { ...term, scale: 0.25, accumulate: false, divergence: false },
        losses,
        gradient,
      );
      return { losses, gradient };
    };
    const logits = [1, -2, 0.5, 3, 0, -1];
    const backend = createReferenceBackend();
    const expected = await differences(
      logits,
      async (at) => 0.25 * dot(await numbers(backend, loss(backend, at).losses), [1, 1]),
    );
    expectClose(await numbers(backend, loss(backend, logits).gradient), expected);
  });

  it("is 0 as a divergence where the softmax is the target, and less by the targets' entropy elsewhere", async () => {
    const backend = createReferenceBackend();
    const [targets, gradient] = [real(backend, [2, 3], [0.7, 0.3, 0, 0.5, 0.25, 0.25]), backend.allocate("float32", [2, 3])];
    const logits = [3 * Math.log(0.7), 3 * Math.log(0.3), -1e4, 1, 2, 3];
    const losses = async (divergence: boolean) => {
      const found = backend.allocate("float32", [2]);
      const term = { weight: 0.5, temperature: 3, scale: 1, accumulate: false, divergence };
      backend.softmaxCrossEntropy(real(backend, [2, 3], logits), targets, term, found, gradient);
      return numbers(backend, found);
    };
    const [crossEntropy, divergence] = [await losses(false), await losses(true)];
    expect(divergence[0]).toBeCloseTo(0, 12);
    expect(crossEntropy[1]! - divergence[1]!).toBeCloseTo(0.5 * 9 * 1.5 * Math.log(2), 12);
  });

  it("pulls attention along the gradient of finite differences, and leaves an empty image and one that agrees", async () => {
    const shape = [3, 2, 1, 2] as const;
    const wanted = [0.6, 0.8, 0, 1, 1, 0];
    const match = (backend: Backend, x: readonly number[]) => {
      const [losses, gradient] = [backend.allocate("float32", [3]), backend.allocate("float32", shape)];
      backend.attentionMatch(
        real(backend, shape, x),
        real(backend, [3, 2], wanted),
        { weight: 0.5, scale: 0.25 },
        losses,
        gradient,
      );
      return { losses, gradient };
    };
    const backend = createReferenceBackend();
    // Attention of the first image: 1 and 4 by sqrt(17).
    const x = [1, 0, 2, 0, 0, 0, 0, 0, 0.7, 0, 0, 0];
    const { losses, gradient } = match(backend, x);
    const expected = 0.5 * Math.hypot(1 / Math.sqrt(17) - 0.6, 4 / Math.sqrt(17) - 0.8);
    expectClose(await numbers(backend, losses), [expected, 0.5, 0]);
    const found = await numbers(backend, gradient);
    const slopes = await differences(x.slice(0, 4), async (at) => {
      const { losses: moved } = match(backend, [...at, ...x.slice(4)]);
      return 0.25 * dot(await numbers(backend, moved), [1, 1, 1]);
    });
    expectClose(found, [...slopes, ...new Array(8).fill(0)]);
    expect(Math.hypot(...slopes)).toBeGreaterThan(0.01);
  });
});
