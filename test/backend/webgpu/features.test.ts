/** What WebGPU calls optional and the backend uses where it is there: float16 in products of gradients with signs, and subgroups. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { openBackend as openMachine } from "#rbnet/backend/open";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import type { OpenedGpu } from "#rbnet/backend/webgpu/adapter";
import { createWebgpuBackend } from "#rbnet/backend/webgpu/backend";
import type { GpuPrecision } from "#rbnet/backend/webgpu/connect";
import { type Tensor, type TypedArray, type WindowGeometry, windowCount, windowSize, wordsFor } from "#rbnet/tensor";
import { type Case, exactly, expectAgreement, outcomes, put } from "../agreement.js";
import { binaryClaims } from "../claims/binary-claims.js";
import { Draw } from "../shapes.js";
import { findGpu } from "./software-gpu.js";

/** A kernel takes a software GPU seconds to compile on a busy machine. */
const TIMEOUT = 240_000;
vi.setConfig({ testTimeout: TIMEOUT });

/** Windows that overlap, and such that share no pixel; more than a tile along every side, and no multiple of one. */
const GEOMETRIES: readonly WindowGeometry[] = [3, 2].map((kernel) => ({
  images: 3,
  height: 9,
  width: 9,
  channels: 33,
  kernel,
  step: 1,
  rows: [-1, 1, 3, 5, 7],
  columns: [-1, 1, 3, 5, 7],
}));
const FILTERS = 68;

/** Both gradients of products with signs, from gradients of a size. */
function gradients(geometry: WindowGeometry, size: number, spoil?: number): Case {
  const [M, K, N] = [windowCount(geometry), windowSize(geometry), FILTERS];
  const draw = new Draw(7);
  const dys = draw.reals(M * N, 1).map((value) => value * size);
  if (spoil !== undefined) dys[5] = spoil;
  const latents = draw.eighths(K * N, 1);
  const words = Array.from({ length: M }, () => {
    const row = draw.words(wordsFor(K));
    row[row.length - 1] = row[row.length - 1]! & (2 ** (K % 32) - 1);
    return [...row];
  }).flat();
  return (backend) => {
    const dy = put(backend, "float32", [M, N], dys);
    const latent = put(backend, "float32", [K, N], latents);
    const columns = put(backend, "uint32", [M, wordsFor(K)], Uint32Array.from(words));
    const weights = backend.binaryWeights(K, N, true);
    backend.binarizeWeights(latent, weights, true);
    const { images, height, width, channels } = geometry;
    const [x, dx] = [0, 1].map(() => backend.allocate("float32", [images, height, width, channels])) as [Tensor, Tensor];
    const [threshold, dThreshold] = [0, 1].map(() => backend.allocate("float32", [channels])) as [Tensor, Tensor];
    const gradient = backend.allocate("float32", [K, N]);
    for (const tensor of [x, dx, threshold, dThreshold, gradient]) backend.fill(tensor, 0);
    backend.binaryInputGradient(dy, weights, backend.window(geometry), { x, threshold, estimator: "clip" }, dx, dThreshold);
    backend.binaryWeightGradient(dy, columns, latent, gradient);
    return { dx: exactly(dx), gradient: exactly(gradient) };
  };
}

/** Of maps whose channels fill words, and of such that do not. */
function packing(channels: number): Case {
  const geometry: WindowGeometry = {
    images: 2,
    height: 7,
    width: 5,
    channels,
    kernel: 2,
    step: 2,
    rows: [-1, 2, 4, 6],
    columns: [-2, 0, 3],
  };
  const draw = new Draw(channels);
  const map = draw.eighths(2 * 7 * 5 * channels, 1);
  const thresholds = draw.eighths(channels, 1);
  return (backend) => {
    const x = put(backend, "float32", [2, 7, 5, channels], map);
    const columns = backend.allocate("uint32", [windowCount(geometry), wordsFor(windowSize(geometry))]);
    backend.binarizeColumns(x, put(backend, "float32", [channels], thresholds), backend.window(geometry), columns);
    return { columns: exactly(columns) };
  };
}

