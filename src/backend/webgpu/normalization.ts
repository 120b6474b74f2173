/** Batch normalization, shortcut and activation: statistics, and the way back. */
import type { InferenceKernel, NormalizationKernels } from "../kernels.js";
import { eachInColumns, elementwise, FLAT_THREADS, flatGroups, forEach, ROWS_TOGETHER } from "./elementwise.js";
import type { KernelSource } from "./kernel-source.js";
import { matrixShape } from "./matrix.js";
import type { Runner } from "./recorder.js";
import { addUp, fewerRows, SUMMED_ROWS, sumPieces } from "./sums.js";
import { ACTIVATION } from "./wgsl/activation.js";
import { SUMS } from "./wgsl/sums.js";
import { PLACE, WINDOW_NUMBERS } from "./wgsl/window.js";
import { layoutOf } from "./windows.js";

/** Rows that a thread sums in float32 before they go to a sum of higher precision. */
const PIECE = 16;

/**
 * Sums of `kinds` values by column, over some rows a thread: `visit` adds to `p0`, `p1` and so on for row m and column n. What it wants
 * to know of the column is found before all rows, and what of the row, after each. Leaves [threads a column, kinds, columns].
 */
function columnSums(kinds: number, functions: string, visit: string, [column, next] = ["", ""]): string {
  const each = (text: (kind: number) => string): string => Array.from({ length: kinds }, (_, kind) => text(kind)).join("\n  ");
  return `${SUMS}${functions}${forEach(`
  let n = i % u.filters;
  let end = min(u.rows, (i / u.filters + 1u) * ${SUMMED_ROWS}u);
  ${column}
  ${each((kind) => `var s${kind} = vec2f();`)}
  for (var first = i / u.filters * ${SUMMED_ROWS}u; first < end; first += ${PIECE}u) {
    ${each((kind) => `var p${kind} = 0.0;`)}
    for (var m = first; m < min(end, first + ${PIECE}u); m++) {
      ${visit}
      ${next}
    }
    ${each((kind) => `s${kind} = add_value(s${kind}, p${kind});`)}
  }
  let left = (i - n) * ${kinds}u + n;
  ${each((kind) => `set_sums(left + ${kind}u * u.filters, s${kind});`)}`)}`;
}

const PASS_NUMBERS = { count: "u32", rows: "u32", filters: "u32" } as const;

/** Choice: 1 for sums alone, 2 for squares, too. */
export const COLUMN_MOMENTS = {
  name: "columnMoments",
  tensors: { y: "read float32", sums: "write accumulator" },
  numbers: PASS_NUMBERS,
  threads: FLAT_THREADS,
  code: (kinds: number) => columnSums(kinds, "", `let v = y(m * u.filters + n); p0 += v; ${kinds === 2 ? "p1 += v * v;" : ""}`),
} as const satisfies KernelSource;

/** Choice: how many sums, of which the last three are those of an activation. */
const ACTIVATE_BACKWARD = {
  name: "activateBackward",
  tensors: {
    gradient: "change float32",
    y: "read product",
    norm: "read float32",
    shortcut: "read float32?",
    activation: "read float32?",
    window: "read int32?",
    sums: "write accumulator",
  },
  numbers: { ...PASS_NUMBERS, ...WINDOW_NUMBERS },
  threads: FLAT_THREADS,
  code: (kinds: number) =>
    columnSums(
      kinds,
      `${PLACE}${ACTIVATION}`,
      `
        let there = place(at, to);
        if (there >= 0) {
          let value = y(m * u.filters + n);
          let d = gradient(u32(there));
          var du = d;
          ${
            kinds === 2
              ? ""
              : `
          let v = before_activation(value, n, u32(there)) - center;
          let right = v > 0.0;
          du = d * select(left_slope, right_slope, right);
          p2 += select(d * v, 0.0, right);
          p3 += select(0.0, d * v, right);
          p4 += d;`
          }
          p0 += du;
          p1 += du * (value - mean) * inverse;
          set_gradient(u32(there), du);
        }
      `,
      [
        `let to = target_of(n, u.filters);
  let mean = norm(2u * u.filters + n);
  let inverse = norm(3u * u.filters + n);
  let center = activation(to.channel);
  let left_slope = activation(to.channels + to.channel);
  let right_slope = activation(2u * to.channels + to.channel);
  var at = first_row(i / u.filters * ${SUMMED_ROWS}u);`,
        "at = next_row(at);",
      ],
    ),
} as const satisfies KernelSource;

const NORMALIZATION_FORWARD = elementwise(
  "normalizationForward",
  {
    sums: "read accumulator",
    gamma: "read float32",
    beta: "read float32",
    runningMean: "change float32",
    runningVariance: "change float32",
    norm: "write float32",
  },
  `let mean = divide_sum(sums(i), u.rows);
  let square = multiply_sums(mean, mean);
  // Rounding may leave a constant column a hair below 0.
  let variance = max(0.0, real_of(add_sums(divide_sum(sums(u.count + i), u.rows), negative(square))));
  let inverse = 1.0 / sqrt(variance + u.epsilon);
  let scale = gamma(i) * inverse;
  set_norm(i, scale);
  set_norm(u.count + i, real_of(add_value(negative(multiply_sums(vec2f(scale, 0.0), mean)), beta(i))));
  set_norm(2u * u.count + i, mean.x);
  set_norm(3u * u.count + i, inverse);
  set_runningMean(i, runningMean(i) + u.momentum * (real_of(mean) - runningMean(i)));
  set_runningVariance(i, runningVariance(i) + u.momentum * (variance * u.unbiased - runningVariance(i)));`,
  { rows: "f32", unbiased: "f32", epsilon: "f32", momentum: "f32" },
  SUMS,
);

