/** What two steps of a layer leave on a backend: its output, all gradients and the running statistics. */
import type { Backend } from "#rbnet/backend/device";
import { elementCount } from "#rbnet/tensor";
import { Draw } from "../backend/shapes.js";
import type { Values } from "./alike.js";
import { prepare, type Subject } from "./prepared.js";

const SEED = 23;

/** Two steps: the first must leave nothing behind in the memory that is used again but the gradients it added. */
export async function twoSteps(backend: Backend, subject: Subject): Promise<Values> {
  const { runnable, x } = prepare(backend, subject, SEED);
  const out = runnable.forward(x);
  const g = new Draw(SEED + 1).reals(elementCount(out.shape), 1);
  const gradient = backend.allocate("float32", out.shape);
  backend.write(gradient, g);
  runnable.backward(gradient);
  backend.write(gradient, g);
  const values: Record<string, ArrayLike<number>> = { out: await backend.read(runnable.forward(x)) };
  values.dx = await backend.read(runnable.backward(gradient)!);
  for (const parameter of runnable.parameters) values[`gradient of ${parameter.name}`] = await backend.read(parameter.gradient);
  for (const { name, value } of runnable.states ?? []) values[name] = await backend.read(value);
  return values;
}
