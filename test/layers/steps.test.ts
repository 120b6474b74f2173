/**
 * Layers write gradients into memory that their forward has used: a second step must find nothing of the first but the gradients that it
 * added, and must allocate nothing.
 */
import { describe, expect, it } from "vitest";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import type { Parameter } from "#rbnet/layers/parameters";
import { elementCount } from "#rbnet/tensor";
import { Draw } from "../backend/shapes.js";
import { prepare } from "./prepared.js";
import { SUBJECTS } from "./subjects.js";

describe("a second step", () => {
  it.each(SUBJECTS)("repeats the first and adds the same gradients again: $name", async (subject) => {
    const backend = createReferenceBackend();
    const { runnable, x } = prepare(backend, subject, 31);
    const gradient = backend.allocate("float32", runnable.forward(x).shape);
    const g = new Draw(32).reals(elementCount(gradient.shape), 1);
    const gradients = ({ parameters }: { parameters: readonly Parameter[] }) =>
      Promise.all(parameters.map(async (parameter) => Array.from(await backend.read(parameter.gradient))));
    const step = async () => {
      const out = await backend.read(runnable.forward(x));
      backend.write(gradient, g);
      return { out, dx: await backend.read(runnable.backward(gradient)!), gradients: await gradients(runnable) };
    };
    const given = await backend.read(x);
    const first = await step();
    const { bytes } = backend.memory;
    const second = await step();
    expect(second.out).toEqual(first.out);
    expect(second.dx).toEqual(first.dx);
    for (const [i, values] of second.gradients.entries())
      for (const [j, value] of values.entries()) expect(value).toBeCloseTo(2 * first.gradients[i][j], 9);
    expect(await backend.read(x)).toEqual(given);
    expect(backend.memory.bytes).toBe(bytes);
  });
});
