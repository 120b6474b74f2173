/** Connects the contract's kernels on real-valued maps and matrices to the WebAssembly ones. */
import { elementCount, type Tensor } from "../../tensor.js";
import type { RealKernels } from "../kernels.js";
import { address, matrixShape, PARTIALS, type Runner, rowsPerChunk, windowAddress } from "./runner.js";
import { multiplyBack, multiplyColumns, product, type Slice, type SlicedConvolution, sliced, sliceOf } from "./slices.js";
import { fillWords } from "./update.js";

export function realKernels(runner: Runner): RealKernels {
  const columnsOf = (x: Tensor, plan: SlicedConvolution, slice: Slice): number => {
    const { window, columns, gathered } = plan;
    const from = sliceOf(x, plan, slice);
    if (!gathered) return from;
    runner.run("gatherColumns", slice.images * window.geometry.rows.length, from, windowAddress(window), columns);
    return columns;
  };

  return {
    convolution(x, weights, plan, y) {
      const own = sliced(plan);
      multiplyColumns(runner, own, weights, y, (slice) => columnsOf(x, own, slice));
    },

    convolutionInputGradient(dy, weights, plan, dx) {
      const own = sliced(plan);
      const { window, columns, gathered } = own;
      if (!gathered) {
        multiplyBack(runner, own, dy, weights, address(dx));
        return;
      }
      fillWords(runner, address(dx), elementCount(dx.shape), 0);
      multiplyBack(runner, own, dy, weights, columns, (slice) => {
        runner.run("scatterColumns", slice.images, columns, windowAddress(window), sliceOf(dx, own, slice));
      });
    },

    convolutionWeightGradient(dy, x, plan, gradient) {
      const own = sliced(plan);
      const { inputs, filters } = own;
      for (const slice of own.slices) {
        product(runner, {
          a: columnsOf(x, own, slice),
          b: address(dy) + 4 * slice.row * filters,
          c: address(gradient),
          rows: inputs,
          inner: slice.rows,
          columns: filters,
          transposeA: true,
          accumulate: true,
        });
      }
    },

    addBias(matrix, bias) {
      const [rows, columns] = matrixShape(matrix);
      runner.run("addBias", Math.ceil(rows / 16), address(matrix), rows, columns, address(bias));
    },

    sumColumns(matrix, total) {
      const [rows, columns] = matrixShape(matrix);
      const chunkRows = rowsPerChunk(rows, 1);
      const chunks = Math.ceil(rows / chunkRows);
      const partials = runner.work(PARTIALS * columns * 8);
      runner.run("sumColumns", chunks, address(matrix), rows, columns, chunkRows, partials);
      runner.run("reducePartials", Math.ceil(columns / 64), partials, chunks, columns, 0, 0, address(total));
    },
  };
}
