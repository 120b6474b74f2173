/** The gradients that a layer's backward gives on the reference, against finite differences of its forward. */
import type { Backend } from "#rbnet/backend/device";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import type { Estimator } from "#rbnet/backend/terms";
import type { Tensor } from "#rbnet/tensor";
import { Draw } from "../backend/shapes.js";
import { createStraightThroughBackend } from "./straight-through.js";

/** A scalar function of tensors, with its gradients. */
export interface Differentiable {
  /** What may be moved, by name. */
  readonly operands: ReadonlyMap<string, Tensor>;
  value(): Promise<number>;
  /** Gradients by the backward pass, by the operands' names. Overwrites nothing that `value` needs. */
  gradients(): Promise<ReadonlyMap<string, readonly number[]>>;
}

/**
 * In turn, until one agrees: a step across the corner of an activation or an estimator says nothing, and a smaller one seldom
 * meets one. The largest is for derivatives that are lost in the rounding of the others' differences.
 */
const STEPS = [1e-5, 1e-6, 1e-7, 1e-3];
const RELATIVE_TOLERANCE = 1e-5;
/** Of a tensor's largest derivative: what the rounding of the differences may do to a small one. */
const ABSOLUTE_TOLERANCE = 1e-6;
/** Elements that are moved one by one; a tensor that has more is moved along random directions besides. */
const SINGLE = 16;
const DIRECTIONS = 2;

/** `build` must give the same function on either backend; `singles` is how many elements of a tensor are moved alone. */
export async function expectGradients(
  build: (backend: Backend) => Differentiable,
  estimator: Estimator = "polynomial",
  singles = SINGLE,
): Promise<void> {
  const trained = build(createReferenceBackend());
  const value = await trained.value();
  const gradients = await trained.gradients();
  const backend = createStraightThroughBackend(estimator);
  const moved = build(backend);
  const origin = await moved.value();
  if (!(Math.abs(origin - value) <= 1e-9 * (1 + Math.abs(value)))) throw new Error(`the stand-in gives ${origin}, not ${value}`);
  for (const [name, tensor] of moved.operands) {
    const gradient = gradients.get(name);
    if (gradient === undefined) throw new Error(`no gradient of ${name}`);
    const largest = Math.max(...gradient.map(Math.abs));
    for (const { label, direction } of directionsOf(gradient.length, singles)) {
      const claimed = direction.reduce((sum, part, i) => sum + part * gradient[i], 0);
      const agrees = (found: number): boolean =>
        Math.abs(claimed - found) <= RELATIVE_TOLERANCE * Math.abs(found) + ABSOLUTE_TOLERANCE * largest + 1e-9;
      const tried: number[] = [];
      for (const step of STEPS) if (!tried.some(agrees)) tried.push(await slope(backend, moved, tensor, direction, step));
      if (!tried.some(agrees)) throw new Error(`${name}, ${label}: backward gives ${claimed}, differences ${tried.join(", ")}`);
    }
  }
}

/** Single elements, evenly spread, and random signs of all. */
function directionsOf(count: number, singles: number): { label: string; direction: Float64Array }[] {
  const single = Math.min(count, singles);
  const directions = Array.from({ length: single }, (_, i) => {
    const at = Math.floor((i * count) / single);
    const direction = new Float64Array(count);
    direction[at] = 1;
    return { label: `element ${at}`, direction };
  });
  const draw = new Draw(count);
  for (let i = 0; i < DIRECTIONS && count > singles; i++)
    directions.push({ label: `direction ${i}`, direction: Float64Array.from(draw.reals(count, 1), Math.sign) });
  return directions;
}

async function slope(
  backend: Backend,
  { value }: Differentiable,
  tensor: Tensor,
  direction: Float64Array,
  step: number,
): Promise<number> {
  const origin = await backend.read(tensor);
  const at = async (distance: number): Promise<number> => {
    backend.write(
      tensor,
      Float64Array.from(origin, (from, i) => from + distance * direction[i]),
    );
    return value();
  };
  const [above, below] = [await at(step), await at(-step)];
  backend.write(tensor, origin);
  return (above - below) / (2 * step);
}
