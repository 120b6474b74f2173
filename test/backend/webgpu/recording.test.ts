/** What the WebGPU backend promises beyond the contract: nothing new in a steady state, equal bits, errors that say what to do. */
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import type { OpenedGpu } from "#rbnet/backend/webgpu/adapter";
import { createWebgpuBackend } from "#rbnet/backend/webgpu/backend";
import { measureGpuRates } from "#rbnet/backend/webgpu/rates";
import { type ElementType, type Tensor, type WindowGeometry, windowCount, wordsFor } from "#rbnet/tensor";
import { about, type Case, exactly, expectReference, outcomes, put } from "../agreement.js";
import { Draw } from "../shapes.js";
import { findGpu } from "./software-gpu.js";

/** A kernel takes a software GPU seconds to compile on a busy machine. */
const TIMEOUT = 240_000;

/** More than a tile along every side, and no multiple of one. */
const [IMAGES, SIDE, CHANNELS, FILTERS] = [3, 9, 33, 68];
const OVERLAPPING = geometry(3, [-1, 1, 3, 5, 7]);
const APART = geometry(2, [-1, 1, 3, 5, 7]);

function geometry(kernel: number, origins: readonly number[]): WindowGeometry {
  return { images: IMAGES, height: SIDE, width: SIDE, channels: CHANNELS, kernel, step: 1, rows: origins, columns: origins };
}

async function openGpu(isTogether: boolean): Promise<OpenedGpu> {
  const gpu = await findGpu();
  if ("absent" in gpu) throw new Error(gpu.absent);
  return Object.assign(Object.create(gpu) as OpenedGpu, { isTogether });
}

/** All products of a step, forward and back, and a loss. */
function products(geometry: WindowGeometry): Case {
  const [M, K, N] = [windowCount(geometry), geometry.kernel ** 2 * CHANNELS, FILTERS];
  const draw = new Draw(5);
  const map = [IMAGES, SIDE, SIDE, CHANNELS];
  const count = IMAGES * SIDE * SIDE * CHANNELS;
  const [values, latents, gradients, thresholds] = [
    draw.eighths(count, 1.5),
    draw.eighths(K * N, 1),
    draw.reals(M * N, 1),
    draw.eighths(CHANNELS, 0.5),
  ];
  return (backend: Backend) => {
    const real = (shape: readonly number[], from: Float32Array): Tensor => put(backend, "float32", shape, from);
    const [x, latent, dy, threshold] = [
      real(map, values),
      real([K, N], latents),
      real([M, N], gradients),
      real([CHANNELS], thresholds),
    ];
    const window = backend.window(geometry);
    const plan = backend.planConvolution(window, N, { signs: true, inputGradient: true });
    const weights = backend.binaryWeights(K, N, true);
    const columns = backend.allocate("uint32", [M, wordsFor(K)]);
    const y = backend.allocate("dotProduct", [M, N]);
    const sums = backend.allocate("accumulator", [2, N]);
    const [realY, latentY] = [backend.allocate("float32", [M, N]), backend.allocate("float32", [M, N])];
    const [dx, dMap] = [backend.allocate("float32", map), backend.allocate("float32", map)];
    const [dLatent, dReal] = [backend.allocate("float32", [K, N]), backend.allocate("float32", [K, N])];
    const dThreshold = backend.allocate("float32", [CHANNELS]);
    const [losses, dLogits] = [backend.allocate("float32", [M]), backend.allocate("float32", [M, N])];
    const targets = real([M, N], new Float32Array(M * N).fill(1 / N));
    const signs = { x, threshold, estimator: "polynomial" } as const;
    backend.binarizeColumns(x, threshold, window, columns);
    backend.binarizeWeights(latent, weights, true);
    backend.binaryProduct(columns, weights, y, sums);
    backend.latentProduct(columns, latent, plan, latentY);
    backend.convolution(x, latent, plan, realY);
    backend.binaryInputGradient(dy, weights, window, signs, dx, dThreshold);
    backend.convolutionInputGradient(dy, latent, plan, dMap);
    backend.binaryWeightGradient(dy, columns, latent, dLatent);
    backend.convolutionWeightGradient(dy, x, plan, dReal);
    const term = { weight: 1, temperature: 2, scale: 0.5, accumulate: false, divergence: true };
    backend.softmaxCrossEntropy(dy, targets, term, losses, dLogits);
    return {
      columns: exactly(columns),
      y: exactly(y),
      sums: exactly(sums),
      latentY: about(latentY, K),
      realY: about(realY, 2 * K),
      dx: about(dx, 2 * N),
      dMap: about(dMap, 9 * N),
      dThreshold: about(dThreshold, 2 * M * N),
      dLatent: about(dLatent, M),
      dReal: about(dReal, 2 * M),
      losses: about(losses, 1),
      dLogits: about(dLogits, 1),
    };
  };
}

