/** Binary convolution: signs packed 32 to a word, as the contract has them, and products that count where words differ. */
import { elementCount, wordsFor } from "../../tensor.js";
import type { BinaryKernels, InferenceKernel } from "../kernels.js";
import { own } from "./buffers.js";
import { elementwise, flatGroups } from "./elementwise.js";
import { inputGradient, weightGradient } from "./gradients.js";
import { multiplyReal } from "./inference.js";
import { matrixShape } from "./matrix.js";
import type { Runner } from "./recorder.js";
import { addUp, fewerRows, SUMMED_ROWS, sumPieces } from "./sums.js";
import { fillTensor } from "./update.js";
import { ownWeights } from "./weights.js";
import { BINARY_PRODUCT, BINARY_PRODUCT_ODD } from "./wgsl/binary-product.js";
import { SUMS } from "./wgsl/sums.js";
import { tilesOf } from "./wgsl/tile.js";

const BINARIZE_WEIGHTS = elementwise(
  "binarizeWeights",
  { latent: "read float32", weights: "write uint32" },
  `let n = i % u.filters;
  let word = i / u.filters;
  var signs = 0u;
  for (var bit = 0u; bit < min(32u, u.inputs - 32u * word); bit++) {
    if (latent((32u * word + bit) * u.filters + n) >= 0.0) { signs |= 1u << bit; }
  }
  set_weights(n * ((u.inputs + 31u) / 32u) + word, signs);`,
  { inputs: "u32", filters: "u32" },
);

/** Words that a thread counts: it takes every so many-th, as threads beside each other then read words that are. */
const COUNTED_WORDS = 64;

const COUNT_POSITIVE = elementwise(
  "countPositive",
  { columns: "read uint32", sums: "write accumulator" },
  `var sum = 0u;
  for (var word = i; word < u.words; word += u.count) { sum += countOneBits(columns(word)); }
  set_sums(i, vec2f(f32(sum), 0.0));`,
  { words: "u32" },
);

/** Sums of whole numbers and of their squares over some rows of a filter: exact, squares in halves of 16 bits. */
const PRODUCT_MOMENTS = elementwise(
  "productMoments",
  { y: "read product", sums: "write accumulator" },
  `let n = i % u.filters;
  let first = i / u.filters * ${SUMMED_ROWS}u;
  var sum = 0;
  var low = 0u;
  var high = 0u;
  for (var m = first; m < min(u.rows, first + ${SUMMED_ROWS}u); m++) {
    let result = i32(y(m * u.filters + n));
    let square = u32(result * result);
    sum += result;
    low += square & 0xffffu;
    high += square >> 16u;
  }
  let at = 2u * (i - n) + n;
  set_sums(at, sum_of_integer(sum));
  set_sums(at + u.filters, sum_of_halves(high + (low >> 16u), low & 0xffffu));`,
  { rows: "u32", filters: "u32" },
  SUMS,
);

export function binaryKernels(runner: Runner): Omit<BinaryKernels, InferenceKernel> {
  const { run } = runner;
  return {
    binarizeWeights(latent, weights) {
      const { inputs, filters, packed } = ownWeights(weights);
      const count = wordsFor(inputs) * filters;
      run(BINARIZE_WEIGHTS, flatGroups(count), { latent, weights: packed }, { count, inputs, filters });
    },

    binaryProduct(columns, weights, y, sums) {
      const { inputs, filters, packed } = ownWeights(weights);
      const [rows] = matrixShape(y);
      const isEven = filters % 2 === 0 && (own(y).offset / 2) % 2 === 0;
      if (!isEven) fillTensor(runner, y, 0);
      const kernel = isEven ? BINARY_PRODUCT : BINARY_PRODUCT_ODD;
      const groups = tilesOf(rows) * tilesOf(filters);
      run(kernel, groups, { columns, weights: packed, y }, { rows, inputs, filters }, runner.together);
      if (sums === undefined) return;
      const pieceRows = fewerRows(rows);
      const pieces = sumPieces(runner, pieceRows * 2 * filters);
      const count = pieceRows * filters;
      run(PRODUCT_MOMENTS, flatGroups(count), { y, sums: pieces }, { count, rows, filters });
      addUp(runner, pieces, [pieceRows, 2 * filters], { replaced: sums });
    },

    binaryWeightGradient: (dy, columns, latent, gradient) => weightGradient(runner, dy, { columns }, latent, gradient),

    binaryInputGradient(dy, weights, window, signs, dx, dThreshold) {
      inputGradient(runner, dy, ownWeights(weights).packed, window, signs, dx, dThreshold);
    },

    latentProduct: (columns, latent, _plan, y) => multiplyReal(runner, { columns }, latent, y),

    latentInputGradient(dy, latent, { window }, signs, dx, dThreshold) {
      inputGradient(runner, dy, latent, window, signs, dx, dThreshold);
    },

    countPositive(columns, _bits, total) {
      // Unused bits are 0, so whole words can be counted.
      const words = elementCount(columns.shape);
      const count = Math.ceil(words / COUNTED_WORDS);
      const pieces = sumPieces(runner, count);
      run(COUNT_POSITIVE, flatGroups(count), { columns, sums: pieces }, { count, words });
      addUp(runner, pieces, [count, 1], { total });
    },
  };
}
