/** An activation of a kind learns what that kind has, as the balanced activation learns it, and never moves the rest. */
import { describe, expect, it } from "vitest";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { NormalizedOutput } from "#rbnet/layers/normalized-output";
import type { ActivationKind } from "#rbnet/runtime/activation";
import { Draw } from "../backend/shapes.js";
import { declared } from "./prepared.js";

const CHANNELS = 3;
const OUTPUT = { height: 4, width: 4, channels: CHANNELS };
const ROWS = 16;

/**
 * After one pass each way from drawn values, on both sides of `from`: the gradient of from, left, right, to, and the names of the
 * parameters.
 */
async function gradientOf(kind: ActivationKind): Promise<{ gradient: number[]; names: string[] }> {
  const backend = createReferenceBackend();
  const options = { name: "unit", filters: CHANNELS, output: OUTPUT, activation: kind };
  const normalized = declared(backend, (declarations) => new NormalizedOutput(backend, options, declarations));
  const draw = new Draw(3);
  const shape = normalized.activation!.shape;
  backend.write(shape.value, draw.between(4 * CHANNELS, 0.1, 0.4));
  normalized.bind(1, ROWS);
  const y = backend.allocate("float32", [ROWS, CHANNELS]);
  backend.write(y, draw.reals(ROWS * CHANNELS, 2));
  backend.columnMoments(y, normalized.normalization.sums);
  normalized.forward(y, undefined, undefined);
  const gradient = backend.allocate("float32", [1, 4, 4, CHANNELS]);
  backend.write(gradient, draw.reals(ROWS * CHANNELS, 1));
  normalized.backward(gradient, y, undefined, undefined, undefined);
  return { gradient: Array.from(await backend.read(shape.gradient)), names: normalized.parameters.map(({ name }) => name) };
}

describe("an activation", () => {
  it.each<[ActivationKind, readonly number[]]>([
    ["prelu", [1]],
    ["rprelu", [0, 1, 3]],
  ])("of kind %s has the gradients of its rows %j, and none of the rest", async (kind, rows) => {
    const [{ gradient }, whole] = [await gradientOf(kind), await gradientOf("balanced")];
    for (const [i, value] of gradient.entries()) {
      const learned = rows.includes(Math.floor(i / CHANNELS));
      expect(whole.gradient[i]).not.toBe(0);
      expect(value, `element ${i}`).toBe(learned ? whole.gradient[i] : 0);
    }
  });

  it("of kind relu is no parameter", async () => {
    const { gradient, names } = await gradientOf("relu");
    expect(names.some((name) => name.endsWith("activation"))).toBe(false);
    expect(gradient.every((value) => value === 0)).toBe(true);
  });
});
