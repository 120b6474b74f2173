/** Which network a trained one is: found in a model's operations and in a checkpoint's description, for every network and variation. */
import { describe, expect, it } from "vitest";
import { createCountingBackend } from "#rbnet/backend/wasm/counting";
import { UserError } from "#rbnet/errors";
import { type NamedNetworkOptions, networkByName, networkNames } from "#rbnet/networks/catalogue";
import type { NetworkDescription } from "#rbnet/networks/description";
import { Network } from "#rbnet/networks/network";
import type { Model } from "#rbnet/runtime/model";
import { modelNetwork, writtenNetwork } from "#rbnet/training/start/recognize";

/** What a run exports, but for the values. */
async function modelOf(description: NetworkDescription): Promise<Model> {
  using backend = createCountingBackend();
  const network = new Network(backend, description, { normal: (count) => new Float32Array(count) });
  const { name, width, input, classes } = description;
  const labels = Array.from({ length: classes }, (_, label) => `${label}`);
  const folded = await network.fold();
  // Learned thresholds are 0 at first, which those of a trained network are not.
  const learned = "learnThreshold" in description && description.learnThreshold;
  const operations = folded.map((operation) =>
    operation.kind === "binaryConvolution" && learned
      ? { ...operation, threshold: operation.threshold.map(() => 0.1) }
      : operation,
  );
  const channels = [0.5, 0.5, 0.5] as const;
  return {
    network: { name, width },
    classes: labels,
    size: input.height,
    mean: channels,
    standardDeviation: channels,
    operations,
  };
}

const options = (name: string, more: Partial<NamedNetworkOptions> = {}): [string, NamedNetworkOptions] => [
  name,
  { classes: 3, width: name.endsWith("20") ? 0.5 : 0.125, size: name.endsWith("20") || name === "rbnet8" ? 32 : 64, ...more },
];

const VARIED: readonly [string, NamedNetworkOptions][] = [
  options("rbnet20", { blocks: "fixed", shortcut: "repeated" }),
  options("rbnet20", { blocks: "shifted", halving: "3x3", activation: "rprelu" }),
  options("rbnet20", { blocks: "dilated", halving: "4x4", activation: "none" }),
  options("rbnet20", { convolution: "3x3", learnThreshold: false, activation: "prelu" }),
  options("rbnet18", { stem: "patches", halving: "4x4", shortcut: "repeated", blocks: "fixed" }),
  options("birealnet20", { learnThreshold: true, activation: "balanced", convolution: "reshaped" }),
  options("rbnet20", { gated: "late", shortcut: "repeated" }),
  options("rbnet18", { gated: "late" }),
  options("rbnet20", { gated: true }),
  options("real2binary20", { gated: false }),
  options("rbnet20", { units: [1, 2, 7] }),
  options("rbnet18", { units: [6], shortcut: "repeated" }),
  options("real2binary20", { shortcut: "repeated", activation: "relu", stem: "patches" }),
];

describe("the network of a start", () => {
  it.each([...networkNames.map((name) => options(name)), ...VARIED])("%s %j", async (name, given) => {
    const description = networkByName(name, given);
    expect(modelNetwork(await modelOf(description), 3, "a model")).toEqual(description);
    const written: unknown = JSON.parse(JSON.stringify(description));
    expect(writtenNetwork(written, 3, "a run")).toEqual(description);
    expect(writtenNetwork(written, 7, "a run")).toEqual(networkByName(name, { ...given, classes: 7 }));
  });

  it("is refused in a sentence where the catalogue has none like it", async () => {
    const description = networkByName(...options("rbnet20"));
    const model = await modelOf(description);
    expect(() => modelNetwork({ ...model, network: { name: "other", width: 1 } }, 3, "a.safetensors")).toThrow(
      /^the start a\.safetensors is of a network that cannot be built here: there is no network "other"/,
    );
    const own = { ...description, stages: description.stages.slice(1) };
    expect(() => writtenNetwork(own, 3, "runs/own")).toThrow(
      /a network of its own and not the rbnet20 .*train from it in the API/,
    );
    for (const text of [undefined, 7, { name: "rbnet20" }, { ...description, blocks: "wild" }])
      expect(() => writtenNetwork(text, 3, "runs/own")).toThrow(UserError);
  });
});
