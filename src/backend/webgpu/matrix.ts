/** Tensors seen as matrices. */
import { type ElementType, elementCount, type Tensor } from "../../tensor.js";

/** Rows and columns: all sides but the last, and the last. */
export function matrixShape({ shape }: Tensor<ElementType>): readonly [number, number] {
  return [elementCount(shape.slice(0, -1)), shape.at(-1) ?? 1];
}
