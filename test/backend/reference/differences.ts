/** What the tests of the reference share: tensors from numbers and back, and derivatives by finite differences. */
import { expect } from "vitest";
import type { Backend } from "#rbnet/backend/device";
import type { ElementType, Shape, Tensor } from "#rbnet/tensor";

export function real(backend: Backend, shape: Shape, values: ArrayLike<number>): Tensor {
  const tensor = backend.allocate("float32", shape);
  backend.write(tensor, Float64Array.from(values));
  return tensor;
}

export async function numbers(backend: Backend, tensor: Tensor<ElementType>): Promise<number[]> {
  return Array.from(await backend.read(tensor));
}

/** Derivatives of a scalar function at `point`, by central differences. */
export async function differences(
  point: readonly number[],
  value: (at: readonly number[]) => Promise<number>,
): Promise<number[]> {
  const step = 1e-5;
  const slopes: number[] = [];
  for (const [i, middle] of point.entries()) {
    const [above, below] = [await value(point.with(i, middle + step)), await value(point.with(i, middle - step))];
    slopes.push((above - below) / (2 * step));
  }
  return slopes;
}

export function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) expect(actual[i], `element ${i}`).toBeCloseTo(value, 6);
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);
}