function norm(values: TypedArray): number {
  return Math.hypot(...values);
}

const found = await findGpu({ float16: true });
const FEATURES = "absent" in found ? [] : found.features;
const REASON = "absent" in found ? found.absent : `${found.choices.adapter} has it not`;
if (!("absent" in found)) found.close();

/** The same GPU, with or without what it is opened for. */
async function openAs(ways: Partial<Pick<OpenedGpu, "isTogether" | "hasSubgroups">>): Promise<OpenedGpu> {
  const gpu = await findGpu({ float16: true });
  if ("absent" in gpu) throw new Error(gpu.absent);
  return Object.assign(Object.create(gpu) as OpenedGpu, ways);
}

async function openBackend(precision: GpuPrecision, ways: Partial<Pick<OpenedGpu, "isTogether" | "hasSubgroups">> = {}) {
  return createWebgpuBackend(await openAs(ways), precision);
}

if (!FEATURES.includes("shader-f16")) it.skip(`gradients in float16: ${REASON}`, () => undefined);
else {
  let backend: Backend;
  describe("gradients in float16", () => {
    beforeAll(async () => {
      backend = await openBackend("float16");
    });
    afterAll(() => backend[Symbol.dispose]());
    binaryClaims(() => backend, "float16");
    it("are what a machine setup opens", async () => {
      using opened = await openMachine({ backend: "webgpu", precision: "float16" });
      expect(opened.description).toMatch(/^webgpu, .*, float16$/);
    });

    it("are within a thousandth of the result's size, however small or large, and the same by threads together as alone", async () => {
      using together = await openBackend("float16", { isTogether: true });
      using alone = await openBackend("float16", { isTogether: false, hasSubgroups: false });
      for (const geometry of GEOMETRIES) {
        for (const size of [2 ** -100, 2 ** -30, 1, 2 ** 100]) {
          const run = gradients(geometry, size);
          const [one, other] = [await outcomes(together, run), await outcomes(alone, run)];
          for (const [name, { values }] of Object.entries(await outcomes(createReferenceBackend(), run))) {
            expect(one[name]!.values, name).toEqual(other[name]!.values);
            const error = values.map((value, i) => (one[name]!.values[i]! - value) / size);
            const relative = norm(error) / norm(values.map((value) => value / size));
            expect(relative, `${name} of ${size}`).toBeLessThan(1e-3);
            expect(relative, `${name} of ${size}`).toBeGreaterThan(1e-5);
          }
        }
      }
    });

    it("are 0 where all are, and no number where one is none", async () => {
      const [geometry] = GEOMETRIES as [WindowGeometry];
      for (const { values } of Object.values(await outcomes(backend, gradients(geometry, 0))))
        expect(values.every((value) => value === 0)).toBe(true);
      for (const spoil of [Number.NaN, Number.POSITIVE_INFINITY])
        for (const { values } of Object.values(await outcomes(backend, gradients(geometry, 1, spoil))))
          expect([...values].some((value) => !Number.isFinite(value))).toBe(true);
    });
  });
}

if (!FEATURES.includes("subgroups")) it.skip(`operations of subgroups: ${REASON}`, () => undefined);
else
  describe("operations of subgroups", () => {
    it.each([32, 64, 96, 33])("pack the signs of maps of %i channels as threads alone do", async (channels) => {
      for (const hasSubgroups of [true, false]) {
        using backend = await openBackend("float32", { hasSubgroups });
        await expectAgreement(backend, packing(channels));
      }
    });
  });

it.skipIf("absent" in found || FEATURES.includes("shader-f16"))("refuses float16 on a GPU that has none", async () => {
  await expect(openBackend("float16")).rejects.toThrow(/float16 were asked for, but the GPU .* has no float16.*float32/);
});
