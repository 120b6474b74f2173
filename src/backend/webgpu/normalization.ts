/** Batch normalization, shortcut and activation: statistics, and the way back. */
import type { InferenceKernel, NormalizationKernels } from "../kernels.js";
import { elementwise, FLAT_THREADS, flatGroups, forEach } from "./elementwise.js";
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
 * Sums of `kinds` values by column, over some rows a thread: `visit` adds to `p0`, `p1` and so on for row m and column n. Leaves
 * [threads a column, kinds, columns].
 */
function columnSums(kinds: number, functions: string, visit: string): string {
  const each = (text: (kind: number) => string): string => Array.from({ length: kinds }, (_, kind) => text(kind)).join("\n  ");
  return `${SUMS}${functions}${forEach(`
  let n = i % u.filters;
  let end = min(u.rows, (i / u.filters + 1u) * ${SUMMED_ROWS}u);
  ${each((kind) => `var s${kind} = vec2f();`)}
  for (var first = i / u.filters * ${SUMMED_ROWS}u; first < end; first += ${PIECE}u) {
    ${each((kind) => `var p${kind} = 0.0;`)}
    for (var m = first; m < min(end, first + ${PIECE}u); m++) { ${visit} }
    ${each((kind) => `s${kind} = add_value(s${kind}, p${kind});`)}
  }
  let at = (i - n) * ${kinds}u + n;
  ${each((kind) => `set_sums(at + ${kind}u * u.filters, s${kind});`)}`)}`;
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
        let at = place(m, n, u.filters);
        if (at < 0) { continue; }
        let value = y(m * u.filters + n);
        let d = gradient(u32(at));
        var du = d;
        ${
          kinds === 2
            ? ""
            : `
        let channels = output_channels(u.filters);
        let c = n % channels;
        let v = before_activation(value, n, u32(at)) - activation(c);
        let right = v > 0.0;
        du = d * activation(select(channels, 2u * channels, right) + c);
        p2 += select(d * v, 0.0, right);
        p3 += select(0.0, d * v, right);
        p4 += d;`
        }
        p0 += du;
        p1 += du * (value - norm(2u * u.filters + n)) * norm(3u * u.filters + n);
        set_gradient(u32(at), du);
      `,
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
  `let n = i % u.filters;
  let at = place(i / u.filters, n, u.filters);
  var value = fma(coefficients(u.filters + n), y(i), coefficients(2u * u.filters + n));
  if (at >= 0) { value = fma(coefficients(n), du(u32(at)), value); }
  set_dy(i, value);`,
  { filters: "u32", ...WINDOW_NUMBERS },
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
      const count = rows * filters;
      run(NORMALIZATION_GRADIENT, flatGroups(count), { du, y, coefficients, window, dy }, { count, filters, ...numbers });
    },
  };
}
