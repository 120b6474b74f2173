/** Connects the contract's binary kernels to the WebAssembly ones. */
import { elementCount, type Tensor, type WindowGeometry, wordsFor } from "../../tensor.js";
import { COUNTED_WORDS, EXPANDED_ROWS, PRODUCT_FILTERS, TRANSPOSED_ROWS, WEIGHT_INPUTS } from "../kernel-table/constants.js";
import type { BinaryKernels, InferenceKernel } from "../kernels.js";
import type { Estimator } from "../terms.js";
import { arranged } from "./packed-weights.js";
import { addUp, sumBytes, sumRows } from "./partials.js";
import { multiplyBack } from "./real.js";
import { type Address, address, addressBehind, matrixShape, PARTIALS, type Runner, rowsPerChunk } from "./runner.js";
import { multiplyColumns, sliced, sliceOf } from "./slices.js";

const ESTIMATORS: Readonly<Record<Estimator, number>> = { clip: 0, polynomial: 1 };
const NO_GRADIENT = "these binary weights have no room for a gradient's form";

/** Inputs in a chunk of the weight gradient: whole filters' worth keeps the tables busy, halves of large ones feed more threads. */
const GRADIENT_INPUTS = 256;

/** Filters in a chunk of it: many share what is made of the signs of an input, and fewer leave chunks for each thread to choose from. */
function gradientFilters(inputs: number, filters: number, threads: number): number {
  const enough = (size: number): boolean =>
    Math.ceil(filters / size) * Math.ceil(inputs / GRADIENT_INPUTS) >= CHUNKS_PER_THREAD * threads;
  return [64, 32].find(enough) ?? 16;
}

const CHUNKS_PER_THREAD = 2;

export function binaryKernels(runner: Runner): Omit<BinaryKernels, InferenceKernel> {
  /** Sums what the images have of the thresholds' gradients, of which `run` writes float32 [images, channels], into dThreshold. */
  function sumByImage(
    { images, channels }: Pick<WindowGeometry, "images" | "channels">,
    dThreshold: Tensor,
    run: (byImage: Address) => void,
  ): void {
    const bytes = Math.ceil((images * channels * 4) / 16) * 16;
    const byImage = runner.work(bytes + sumBytes(channels));
    run(byImage);
    sumRows(runner, byImage, [images, channels], addressBehind(byImage, bytes), dThreshold);
  }

  return {
    binarizeWeights(latent, weights, gradient) {
      const { kind, inputs, filters, forward, gradient: index } = arranged(weights);
      if (gradient && index === undefined) throw new Error(NO_GRADIENT);
      runner.run(kind === "table" ? "binarizeWeightsTable" : "binarizeWeights", Math.ceil(inputs / WEIGHT_INPUTS), {
        latent,
        inputs,
        filters,
        forward,
        gradient: gradient ? index : undefined,
      });
    },

    binaryProduct(columns, weights, y, sums) {
      const { kind, inputs, filters, forward } = arranged(weights);
      const kernel = kind === "table" ? "binaryProductTable" : "binaryProduct";
      const [rows] = matrixShape(y);
      const chunkRows = rowsPerChunk(rows, 64);
      const parts = Math.ceil(rows / chunkRows);
      const partials = sums === undefined ? undefined : runner.work(PARTIALS * filters * 16);
      const blocks = Math.ceil(filters / PRODUCT_FILTERS);
      runner.run(kernel, parts * blocks, { columns, weights: forward, y, rows, inputs, filters, chunkRows, partials });
      if (sums !== undefined && partials !== undefined) addUp(runner, partials, parts, 2 * filters, { replaced: sums });
    },

    binaryWeightGradient(dy, columns, latent, gradient) {
      const [rows, filters] = matrixShape(dy);
      const [inputs] = matrixShape(latent);
      const tiles = Math.ceil(rows / TRANSPOSED_ROWS);
      const index = runner.work(tiles * Math.ceil(inputs / 16) * 16 * 32);
      runner.run("transposeSigns", tiles, { columns, rows, inputs, index });
      const chunkFilters = gradientFilters(inputs, filters, runner.threads);
      runner.run("binaryWeightGradient", Math.ceil(filters / chunkFilters) * Math.ceil(inputs / GRADIENT_INPUTS), {
        dy,
        index,
        rows,
        inputs,
        filters,
        chunkInputs: GRADIENT_INPUTS,
        chunkFilters,
        latent,
        gradient,
      });
    },

    binaryInputGradient(dy, weights, window, { x, threshold, estimator }, dx, dThreshold) {
      const { inputs, filters, gradient: index } = arranged(weights);
      if (index === undefined) throw new Error(NO_GRADIENT);
      const kind = ESTIMATORS[estimator];
      sumByImage(window.geometry, dThreshold, (partials) =>
        runner.run("binaryInputGradient", window.geometry.images, {
          dy,
          index,
          window,
          inputs,
          filters,
          x,
          threshold,
          kind,
          dx,
          partials,
        }),
      );
    },

    latentProduct(columns, latent, plan, y) {
      const own = sliced(plan);
      const { inputs, columns: signs } = own;
      const rowBytes = 4 * wordsFor(inputs);
      multiplyColumns(runner, own, latent, y, ({ row, rows }) => {
        const from = addressBehind(address(columns), row * rowBytes);
        runner.run("expandSigns", Math.ceil(rows / EXPANDED_ROWS), { columns: from, rows, inputs, signs });
        return signs;
      });
    },

    latentInputGradient(dy, latent, plan, { x, threshold, estimator }, dx, dThreshold) {
      const own = sliced(plan);
      const { window, columns: dSigns } = own;
      const { channels } = window.geometry;
      const kind = ESTIMATORS[estimator];
      multiplyBack(runner, own, dy, latent, dSigns, (slice) => {
        const { images } = slice;
        const [xPart, dxPart] = [sliceOf(x, own, slice), sliceOf(dx, own, slice)];
        sumByImage({ images, channels }, dThreshold, (partials) =>
          runner.run("signGradient", images, { dSigns, window, x: xPart, threshold, kind, dx: dxPart, partials }),
        );
      });
    },

    countPositive(columns, _bits, total) {
      // Padding bits are 0, so whole words can be counted.
      const words = elementCount(columns.shape);
      const chunks = Math.ceil(words / COUNTED_WORDS);
      const partials = runner.work(chunks * 8);
      runner.run("countPositive", chunks, { columns, words, partials });
      addUp(runner, partials, chunks, 1, { total });
    },
  };
}
