/** Connects the contract's binary kernels to the WebAssembly ones. */
import { elementCount, type Tensor, type WindowGeometry } from "../../tensor.js";
import { CONSTANTS } from "../kernel-table.js";
import type { BinaryKernels, Estimator } from "../kernels.js";
import { arranged } from "./packed-weights.js";
import { type Address, addressBehind, matrixShape, PARTIALS, type Runner, rowsPerChunk } from "./runner.js";

const NO_GRADIENT = "these binary weights have no room for a gradient's form";
const ESTIMATORS: Readonly<Record<Estimator, number>> = { clip: 0, polynomial: 1 };

const { COUNTED_WORDS, EXPANDED_ROWS, PRODUCT_FILTERS, SUMMED_COLUMNS, TRANSPOSED_ROWS, WEIGHT_INPUTS } = CONSTANTS;

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
  /** Sums what the images have of the thresholds' gradients, of which `run` writes float32 [images, channels], into dThreshold. */
  function sumByImage({ images, channels }: WindowGeometry, dThreshold: Tensor, run: (byImage: Address) => void): void {
    const bytes = Math.ceil((images * channels * 4) / 16) * 16;
    const byImage = runner.work(bytes + PARTIALS * channels * 8);
    const partials = addressBehind(byImage, bytes);
    run(byImage);
    const chunkRows = rowsPerChunk(images, 1);
    const count = Math.ceil(images / chunkRows);
    runner.run("sumColumns", count, { matrix: byImage, rows: images, columns: channels, chunkRows, partials });
    runner.run("reducePartials", Math.ceil(channels / SUMMED_COLUMNS), {
      partials,
      count,
      columns: channels,
      target: dThreshold,
    });
  }

  return {
    binarizeColumns(x, threshold, window, columns) {
      const { images, rows } = window.geometry;
      runner.run("binarizeColumns", images * rows.length, { x, threshold, window, columns });
    },

    binarizeWeights(latent, weights, gradient) {
      const { kind, inputs, filters, forward, gradient: index } = arranged(weights);
      if (gradient && index === undefined) throw new Error(NO_GRADIENT);
      const kernel = kind === "table" ? "binarizeWeightsTable" : "binarizeWeights";
      runner.run(kernel, Math.ceil(inputs / WEIGHT_INPUTS), {
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
      if (sums !== undefined && partials !== undefined)
        runner.run("reducePartials", Math.ceil((2 * filters) / SUMMED_COLUMNS), {
          partials,
          count: parts,
          columns: 2 * filters,
          replaced: sums,
        });
    },

    binaryUnit(columns, weights, { norm, layout, shortcut, activation }, out) {
      const { kind, inputs, filters, forward } = arranged(weights);
      const [rows] = matrixShape(columns);
      const chunkRows = rowsPerChunk(rows, 64);
      runner.run(
        kind === "table" ? "binaryUnitTable" : "binaryUnit",
        Math.ceil(rows / chunkRows) * Math.ceil(filters / PRODUCT_FILTERS),
        { columns, weights: forward, rows, inputs, filters, chunkRows, norm, window: layout, shortcut, activation, out },
      );
    },

    binaryWeightGradient(dy, columns, latent, gradient) {
      const [rows, filters] = matrixShape(dy);
      const [inputs] = matrixShape(latent);
      const tiles = Math.ceil(rows / TRANSPOSED_ROWS);
      const index = runner.work(tiles * Math.ceil(inputs / 16) * 16 * 32);
      runner.run("transposeSigns", tiles, { columns, rows, inputs, index });
      const chunkFilters = gradientFilters(inputs, filters, runner.threads);
      const chunks = Math.ceil(filters / chunkFilters) * Math.ceil(inputs / GRADIENT_INPUTS);
      runner.run("binaryWeightGradient", chunks, {
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

    expandSigns(columns, signs) {
      const [rows, inputs] = matrixShape(signs);
      runner.run("expandSigns", Math.ceil(rows / EXPANDED_ROWS), { columns, rows, inputs, signs });
    },

    signGradient(dSigns, window, { x, threshold, estimator }, dx, dThreshold) {
      const kind = ESTIMATORS[estimator];
      sumByImage(window.geometry, dThreshold, (partials) =>
        runner.run("signGradient", window.geometry.images, { dSigns, window, x, threshold, kind, dx, partials }),
      );
    },

    countPositive(columns, _bits, total) {
      // Padding bits are 0, so whole words can be counted.
      const words = elementCount(columns.shape);
      const chunks = Math.ceil(words / COUNTED_WORDS);
      const partials = runner.work(chunks * 8);
      runner.run("countPositive", chunks, { columns, words, partials });
      runner.run("reducePartials", 1, { partials, count: chunks, columns: 1, replaced: undefined, total, target: undefined });
    },
  };
}
