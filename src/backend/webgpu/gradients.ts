/** Connects the gradient products of layers with binary and real weights to their kernels. */
import { elementCount, type Tensor, windowCount } from "../../tensor.js";
import type { Binarization, Window } from "../terms.js";
import { elementwise, FLAT_THREADS, flatGroups } from "./elementwise.js";
import { matrixShape } from "./matrix.js";
import type { Runner } from "./recorder.js";
import { addUp, sumPieces } from "./sums.js";
import { fillTensor } from "./update.js";
import { FLOAT16, LARGEST } from "./wgsl/float16.js";
import { GATHERED, REAL_INPUT_GRADIENT, SIGN_INPUT_GRADIENT } from "./wgsl/input-gradient.js";
import { TILE_THREADS, TOGETHER, tilesOf } from "./wgsl/tile.js";
import { MAP_WEIGHT_GRADIENT, SIGN_WEIGHT_GRADIENT } from "./wgsl/weight-gradient.js";
import { ownWindow } from "./windows.js";

/** Groups that keep a large GPU busy: some eight for each of its processors. */
const ENOUGH_GROUPS = 1024;
/** Of the results that the parts of a weight gradient leave. */
const MOST_PART_BYTES = 64 * 2 ** 20;
/** Windows of a part at least: fewer would cost more in adding up than they bring. */
const LEAST_PART_ROWS = 256;

const ADD_PARTS = elementwise(
  "addWeightGradients",
  { parts: "read float32", latent: "read float32?", gradient: "change float32" },
  `if (has_latent && abs(latent(i)) > 1.0) { return; }
  var sum = 0.0;
  for (var part = 0u; part < u.parts; part++) { sum += parts(part * u.count + i); }
  set_gradient(i, gradient(i) + sum);`,
  { parts: "u32" },
);

/** Numbers that a thread looks through for the largest, and the most threads, which raise it one after the other. */
const [THREAD_NUMBERS, MOST_THREADS] = [64, 1 << 16];

/** What products with signs need where gradients are float16, and their choice. */
function float16Of(runner: Runner, dy: Tensor): { readonly largest: Tensor<"uint32"> | undefined; readonly choice: number } {
  const { run, largest, subgroups } = runner;
  if (largest === undefined) return { largest, choice: 0 };
  const all = elementCount(dy.shape);
  const groups = flatGroups(Math.min(MOST_THREADS, Math.ceil(all / THREAD_NUMBERS)));
  fillTensor(runner, largest, 0);
  run(LARGEST, groups, { values: dy, largest }, { count: groups * FLAT_THREADS[0], all }, subgroups);
  return { largest, choice: FLOAT16 };
}

/** Parts that the windows of a batch are taken in: results do not depend on the GPU, so neither do they. */
function partRows(rows: number, inputs: number, filters: number): number {
  const wanted = Math.ceil(ENOUGH_GROUPS / (tilesOf(inputs) * tilesOf(filters)));
  const most = Math.max(1, Math.floor(MOST_PART_BYTES / (4 * inputs * filters)));
  const parts = Math.min(wanted, most, Math.ceil(rows / LEAST_PART_ROWS));
  return Math.ceil(rows / parts / 16) * 16;
}

/** gradient += columns transposed * dy, with columns of signs, or of a map's values; where `latent` is within its limits. */
export function weightGradient(
  runner: Runner,
  dy: Tensor,
  read: { readonly columns: Tensor<"uint32"> } | { readonly x: Tensor; readonly window: Window },
  latent: Tensor | undefined,
  gradient: Tensor,
): void {
  const { run, work, together } = runner;
  const [rows, filters] = matrixShape(dy);
  const [inputs] = matrixShape(gradient);
  const chunk = partRows(rows, inputs, filters);
  const count = Math.ceil(rows / chunk);
  const parts = work("float32", [count, inputs, filters]);
  const groups = count * tilesOf(inputs) * tilesOf(filters);
  const numbers = { rows, inputs, filters, chunk };
  if ("columns" in read) {
    const { largest, choice } = float16Of(runner, dy);
    run(SIGN_WEIGHT_GRADIENT, groups, { dy, columns: read.columns, largest, parts }, numbers, together + choice);
  } else {
    const { table: window, numbers: own } = ownWindow(read.window);
    run(MAP_WEIGHT_GRADIENT, groups, { dy, x: read.x, window, parts }, { ...numbers, ...own }, together);
  }
  run(ADD_PARTS, flatGroups(inputs * filters), { parts, latent, gradient }, { count: inputs * filters, parts: count });
}

/**
 * The gradient of a map from that of its windows' products. With `signs`, through the estimator onto dx and off dThreshold; else in place
 * of dx.
 */
export function inputGradient(
  runner: Runner,
  dy: Tensor,
  weights: Tensor | Tensor<"uint32">,
  window: Window,
  signs: Binarization | undefined,
  dx: Tensor,
  dThreshold: Tensor | undefined,
): void {
  const { disjoint, geometry, table, numbers: own } = ownWindow(window);
  const { images, height, width, channels, kernel } = geometry;
  const filters = matrixShape(dy)[1];
  const inputs = kernel * kernel * channels;
  const [rows, columns] = disjoint ? [windowCount(geometry), inputs] : [images * height * width, channels];
  // Each tile's thresholds, of all of its rows or of each thread's.
  const pieceRows = tilesOf(rows) * (runner.together === TOGETHER ? 1 : TILE_THREADS[1]);
  const pieces = signs && sumPieces(runner, pieceRows * columns);
  if (disjoint && signs === undefined) fillTensor(runner, dx, 0);
  const polynomial = signs?.estimator === "polynomial" ? 1 : 0;
  const operands = { dy, weights, window: table, x: signs?.x, threshold: signs?.threshold, dx, sums: pieces };
  const numbers = { rows, columns, inputs, filters, polynomial, ...own };
  const groups = tilesOf(rows) * tilesOf(columns);
  const choice = runner.together + (disjoint ? 0 : GATHERED);
  if (weights.type === "uint32") {
    const { largest, choice: precision } = float16Of(runner, dy);
    runner.run(SIGN_INPUT_GRADIENT, groups, { ...operands, largest }, numbers, choice + precision);
  } else runner.run(REAL_INPUT_GRADIENT, groups, operands, numbers, choice);
  // Rows of inputs are rows of channels, tap by tap.
  if (pieces !== undefined && dThreshold !== undefined)
    addUp(runner, pieces, [(pieceRows * columns) / channels, channels], { gained: dThreshold });
}
