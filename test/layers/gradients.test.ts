/**
 * Every layer's backward is the derivative of its forward, found by finite differences on the reference; signs pass it by their estimators.
 */
import { describe, it } from "vitest";
import { elementCount } from "#rbnet/tensor";
import { dot } from "../backend/reference/differences.js";
import { Draw } from "../backend/shapes.js";
import { type Differentiable, expectGradients } from "./finite-differences.js";
import { type Prepared, prepare } from "./prepared.js";
import { SUBJECTS } from "./subjects.js";

const SEED = 5;

/** sum of g * output with drawn g. */
function linearFunctional({ backend, runnable, x }: Prepared): Differentiable {
  const first = runnable.forward(x);
  const count = elementCount(first.shape);
  const g = new Draw(SEED + 1).reals(count, 1);
  const gradient = backend.allocate("float32", first.shape);
  return {
    operands: new Map([["x", x], ...runnable.parameters.map(({ name, value }) => [name, value] as const)]),
    async value() {
      return dot(g, await backend.read(runnable.forward(x)));
    },
    async gradients() {
      runnable.forward(x);
      backend.write(gradient, g);
      const dx = runnable.backward(gradient);
      const found = new Map<string, readonly number[]>([["x", Array.from(await backend.read(dx!))]]);
      for (const parameter of runnable.parameters) found.set(parameter.name, Array.from(await backend.read(parameter.gradient)));
      return found;
    },
  };
}

describe("backward is the derivative of forward", () => {
  it.each(SUBJECTS)("$name", async (subject) => {
    await expectGradients((backend) => linearFunctional(prepare(backend, subject, SEED)), subject.estimator);
  });
});
