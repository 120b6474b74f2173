/** A training that is left to rbnet runs on a GPU where there is one; the descriptions of GPUs are made up. */
import { describe, expect, it } from "vitest";
import { machineOf } from "#rbnet/backend/machine";
import { trainingMachine } from "#rbnet/backend/training-machine";
import { lookForGpu } from "#rbnet/backend/webgpu/adapter";

const GPUS = {
  nvidia: { vendor: "nvidia", architecture: "ampere", device: "", description: "NVIDIA RTX 4090", isFallbackAdapter: false },
  apple: { vendor: "apple", architecture: "metal-3", device: "", description: "", isFallbackAdapter: false },
  swiftshader: { vendor: "google", architecture: "swiftshader", device: "", description: "", isFallbackAdapter: false },
  fallback: { vendor: "microsoft", architecture: "", device: "", description: "Some Adapter", isFallbackAdapter: true },
};

function look(info: (typeof GPUS)[keyof typeof GPUS] | undefined) {
  return () => lookForGpu({ requestAdapter: async () => (info === undefined ? null : { info }) } as unknown as GPU);
}

const auto = machineOf({ threads: 2 });

describe("what a training runs on", () => {
  it("is a GPU where there is one, by its name", async () => {
    expect(await trainingMachine(auto, look(GPUS.nvidia))).toEqual({
      machine: { ...auto, backend: "webgpu" },
      gpu: "NVIDIA RTX 4090",
    });
    expect((await trainingMachine(auto, look(GPUS.apple))).gpu).toBe("apple metal-3");
  });

  it("is the processor where there is none, or one in software", async () => {
    for (const info of [undefined, GPUS.swiftshader, GPUS.fallback])
      expect(await trainingMachine(auto, look(info))).toEqual({ machine: auto, gpu: undefined });
  });

  it("is what was asked for, and no GPU is looked for then", async () => {
    const unasked = async () => Promise.reject(new Error("looked for a GPU"));
    for (const asked of [{ backend: "wasm" }, { backend: "native" }, { precision: "bfloat16" }] as const) {
      const machine = machineOf(asked);
      expect(await trainingMachine(machine, unasked)).toEqual({ machine, gpu: undefined });
    }
  });
});
