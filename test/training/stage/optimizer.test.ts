/** What a parameter's kind means for its update, and what the moving average is. */
import { describe, expect, it } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { Declarations, type ParameterKind, readParts } from "#rbnet/layers/parameters";
import { parseTrainingSettings, type TrainingSettings } from "#rbnet/training/settings/options";
import { Optimizer } from "#rbnet/training/stage/optimizer";
import { NO_VALUES } from "../../layers/prepared.js";

const KINDS: readonly ParameterKind[] = ["latent", "weight", "other"];

/** One parameter of each kind with the same values and gradients. */
function threeKinds(backend: Backend, settings: TrainingSettings, values: readonly number[], gradients: readonly number[]) {
  const declarations = new Declarations(NO_VALUES);
  const parameters = KINDS.map((kind) =>
    declarations.parameter(`${kind}.${kind}`, kind, [values.length], Float32Array.from(values)),
  );
  const store = declarations.allocate(backend);
  for (const { gradient } of parameters) backend.write(gradient, Float32Array.from(gradients));
  const optimizer = new Optimizer(backend, store, parseTrainingSettings(settings));
  const read = async (): Promise<readonly number[][]> =>
    Promise.all(parameters.map(async ({ value }) => Array.from(await backend.read(value))));
  return { optimizer, parameters, read };
}

describe("Optimizer", () => {
  it.each(["adam", "sgd"] as const)("decays real weights and nothing else: %s", async (optimizer) => {
    const { optimizer: tested, read } = threeKinds(
      createReferenceBackend(),
      { optimizer, weightDecay: 0.5 },
      [0.5, -0.25],
      [0, 0],
    );
    tested.step(0.1, 1);
    const [latent, weight, other] = await read();
    expect(latent).toEqual([0.5, -0.25]);
    expect(weight?.map((value) => Number(value.toFixed(6)))).toEqual([0.475, -0.2375]);
    expect(other).toEqual([0.5, -0.25]);
  });

  it.each(["adam", "sgd"] as const)("keeps latent weights, and no others, within -1 and 1: %s", async (optimizer) => {
    const { optimizer: tested, read } = threeKinds(createReferenceBackend(), { optimizer, weightDecay: 0 }, [0.9, -0.9], [-5, 5]);
    tested.step(1, 1);
    const [latent, weight, other] = await read();
    expect(latent).toEqual([1, -1]);
    for (const values of [weight, other]) expect(Math.min(...(values ?? []).map(Math.abs))).toBeGreaterThan(1.5);
  });

  it("counts the latent weights that change their sign, layer by layer, since the counts were cleared", async () => {
    const backend = createReferenceBackend();
    const declarations = new Declarations(NO_VALUES);
    const declare = (name: string, values: readonly number[]) =>
      declarations.parameter(`${name}.latent`, "latent", [values.length], Float32Array.from(values));
    const [one, two] = [declare("one", [0.1, -0.1, 0.1, 0.5]), declare("two", [0.1, 0.1])];
    const store = declarations.allocate(backend);
    const optimizer = new Optimizer(backend, store, parseTrainingSettings({ optimizer: "sgd", momentum: 0 }));
    backend.write(one.gradient, Float32Array.of(1, -1, -1, 1));
    backend.write(two.gradient, Float32Array.of(1, 0));
    optimizer.step(0.2, 1);
    expect(await optimizer.flipRatios(1)).toEqual({ one: 0.5, two: 0.5 });
    expect(await optimizer.flipRatios(2)).toEqual({ one: 0.25, two: 0.25 });
    optimizer.clearFlips();
    backend.write(one.gradient, Float32Array.of(0, 0, 0, 5));
    backend.write(two.gradient, Float32Array.of(0, 0));
    optimizer.step(0.2, 2);
    expect(await optimizer.flipRatios(1)).toEqual({ one: 0.25, two: 0 });
  });

  it("clears the gradients of all", async () => {
    const backend = createReferenceBackend();
    const { optimizer, parameters } = threeKinds(backend, {}, [1, 2], [3, 4]);
    optimizer.clearGradients();
    for (const { gradient } of parameters) expect(Array.from(await backend.read(gradient))).toEqual([0, 0]);
  });

  it("ships the last weights, or their moving average where one is kept", async () => {
    const settings = { optimizer: "sgd", momentum: 0, weightDecay: 0 } as const;
    const shipped = async (average: number) => {
      const backend = createReferenceBackend();
      const { optimizer } = threeKinds(backend, { ...settings, average }, [0], [-0.5]);
      optimizer.step(1, 1);
      return [...(await readParts(backend, optimizer.shipped)).values()].map(([value]) => value);
    };
    expect(await shipped(0)).toEqual([0.5, 0.5, 0.5]);
    // Early on the average follows at (1 + step) / (10 + step).
    const keep = 2 / 11;
    for (const value of await shipped(0.999)) expect(value).toBeCloseTo((1 - keep) * 0.5, 6);
  });

  it("names everything that continues a run", () => {
    const { optimizer } = threeKinds(createReferenceBackend(), { average: 0.9 }, [0], [0]);
    const parts = ["first_moment", "second_moment", "average"];
    const expected = [...KINDS.flatMap((kind) => parts.map((part) => `${kind}.${kind}.${part}`)), "latent.flips"];
    const found = optimizer.memory.flatMap(({ layout }) => layout.parts.map(({ name }) => name));
    expect(found.sort()).toEqual(expected.sort());
  });
});