const found = await findGpu();
if ("absent" in found) it.skip(`webgpu records its calls: ${found.absent}`, () => undefined);
else {
  found.close();
  describe("the WebGPU backend", () => {
    it(
      "gives the same products by threads that work together as by threads alone, whether windows overlap or share no pixel",
      async () => {
        using together = createWebgpuBackend(await openGpu(true));
        using alone = createWebgpuBackend(await openGpu(false));
        for (const geometry of [OVERLAPPING, APART]) {
          const run = products(geometry);
          const [one, other] = [await outcomes(together, run), await outcomes(alone, run)];
          await expectReference(one, run);
          for (const [name, { values }] of Object.entries(one)) {
            // Thresholds' gradients and losses are added up in groups of another size.
            if (!["dThreshold", "losses", "dLogits"].includes(name)) expect(values, name).toEqual(other[name]!.values);
          }
        }
      },
      TIMEOUT,
    );

    it(
      "makes nothing new when calls come again, and gives the same bits",
      async () => {
        using backend = createWebgpuBackend(await openGpu(false));
        const mark = backend.mark();
        const [a, b] = [backend.allocate("float32", [64]), backend.allocate("float32", [64])];
        const sum = backend.allocate("accumulator", [1]);
        const step = async (): Promise<number> => {
          backend.fill(sum, 0);
          backend.write(a, new Float32Array(64).fill(1.1));
          backend.fill(b, 2);
          backend.add(a, b);
          backend.movingAverage(b, a, 0.3);
          backend.sumLosses(b, 0.5, sum);
          return (await backend.read(sum))[0]!;
        };
        const first = await step();
        const made = { ...backend.objects };
        const { memory } = backend;
        for (let i = 0; i < 3; i++) expect(await step()).toBe(first);
        expect(backend.objects).toEqual(made);
        expect(backend.memory).toEqual(memory);
        backend.release(mark);
        backend.fill(backend.allocate("float32", [64]), 1);
        expect(backend.objects.bindGroups).toBeGreaterThan(made.bindGroups);
      },
      TIMEOUT,
    );

    for (const isTogether of [false, true]) {
      it(
        `compiles what is rehearsed, ${isTogether ? "beside one another" : "one after the other"}, and does nothing else`,
        async () => {
          using backend = createWebgpuBackend(await openGpu(isTogether));
          const [scores, labels] = [put(backend, "float32", [3, 2], new Float32Array(6)), backend.allocate("int32", [3])];
          const [out, sum] = [backend.allocate("float32", [3, 2]), backend.allocate("accumulator", [1])];
          const calls = (): void => {
            backend.write(scores, Float32Array.of(1, 2, 3, 4, 6, 5));
            backend.softmax(scores, 1, out);
            backend.countCorrect(out, labels, sum);
            backend.fill(labels, 1);
          };
          await backend.rehearse?.(calls);
          const { pipelines, bindGroups } = backend.objects;
          expect(bindGroups).toBe(0);
          for (const tensor of [scores, out, labels, sum])
            expect([...(await backend.read<ElementType>(tensor))].every((value) => value === 0)).toBe(true);
          calls();
          expect((await backend.read(sum))[0]).toBe(1);
          expect(backend.objects.pipelines).toBe(pipelines);
          expect(pipelines).toBeGreaterThanOrEqual(4);
        },
        TIMEOUT,
      );
    }

    it(
      "measures what its GPU does at best: more signs than numbers, and float16 where it has it",
      async () => {
        const gpu = await openGpu(false);
        const rates = await measureGpuRates(gpu);
        expect(rates.float32MacsPerSecond).toBeGreaterThan(1e6);
        expect(rates.binaryMacsPerSecond).toBeGreaterThan(rates.float32MacsPerSecond);
        expect(rates.float16MacsPerSecond !== undefined).toBe(gpu.features.includes("shader-f16"));
        expect(rates.bytesPerSecond).toBeGreaterThan(1e6);
        expect(gpu.failure).toBeUndefined();
        gpu.close();
      },
      TIMEOUT,
    );

    it("says that its GPU was lost, and how to go on", async () => {
      const gpu = await openGpu(false);
      using backend = createWebgpuBackend(gpu);
      const tensor = backend.allocate("float32", [4]);
      gpu.device.destroy();
      await expect(backend.read(tensor)).rejects.toThrow(/was lost.*--resume/s);
    });

    it("refuses a tensor that the GPU cannot hold in one piece, and tensors of another backend", async () => {
      using backend = createWebgpuBackend(await openGpu(false));
      expect(() => backend.allocate("float32", [2 ** 32])).toThrow(/at most \d+ MB in one piece; use a smaller batch/);
      expect(() => backend.fill(createReferenceBackend().allocate("float32", [4]), 1)).toThrow("another backend");
    });

    it(
      "reads and writes parts of products that start within a word",
      async () => {
        using backend = createWebgpuBackend(await openGpu(false));
        const whole = backend.allocate("dotProduct", [7]);
        backend.write(whole, Int16Array.of(1, -2, 3, -4, 5, -6, 7));
        const part = backend.view(whole, [3], 1);
        expect([...(await backend.read(part))]).toEqual([-2, 3, -4]);
        backend.write(part, Int16Array.of(20, -30, 40));
        expect([...(await backend.read(whole))]).toEqual([1, 20, -30, 40, 5, -6, 7]);
        const copied = backend.allocate("dotProduct", [7]);
        backend.copy(part, backend.view(copied, [3], 2));
        expect([...(await backend.read(copied))]).toEqual([0, 0, 20, -30, 40, 0, 0]);
      },
      TIMEOUT,
    );
  });
}
