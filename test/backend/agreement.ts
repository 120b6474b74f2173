/**
 * Runs the same kernels on a backend under test and on the reference, and compares what they leave in memory: integers and bits exactly,
 * floats within what float32 sums of the stated magnitude may lose.
 */
import type { Backend } from "#rbnet/backend/device";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import type { ElementType, Shape, Tensor, TypedArray } from "#rbnet/tensor";

/** A tensor to compare. */
export interface Outcome {
  readonly tensor: Tensor<ElementType>;
  /** Bound of the sum of absolute values that made up an element; undefined where every backend must give the same number. */
  readonly magnitude: number | undefined;
}

/** Allocates, writes and runs kernels; the same inputs for every backend. */
export type Case = (backend: Backend) => Readonly<Record<string, Outcome>>;

export function exactly(tensor: Tensor<ElementType>): Outcome {
  return { tensor, magnitude: undefined };
}

export function about(tensor: Tensor<ElementType>, magnitude: number): Outcome {
  return { tensor, magnitude };
}

/** Relative to the size of the sums: some hundred roundings of float32, all one way. */
const SUM_TOLERANCE = 2 ** -19;
/** Relative to the element itself: a few roundings. */
const ELEMENT_TOLERANCE = 2 ** -21;

/** A tensor with values in it. */
export function put<T extends ElementType>(backend: Backend, type: T, shape: Shape, values: TypedArray): Tensor<T> {
  const tensor = backend.allocate(type, shape);
  backend.write(tensor, values);
  return tensor;
}

/** What a case leaves on a backend; its memory is released. */
export async function outcomes(
  backend: Backend,
  run: Case,
): Promise<Readonly<Record<string, { values: TypedArray; magnitude: number | undefined }>>> {
  const mark = backend.mark();
  const results: Record<string, { values: TypedArray; magnitude: number | undefined }> = {};
  for (const [name, { tensor, magnitude }] of Object.entries(run(backend)))
    results[name] = { values: await backend.read(tensor), magnitude };
  backend.release(mark);
  return results;
}

/** Throws with the output, the element and both values where they first differ. */
export async function expectAgreement(tested: Backend, run: Case): Promise<void> {
  await expectReference(await outcomes(tested, run), run);
}

/** The same of what a backend has left already. */
export async function expectReference(found: Awaited<ReturnType<typeof outcomes>>, run: Case): Promise<void> {
  for (const [name, { values, magnitude }] of Object.entries(await outcomes(createReferenceBackend(), run))) {
    const actual = found[name]!.values;
    if (actual.length !== values.length) throw new Error(`${name}: ${actual.length} elements instead of ${values.length}`);
    for (const [index, expected] of values.entries()) {
      const allowed = magnitude === undefined ? 0 : SUM_TOLERANCE * magnitude + ELEMENT_TOLERANCE * Math.abs(expected);
      const difference = Math.abs(actual[index]! - expected);
      if (!(difference <= allowed))
        throw new Error(`${name}[${index}] of ${values.length}: ${actual[index]} instead of ${expected} (+-${allowed})`);
    }
  }
}
