/** Training on a GPU, if only in software: what is resumed there, and what its model says without it. */
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { createWebgpuBackend } from "#rbnet/backend/webgpu/backend";
import type { GpuDevice } from "#rbnet/backend/webgpu/connect";
import { openNodeGpu } from "#rbnet/backend/webgpu/node";
import { fileSet } from "#rbnet/data/sets/image-set";
import { readModelFile } from "#rbnet/deploy/model-file";
import { PIXEL_LIMIT } from "#rbnet/pixels/square";
import { evaluateModel } from "#rbnet/training/evaluate";
import { findGpu } from "../backend/webgpu/software-gpu.js";
import { classFolder } from "../data/picture-folders.js";
import { temporaryFolder } from "../temporary-folder.js";
import { bitsOf, data, differences, STEPS_PER_EPOCH, settings, trainTiny } from "./tiny-runs.js";

/** A kernel takes a software GPU seconds to compile on a busy machine. */
const TIMEOUT = 240_000;
const own = { ...settings, epochs: 2 };

const gpu = await findGpu();
if ("absent" in gpu) it.skip(`training on WebGPU: ${gpu.absent}`, () => undefined);
else {
  describe("training on WebGPU", () => {
    const backend = createWebgpuBackend(gpu);
    const straight = temporaryFolder();
    afterAll(() => backend[Symbol.dispose]());

    it(
      "goes on to the bit where it was stopped in an epoch",
      async () => {
        const augment = vi.spyOn(backend, "augmentImages");
        const { result, entered, steps } = await countingPipelines(backend, (onStep) =>
          trainTiny({ out: straight, settings: own, backend, onStep }),
        );
        const { records } = result;
        // All that the first steps call was compiled when the stage was entered.
        expect(entered).toBeGreaterThan(20);
        expect(steps.slice(0, STEPS_PER_EPOCH)).toEqual(Array(STEPS_PER_EPOCH).fill(entered));
        // Of every step, and of the two batches of validation images after each epoch or more.
        expect(augment.mock.calls.length).toBeGreaterThan(2 * STEPS_PER_EPOCH);
        augment.mockRestore();
        const broken = temporaryFolder();
        const first = await trainTiny({ out: broken, settings: own, backend, stopAfter: STEPS_PER_EPOCH + 2 });
        expect(first.stopped).toBe(true);
        const rest = await trainTiny({ out: broken, settings: own, backend, resume: true });
        expect([...first.records, ...rest.records]).toEqual(records);
        expect(differences(bitsOf(broken), bitsOf(straight))).toEqual([]);
      },
      TIMEOUT,
    );

    it(
      "goes on to the bit on crops that it scales itself, of files",
      async () => {
        const root = await classFolder(["one", "two"], 25, 40);
        const names = Array.from({ length: 25 }, (_, image) => `${String(image).padStart(3, "0")}.png`);
        const paths = ["one", "two"].flatMap((folder) => names.map((name) => join(root, folder, name)));
        const labels = Uint16Array.from(paths, (_, index) => index % 10);
        const dataset = { ...data, train: fileSet(paths, labels, PIXEL_LIMIT) };
        const crop = { kind: "resized", scale: [0.1, 1], ratio: [3 / 4, 4 / 3] } as const;
        const cropped = { ...own, augmentation: { crop, flip: true, mixup: 0.3 } };
        const scale = vi.spyOn(backend, "scaleCrops");
        const [whole, broken] = [temporaryFolder(), temporaryFolder()];
        const made: unknown[] = [];
        const onStep = (): number => made.push(backend.objects);
        const { records } = await trainTiny({ out: whole, settings: cropped, dataset, backend, onStep });
        // One part a step, and a rehearsal.
        expect(scale).toHaveBeenCalledTimes(1 + 2 * STEPS_PER_EPOCH);
        scale.mockRestore();
        // Nothing of the GPU is made from the third step of an epoch to its last.
        expect(made[STEPS_PER_EPOCH - 1]).toEqual(made[2]);
        const first = await trainTiny({ out: broken, settings: cropped, dataset, backend, stopAfter: STEPS_PER_EPOCH + 2 });
        expect(first.stopped).toBe(true);
        const rest = await trainTiny({ out: broken, settings: cropped, dataset, backend, loaders: 2, resume: true });
        expect([...first.records, ...rest.records]).toEqual(records);
        expect(differences(bitsOf(broken), bitsOf(whole))).toEqual([]);
      },
      TIMEOUT,
    );

    it(
      "compiles what a teacher of ours calls before the first step, too",
      async () => {
        const teacher = temporaryFolder();
        const once = { ...own, epochs: 1 };
        await trainTiny({ out: teacher, settings: once, backend: "wasm" });
        const taught = { ...once, distill: { teacher, weight: 0.5, temperature: 2, attention: 1 } };
        // Of its own, which has compiled nothing yet.
        using fresh = createWebgpuBackend(await openNodeGpu());
        const { entered, steps } = await countingPipelines(fresh, (onStep) =>
          trainTiny({ out: temporaryFolder(), settings: taught, backend: fresh, onStep }),
        );
        expect(steps).toHaveLength(STEPS_PER_EPOCH);
        expect(steps).toEqual(Array(STEPS_PER_EPOCH).fill(entered));
      },
      TIMEOUT,
    );

    it(
      "leaves a model that answers alike on WebAssembly, and a checkpoint that goes on there",
      async () => {
        const model = await readModelFile(join(straight, "model.safetensors"));
        using wasm = await createWasmBackend({ threads: 1 });
        const [there, here] = [await evaluateModel(backend, model, data.train), await evaluateModel(wasm, model, data.train)];
        expect(here.confusion).toEqual(there.confusion);
        expect(here.loss).toBeCloseTo(there.loss, 4);
        const rest = await trainTiny({ out: straight, settings: { ...own, epochs: 3 }, backend: "wasm", resume: true });
        expect(rest.records.map(({ index }) => index)).toEqual([3]);
      },
      TIMEOUT,
    );
  });
}

/** How many kernels were compiled when the stage was entered, and after each step. */
async function countingPipelines<Result>(
  backend: Backend & GpuDevice,
  training: (onStep: () => void) => Promise<Result>,
): Promise<{ result: Result; entered: number | undefined; steps: readonly number[] }> {
  let entered: number | undefined;
  const steps: number[] = [];
  const rehearse = backend.rehearse?.bind(backend);
  const rehearsed = vi.spyOn(backend, "rehearse").mockImplementation(async (calls) => {
    await rehearse?.(calls);
    if (steps.length === 0) entered = backend.objects.pipelines;
  });
  const result = await training(() => {
    steps.push(backend.objects.pipelines);
  });
  rehearsed.mockRestore();
  return { result, entered, steps };
}
