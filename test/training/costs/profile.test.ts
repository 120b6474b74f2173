/** A profile accounts for the time of a training step, by kernel and by layer. */
import { describe, expect, it } from "vitest";
import { openDataset } from "#rbnet/data/open-dataset";
import { shapes } from "#rbnet/data/shapes/shapes";
import { rbnet8, rbnet20 } from "#rbnet/networks/rbnet";
import { profileTraining } from "#rbnet/training/costs/profile";
import { rbnet } from "../../cli/command.js";

describe("a profile of training", () => {
  it("accounts for every kernel of every layer, and leaves nothing out twice", async () => {
    const data = await openDataset({ path: "shapes" });
    const description = rbnet8({ classes: data.classes });
    const profile = await profileTraining(description, data, { batch: 32 }, { threads: 1, backend: "wasm" }, 3);
    const { kernels, layers, stepMs, batch, steps } = profile;
    expect({ batch, steps }).toEqual({ batch: 32, steps: 3 });
    const sum = (costs: typeof kernels, what: "milliseconds" | "calls"): number =>
      costs.reduce((all, cost) => all + cost[what], 0);
    expect(sum(kernels, "milliseconds")).toBeCloseTo(sum(layers, "milliseconds"), 6);
    expect(sum(kernels, "calls")).toBeCloseTo(sum(layers, "calls"), 6);
    expect(sum(kernels, "milliseconds")).toBeLessThanOrEqual(stepMs);
    const callsOf = (name: string): number => kernels.find((kernel) => kernel.name === name)?.calls ?? 0;
    // Six binary layers, each with one gradient of its weights and one of its input.
    expect(callsOf("binaryWeightGradient")).toBe(6);
    expect(callsOf("binaryInputGradient")).toBe(6);
    expect(callsOf("softmaxCrossEntropy")).toBe(1);
    const names = layers.map(({ name }) => name);
    for (const name of ["stem1 forward", "stage2.unit1 backward", "pool forward", "classifier backward", "loss and optimizer"])
      expect(names).toContain(name);
    for (const [i, { milliseconds, share, limitMs }] of kernels.entries()) {
      expect(milliseconds).toBeLessThanOrEqual(kernels[i - 1]?.milliseconds ?? Number.POSITIVE_INFINITY);
      expect(share).toBeCloseTo(milliseconds / stepMs, 9);
      expect(limitMs).toBeGreaterThan(0);
    }
  });

  it("has all its steps where the run would have fewer, and counts maps that are computed again to their layers", async () => {
    const data = shapes({ train: 20, validation: 0, test: 0, size: 16 });
    const setup = { threads: 1, backend: "wasm", keepEvery: 3 } as const;
    const deep = rbnet20({ classes: 10, width: 0.25, size: 16 });
    const { kernels, layers, stepMs } = await profileTraining(deep, data, { batch: 8, epochs: 1 }, setup, 3);
    expect(stepMs).toBeGreaterThan(0);
    expect(kernels.find(({ name }) => name === "adam")?.calls).toBeGreaterThan(1);
    expect(layers.map(({ name }) => name)).toContain("stage1.unit1 recompute");
  });

  it("is what rbnet train --profile prints, and nothing is written", async () => {
    const { code, stdout } = await rbnet(["train", "shapes", "--network", "rbnet8", "--batch", "16", "--profile"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/ms a step of 16 images, [\d,]+ images\/s, /);
    expect(stdout).toMatch(/\nkernel +calls +ms +share +limit ms +of the limit\n\w+ +\d/);
    // Which kernel comes first depends on the machine.
    expect(stdout).toMatch(/\nbinaryInputGradient +6 +[\d.]+ +[\d.]+ %/);
    expect(stdout).toMatch(/between kernels: waiting for images/);
    expect(stdout).not.toContain("report");
  });
});
