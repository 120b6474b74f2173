/** Connects the contract's binary kernels to the WebAssembly ones. */
import { elementCount, type Tensor, type WindowGeometry, wordsFor } from "../../tensor.js";
import type { BinaryKernels } from "../kernels.js";
import type { Estimator } from "../terms.js";
import type { KernelName } from "./kernel-names.js";
import { arranged } from "./packed-weights.js";
import { address, addressOf, matrixShape, PARTIALS, type Runner, rowsPerChunk, windowAddress } from "./runner.js";
import { multiplyBack, multiplyColumns, sliced, sliceOf } from "./slices.js";

const ESTIMATORS: Readonly<Record<Estimator, number>> = { clip: 0, polynomial: 1 };

/** Filters in a chunk of a product; the kernels have the same number. */
const PRODUCT_FILTERS = 64;

/** Inputs in a chunk of the weight gradient: whole filters' worth keeps the tables busy, halves of large ones feed more threads. */
const GRADIENT_INPUTS = 256;

/** Filters in a chunk of it: many share what is made of the signs of an input, and fewer leave chunks for each thread to choose from. */
function gradientFilters(inputs: number, filters: number, threads: number): number {
  const enough = (size: number): boolean =>
    Math.ceil(filters / size) * Math.ceil(inputs / GRADIENT_INPUTS) >= CHUNKS_PER_THREAD * threads;
  return [64, 32].find(enough) ?? 16;
}

const CHUNKS_PER_THREAD = 2;

export function binaryKernels(runner: Runner): BinaryKernels {
  /** Runs a kernel on each image, with room for the thresholds' gradients that the image has; they are summed into dThreshold, float32 [channels]. */
  function runByImage(
    kernel: KernelName,
    { images, channels }: Pick<WindowGeometry, "images" | "channels">,
    parameters: readonly number[],
    dThreshold: Tensor,
  ): void {
    const byImage = Math.ceil((images * channels * 4) / 16) * 16;
    const partials = runner.work(byImage + PARTIALS * channels * 8);
    runner.run(kernel, images, ...parameters, partials);
    const sums = partials + byImage;
    const chunkRows = rowsPerChunk(images, 1);
    const chunks = Math.ceil(images / chunkRows);
    runner.run("sumColumns", chunks, partials, images, channels, chunkRows, sums);
    runner.run("reducePartials", Math.ceil(channels / 64), sums, chunks, channels, 0, 0, address(dThreshold));
  }

  return {
    binarizeColumns(x, threshold, window, columns) {
      const { images, rows } = window.geometry;
      runner.run(
        "binarizeColumns",
        images * rows.length,
        address(x),
        address(threshold),
        windowAddress(window),
        address(columns),
      );
    },

    binarizeWeights(latent, weights, gradient) {
      const { kind, inputs, filters, forward, gradient: index } = arranged(weights);
      if (gradient && index === 0) throw new Error("these binary weights have no room for a gradient's form");
      const kernel = kind === "table" ? "binarizeWeightsTable" : "binarizeWeights";
      runner.run(kernel, Math.ceil(inputs / 16), address(latent), inputs, filters, forward, gradient ? index : 0);
    },

    binaryProduct(columns, weights, y, sums) {
      const { kind, inputs, filters, forward } = arranged(weights);
      const kernel = kind === "table" ? "binaryProductTable" : "binaryProduct";
      const [rows] = matrixShape(y);
      const chunkRows = rowsPerChunk(rows, 64);
      const parts = Math.ceil(rows / chunkRows);
      const partials = sums === undefined ? 0 : runner.work(PARTIALS * filters * 16);
      const blocks = Math.ceil(filters / PRODUCT_FILTERS);
      runner.run(kernel, parts * blocks, address(columns), forward, address(y), rows, inputs, filters, chunkRows, partials);
      if (sums !== undefined)
        runner.run("reducePartials", Math.ceil((2 * filters) / 64), partials, parts, 2 * filters, address(sums), 0, 0);
    },

    binaryUnit(columns, weights, { norm, layout, shortcut, activation }, out) {
      const { kind, inputs, filters, forward } = arranged(weights);
      const [rows] = matrixShape(columns);
      const chunkRows = rowsPerChunk(rows, 64);
      runner.run(
        kind === "table" ? "binaryUnitTable" : "binaryUnit",
        Math.ceil(rows / chunkRows) * Math.ceil(filters / PRODUCT_FILTERS),
        address(columns),
        forward,
        rows,
        inputs,
        filters,
        chunkRows,
        address(norm),
        layout === undefined ? 0 : windowAddress(layout),
        addressOf(shortcut),
        addressOf(activation),
        address(out),
      );
    },

    binaryWeightGradient(dy, columns, latent, gradient) {
      const [rows, filters] = matrixShape(dy);
      const [inputs] = matrixShape(latent);
      const tiles = Math.ceil(rows / 64);
      const index = runner.work(tiles * Math.ceil(inputs / 16) * 16 * 32);
      runner.run("transposeSigns", tiles, address(columns), rows, inputs, index);
      const chunkFilters = gradientFilters(inputs, filters, runner.threads);
      const chunks = Math.ceil(filters / chunkFilters) * Math.ceil(inputs / GRADIENT_INPUTS);
      runner.run(
        "binaryWeightGradient",
        chunks,
        address(dy),
        index,
        rows,
        inputs,
        filters,
        GRADIENT_INPUTS,
        chunkFilters,
        address(latent),
        address(gradient),
      );
    },

    binaryInputGradient(dy, weights, window, { x, threshold, estimator }, dx, dThreshold) {
      const { inputs, filters, gradient } = arranged(weights);
      const parameters = [
        address(dy),
        gradient,
        windowAddress(window),
        inputs,
        filters,
        address(x),
        address(threshold),
        ESTIMATORS[estimator],
        address(dx),
      ];
      runByImage("binaryInputGradient", window.geometry, parameters, dThreshold);
    },

    latentProduct(columns, latent, plan, y) {
      const own = sliced(plan);
      const rowBytes = 4 * wordsFor(own.inputs);
      multiplyColumns(runner, own, latent, y, ({ row, rows }) => {
        const from = address(columns) + row * rowBytes;
        runner.run("expandSigns", Math.ceil(rows / 16), from, rows, own.inputs, own.columns);
        return own.columns;
      });
    },

    latentInputGradient(dy, latent, plan, { x, threshold, estimator }, dx, dThreshold) {
      const own = sliced(plan);
      const { channels } = own.window.geometry;
      multiplyBack(runner, own, dy, latent, own.columns, (slice) => {
        const parameters = [
          own.columns,
          windowAddress(own.window),
          sliceOf(x, own, slice),
          address(threshold),
          ESTIMATORS[estimator],
          sliceOf(dx, own, slice),
        ];
        runByImage("signGradient", { images: slice.images, channels }, parameters, dThreshold);
      });
    },

    countPositive(columns, _bits, total) {
      // Padding bits are 0, so whole words can be counted.
      const words = elementCount(columns.shape);
      const chunks = Math.ceil(words / 1024);
      const partials = runner.work(chunks * 8);
      runner.run("countPositive", chunks, address(columns), words, partials);
      runner.run("reducePartials", 1, partials, chunks, 1, 0, address(total), 0);
    },
  };
}
