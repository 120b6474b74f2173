/** Connects the contract's kernels on real-valued maps and matrices to the WebAssembly ones. */
import { elementCount, type Tensor } from "../../tensor.js";
import { TRANSPOSED_COLUMNS } from "../kernel-table/constants.js";
import type { InferenceKernel, RealKernels } from "../kernels.js";
import { sumBytes, sumRows } from "./partials.js";
import { type Address, address, addressBehind, matrixShape, type Runner } from "./runner.js";
import { columnsOf, productChunks, type Slice, type SlicedConvolution, sliced, sliceOf } from "./slices.js";
import { fillWords } from "./update.js";

export function realKernels(runner: Runner): Omit<RealKernels, InferenceKernel> {
  return {
    convolutionInputGradient(dy, weights, plan, dx) {
      const own = sliced(plan);
      const { window, columns, gathered } = own;
      if (!gathered) {
        multiplyBack(runner, own, dy, weights, address(dx));
        return;
      }
      fillWords(runner, address(dx), elementCount(dx.shape), 0);
      multiplyBack(runner, own, dy, weights, columns, (slice) => {
        runner.run("scatterColumns", slice.images, { columns, window, dx: sliceOf(dx, own, slice) });
      });
    },

    convolutionWeightGradient(dy, x, plan, gradient) {
      const own = sliced(plan);
      const { inputs, filters } = own;
      for (const slice of own.slices) {
        // The columns, [rows of the slice, inputs], are read transposed.
        runner.run("product", productChunks(inputs, filters), {
          a: columnsOf(runner, x, own, slice),
          rowStep: 1,
          innerStep: inputs,
          b: addressBehind(address(dy), 4 * slice.row * filters),
          c: gradient,
          rows: inputs,
          inner: slice.rows,
          columns: filters,
          accumulate: 1,
        });
      }
    },

    sumColumns(matrix, total) {
      const sides = matrixShape(matrix);
      sumRows(runner, matrix, sides, runner.work(sumBytes(sides[1])), total);
    },
  };
}

/** The gradient of the columns, dy * weights^T, at `to`, from where `use` takes that of a slice. */
export function multiplyBack(
  runner: Runner,
  { slices, inputs, filters, transposed }: SlicedConvolution,
  dy: Tensor,
  weights: Tensor,
  to: Address,
  use?: (slice: Slice) => void,
): void {
  const chunks = Math.ceil(filters / TRANSPOSED_COLUMNS);
  runner.run("transpose", chunks, { matrix: weights, rows: inputs, columns: filters, out: transposed });
  for (const slice of slices) {
    runner.run("product", productChunks(slice.rows, inputs), {
      a: addressBehind(address(dy), 4 * slice.row * filters),
      rowStep: filters,
      innerStep: 1,
      b: transposed,
      c: to,
      rows: slice.rows,
      inner: filters,
      columns: inputs,
      accumulate: 0,
    });
    use?.(slice);
  }
}
