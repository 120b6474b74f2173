/** The kernels that a deployed network runs on: a page loads no others. */
import { elementCount, type Tensor } from "../../tensor.js";
import type { InferenceKernels } from "../kernels.js";
import type { Window } from "../terms.js";
import { eachInColumns, elementwise, FLAT_THREADS, flatGroups, ROWS_TOGETHER } from "./elementwise.js";
import { type KernelSource, SUBGROUPS } from "./kernel-source.js";
import { matrixShape } from "./matrix.js";
import type { Runner } from "./recorder.js";
import { ownWeights } from "./weights.js";
import { ACTIVATION } from "./wgsl/activation.js";
import { BINARY_UNIT } from "./wgsl/binary-product.js";
import { MAP_PRODUCT, SIGN_PRODUCT } from "./wgsl/real-product.js";
import { tilesOf } from "./wgsl/tile.js";
import { PLACE, WINDOW, WINDOW_NUMBERS } from "./wgsl/window.js";
import { layoutOf, ownWindow } from "./windows.js";

const COLUMN_OPERANDS = {
  x: "read float32",
  threshold: "read float32",
  window: "read int32",
  columns: "write uint32",
} as const;

/** A thread makes a word: 32 signs that lie beside each other, but for where a tap ends. */
const BINARIZE_COLUMNS = elementwise(
  "binarizeColumns",
  COLUMN_OPERANDS,
  `let channels = u.w_channels;
  let inputs = u.w_kernel * u.w_kernel * channels;
  let words = (inputs + 31u) / 32u;
  let origin = window_origin(i / words);
  let first = i % words * 32u;
  var c = first % channels;
  var tap = first / channels;
  var pixel = pixel_under(origin, tap);
  var signs = 0u;
  for (var bit = 0u; bit < min(32u, inputs - first); bit++) {
    if (c == channels) {
      c = 0u;
      tap++;
      pixel = pixel_under(origin, tap);
    }
    if (pixel >= 0 && x(u32(pixel) * channels + c) >= threshold(c)) { signs |= 1u << bit; }
    c++;
  }
  set_columns(i, signs);`,
  WINDOW_NUMBERS,
  WINDOW,
);
/**
 * The same where no word has the end of a tap in it. Each thread finds where its word's numbers begin, and a subgroup makes the words of
 * all its threads one after the other, each thread with one number: what is read together lies together, and a ballot is the word. One of
 * fewer than 32 threads makes a word in several ballots, one of more several words in one.
 */
const BINARIZE_BY_BALLOT = {
  name: "binarizeByBallot",
  tensors: COLUMN_OPERANDS,
  numbers: { count: "u32", ...WINDOW_NUMBERS },
  threads: FLAT_THREADS,
  extensions: () => ["subgroups"],
  code: () => `${WINDOW}
fn run(group: u32, thread: u32, tx: u32, ty: u32) {
  let i = group * ${FLAT_THREADS[0]}u + thread;
  let taps = u.w_kernel * u.w_kernel;
  let words = taps * u.w_channels / 32u;
  let word = min(i, u.count - 1u);
  let first = word % words * 32u;
  let tap = first / u.w_channels;
  let channel = first - tap * u.w_channels;
  let pixel = pixel_under(window_origin(word / words), tap);
  let outside = pixel < 0;
  let start = u32(max(pixel, 0)) * u.w_channels + channel;
  let lanes = min(lane_count, 32u);
  let place = lane % 32u;
  var own = 0u;
  for (var turn = 0u; turn < lane_count; turn += max(1u, lane_count / 32u)) {
    let source = turn + lane / 32u;
    let start_there = subgroupShuffle(start, source);
    let channel_there = subgroupShuffle(channel, source);
    let none = subgroupShuffle(u32(outside), source) != 0u;
    var signs = vec4u();
    for (var done = 0u; done < 32u; done += lanes) {
      let at = done + place;
      var is_positive = false;
      if (!none) { is_positive = x(start_there + at) >= threshold(channel_there + at); }
      signs |= subgroupBallot(is_positive) << vec4u(done);
    }
    if (lane >= turn && lane - turn < max(1u, lane_count / 32u)) { own = signs[lane - turn]; }
  }
  if (i < u.count) { set_columns(i, own); }
}
`,
} as const satisfies KernelSource;
const ADD_BIAS = elementwise(
  "addBias",
  { matrix: "change float32", bias: "read float32" },
  "set_matrix(i, matrix(i) + bias(i % u.columns));",
  { columns: "u32" },
);
const NORMALIZE_ACTIVATE = elementwise(
  "normalizeActivate",
  {
    y: "read product",
    norm: "read float32",
    shortcut: "read float32?",
    activation: "read float32?",
    window: "read int32?",
    out: "write float32",
  },
  eachInColumns(
    "let to = target_of(n, u.filters);",
    `let there = place(at, to);
    if (there >= 0) { set_out(u32(there), activated(y(m * u.filters + n), n, to.channel, to.channels, u32(there))); }`,
  ),
  { rows: "u32", filters: "u32", ...WINDOW_NUMBERS },
  PLACE + ACTIVATION,
);
const AVERAGE_POOL = elementwise(
  "averagePool",
  { x: "read float32", out: "write float32" },
  `let c = i % u.channels;
  let tile = i / u.channels;
  let columns = u.width / u.size;
  let rows = u.height / u.size;
  let line = tile / columns;
  let top = (line / rows) * u.height + line % rows * u.size;
  var sum = 0.0;
  for (var a = 0u; a < u.size; a++) {
    var piece = 0.0;
    for (var b = 0u; b < u.size; b++) { piece += x(((top + a) * u.width + tile % columns * u.size + b) * u.channels + c); }
    sum += piece;
  }
  set_out(i, sum / f32(u.size * u.size));`,
  { height: "u32", width: "u32", channels: "u32", size: "u32" },
);
const MAX_POOL = elementwise(
  "maxPool",
  { x: "read float32", window: "read int32", out: "write float32" },
  `let channels = u.w_channels;
  let origin = window_origin(i / channels);
  var largest = 0.0;
  var found = false;
  for (var tap = 0u; tap < u.w_kernel * u.w_kernel; tap++) {
    let pixel = pixel_under(origin, tap);
    if (pixel < 0) { continue; }
    let value = x(u32(pixel) * channels + i % channels);
    if (!found || value > largest) { largest = value; }
    found = true;
  }
  set_out(i, largest);`,
  WINDOW_NUMBERS,
  WINDOW,
);
const MULTIPLY_CHANNELS = elementwise(
  "multiplyChannels",
  { x: "read product", factors: "read float32", out: "write float32" },
  "set_out(i, x(i) * factors(i / (u.channels * u.rows) * u.channels + i % u.channels));",
  { channels: "u32", rows: "u32" },
);
const REPEAT_CHANNELS = elementwise(
  "repeatChannels",
  { x: "read float32", out: "write float32" },
  "set_out(i, x(i / (u.channels * u.times) * u.channels + i % u.channels));",
  { channels: "u32", times: "u32" },
);
const SIGMOID = elementwise(
  "sigmoid",
  { x: "read float32", out: "write float32" },
  // Below -88 exp grows beyond float32, on the way to a quotient of 0. What it makes of no number is left to no driver.
  `let v = x(i);
  if ((bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u) { set_out(i, v); }
  else if (v < -88.0) { set_out(i, 0.0); }
  else { set_out(i, 1.0 / (1.0 + exp(-v))); }`,
);

