/** Every kind of layer gives on a GPU, if only in software, what it gives on the float64 reference: output, gradients, statistics. */
import { afterAll, describe, expect, it } from "vitest";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { createWebgpuBackend } from "#rbnet/backend/webgpu/backend";
import { findGpu } from "../backend/webgpu/software-gpu.js";
import { expectAlike } from "./alike.js";
import { SUBJECTS } from "./subjects.js";
import { twoSteps } from "./two-steps.js";

/** A kernel takes a software GPU seconds to compile on a busy machine. */
const TIMEOUT = 240_000;

const gpu = await findGpu();
if ("absent" in gpu) it.skip(`layers on WebGPU: ${gpu.absent}`, () => undefined);
else {
  describe("layers on WebGPU", () => {
    const backend = createWebgpuBackend(gpu);
    afterAll(() => backend[Symbol.dispose]());

    it.each(SUBJECTS)(
      "$name",
      async (subject) => {
        const mark = backend.mark();
        const found = await twoSteps(backend, subject);
        backend.release(mark);
        expectAlike(found, await twoSteps(createReferenceBackend(), subject), subject.tolerance);
        expect(Object.keys(found).length).toBeGreaterThan(1);
      },
      TIMEOUT,
    );
  });
}