const NORMALIZATION_BACKWARD = elementwise(
  "normalizationBackward",
  {
    sums: "read accumulator",
    norm: "read float32",
    gamma: "read float32",
    coefficients: "write float32",
    dGamma: "change float32",
    dBeta: "change float32",
    dActivation: "change float32?",
  },
  `let du = sums(i);
  let duHat = sums(u.count + i);
  let mean = norm(2u * u.count + i);
  let inverse = norm(3u * u.count + i);
  set_dBeta(i, real_of(add_value(du, dBeta(i))));
  set_dGamma(i, real_of(add_value(duHat, dGamma(i))));
  // dy = gamma * inverse * (du - mean(du) - yHat * mean(du * yHat)), sorted by du, y and 1.
  let scale = gamma(i) * inverse;
  set_coefficients(i, scale);
  set_coefficients(u.count + i, -scale * inverse * real_of(divide_sum(duHat, u.rows)));
  let rest = add_sums(du, negative(multiply_sums(two_product(mean, inverse), duHat)));
  set_coefficients(2u * u.count + i, -scale * real_of(divide_sum(rest, u.rows)));
  if (!has_dActivation || i >= u.channels) { return; }
  var totals = array<vec2f, 4>();
  for (var n = i; n < u.count; n += u.channels) {
    totals[0] = add_sums(totals[0], negative(sums(n)));
    for (var kind = 1u; kind < 4u; kind++) { totals[kind] = add_sums(totals[kind], sums((kind + 1u) * u.count + n)); }
  }
  for (var kind = 0u; kind < 4u; kind++) {
    set_dActivation(kind * u.channels + i, real_of(add_value(totals[kind], dActivation(kind * u.channels + i))));
  }`,
  { rows: "f32", channels: "u32" },
  SUMS,
);

const NORMALIZATION_GRADIENT = elementwise(
  "normalizationGradient",
  { du: "read float32", y: "read product", coefficients: "read float32", window: "read int32?", dy: "write float32" },
  eachInColumns(
    `let to = target_of(n, u.filters);
  let ofGradient = coefficients(n);
  let ofProduct = coefficients(u.filters + n);
  let constant = coefficients(2u * u.filters + n);`,
    `let there = place(at, to);
    var value = fma(ofProduct, y(m * u.filters + n), constant);
    if (there >= 0) { value = fma(ofGradient, du(u32(there)), value); }
    set_dy(m * u.filters + n, value);`,
  ),
  { rows: "u32", filters: "u32", ...WINDOW_NUMBERS },
  PLACE,
);

export function normalizationKernels(runner: Runner): Omit<NormalizationKernels, InferenceKernel> {
  const { run } = runner;
  return {
    columnMoments(y, sums) {
      const [rows, columns] = matrixShape(y);
      const pieceRows = fewerRows(rows);
      const pieces = sumPieces(runner, pieceRows * 2 * columns);
      const count = pieceRows * columns;
      run(COLUMN_MOMENTS, flatGroups(count), { y, sums: pieces }, { count, rows, filters: columns }, 2);
      addUp(runner, pieces, [pieceRows, 2 * columns], { replaced: sums });
    },

    normalizationForward(sums, rows, { gamma, beta, epsilon, runningMean, runningVariance, momentum }, norm) {
      const [, count] = matrixShape(norm);
      const operands = { sums, gamma, beta, runningMean, runningVariance, norm };
      // A single value has no unbiased variance; its 0 is taken as it is.
      const unbiased = rows > 1 ? rows / (rows - 1) : 1;
      run(NORMALIZATION_FORWARD, flatGroups(count), operands, { count, rows, unbiased, epsilon, momentum });
    },

    activateBackward(gradient, y, { norm, layout, shortcut, activation }, sums) {
      const [rows, filters] = matrixShape(y);
      const kinds = activation === undefined ? 2 : 5;
      const pieceRows = fewerRows(rows);
      const pieces = sumPieces(runner, pieceRows * kinds * filters);
      const { table: window, numbers } = layoutOf(layout);
      const operands = { gradient, y, norm, shortcut, activation, window, sums: pieces };
      const count = pieceRows * filters;
      run(ACTIVATE_BACKWARD, flatGroups(count), operands, { count, rows, filters, ...numbers }, kinds);
      addUp(runner, pieces, [pieceRows, kinds * filters], { replaced: sums });
    },

    normalizationBackward(sums, rows, norm, gamma, gradients, coefficients) {
      const [, count] = matrixShape(norm);
      const { gamma: dGamma, beta: dBeta, activation: dActivation } = gradients;
      const channels = dActivation === undefined ? 0 : matrixShape(dActivation)[1];
      const operands = { sums, norm, gamma, coefficients, dGamma, dBeta, dActivation };
      run(NORMALIZATION_BACKWARD, flatGroups(count), operands, { count, rows, channels });
    },

    normalizationGradient(du, y, coefficients, layout, dy) {
      const [rows, filters] = matrixShape(y);
      const { table: window, numbers } = layoutOf(layout);
      const count = Math.ceil(rows / ROWS_TOGETHER) * filters;
      const operands = { du, y, coefficients, window, dy };
      run(NORMALIZATION_GRADIENT, flatGroups(count), operands, { count, rows, filters, ...numbers });
    },
  };
}