/** y = columns * weights, with columns of packed signs, or of a map's values under a window. */
export function multiplyReal(
  { run, together }: Runner,
  read: { readonly columns: Tensor<"uint32"> } | { readonly x: Tensor; readonly window: Window },
  weights: Tensor,
  y: Tensor,
): void {
  const [rows, filters] = matrixShape(y);
  const [inputs] = matrixShape(weights);
  const groups = tilesOf(rows) * tilesOf(filters);
  const numbers = { rows, inputs, filters };
  if ("columns" in read) run(SIGN_PRODUCT, groups, { columns: read.columns, weights, y }, numbers, together);
  else {
    const { table: window, numbers: own } = ownWindow(read.window);
    run(MAP_PRODUCT, groups, { x: read.x, window, weights, y }, { ...numbers, ...own }, together);
  }
}

export function inferenceKernels(runner: Runner): InferenceKernels {
  const { run } = runner;
  return {
    binarizeColumns(x, threshold, window, columns) {
      const count = elementCount(columns.shape);
      const { table, numbers } = ownWindow(window);
      const kernel = runner.subgroups === SUBGROUPS && numbers.w_channels % 32 === 0 ? BINARIZE_BY_BALLOT : BINARIZE_COLUMNS;
      run(kernel, flatGroups(count), { x, threshold, window: table, columns }, { count, ...numbers });
    },

    binaryUnit(columns, weights, { norm, layout, shortcut, activation }, out) {
      const { inputs, filters, packed } = ownWeights(weights);
      const [rows] = matrixShape(columns);
      const { table: window, numbers } = layoutOf(layout);
      const operands = { columns, weights: packed, norm, shortcut, activation, window, out };
      const groups = tilesOf(rows) * tilesOf(filters);
      run(BINARY_UNIT, groups, operands, { rows, inputs, filters, ...numbers }, runner.together);
    },

    convolution: (x, weights, { window }, y) => multiplyReal(runner, { x, window }, weights, y),

    addBias(matrix, bias) {
      const [rows, columns] = matrixShape(matrix);
      run(ADD_BIAS, flatGroups(rows * columns), { matrix, bias }, { count: rows * columns, columns });
    },

    normalizeActivate(y, { norm, layout, shortcut, activation }, out) {
      const [rows, filters] = matrixShape(y);
      const { table: window, numbers } = layoutOf(layout);
      const operands = { y, norm, shortcut, activation, window, out };
      const count = Math.ceil(rows / ROWS_TOGETHER) * filters;
      run(NORMALIZE_ACTIVATE, flatGroups(count), operands, { count, rows, filters, ...numbers });
    },

    averagePool(x, size, out) {
      const [, height = 1, width = 1, channels = 1] = x.shape;
      const count = elementCount(out.shape);
      run(AVERAGE_POOL, flatGroups(count), { x, out }, { count, height, width, channels, size });
    },

    maxPool(x, window, out) {
      const count = elementCount(out.shape);
      const { table, numbers } = ownWindow(window);
      run(MAX_POOL, flatGroups(count), { x, window: table, out }, { count, ...numbers });
    },

    multiplyChannels(x, factors, out) {
      const [rows, channels] = matrixShape(x);
      const [images] = matrixShape(factors);
      const count = rows * channels;
      run(MULTIPLY_CHANNELS, flatGroups(count), { x, factors, out }, { count, channels, rows: rows / images });
    },

    repeatChannels(x, times, out) {
      const [, channels] = matrixShape(x);
      const count = elementCount(out.shape);
      run(REPEAT_CHANNELS, flatGroups(count), { x, out }, { count, channels, times });
    },

    sigmoid(x, out) {
      const count = elementCount(out.shape);
      run(SIGMOID, flatGroups(count), { x, out }, { count });
    },
  };
}
