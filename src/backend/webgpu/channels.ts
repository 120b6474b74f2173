/** Channels that are weighed by image or repeated. */
import { elementCount } from "../../tensor.js";
import type { ChannelKernels, InferenceKernel } from "../kernels.js";
import { elementwise, flatGroups } from "./elementwise.js";
import { matrixShape } from "./matrix.js";
import type { Runner } from "./recorder.js";

/** Threads have a factor each, and add up its image's rows, sixty-four at a time, as long sums of float32 lose less in pieces. */
const FACTORS_GRADIENT = elementwise(
  "multiplyChannelsFactors",
  { dOut: "read float32", x: "read product", dFactors: "write float32" },
  `let start = i / u.channels * u.rows * u.channels + i % u.channels;
  var sum = 0.0;
  for (var first = 0u; first < u.rows; first += 64u) {
    var piece = 0.0;
    for (var row = first; row < min(first + 64u, u.rows); row++) {
      piece += dOut(start + row * u.channels) * x(start + row * u.channels);
    }
    sum += piece;
  }
  set_dFactors(i, sum);`,
  { channels: "u32", rows: "u32" },
);
const WEIGH_GRADIENT = elementwise(
  "multiplyChannelsGradient",
  { dOut: "read float32", factors: "read float32", dx: "write float32" },
  "set_dx(i, dOut(i) * factors(i / (u.channels * u.rows) * u.channels + i % u.channels));",
  { channels: "u32", rows: "u32" },
);
const REPEAT_GRADIENT = elementwise(
  "repeatChannelsGradient",
  { dOut: "read float32", dx: "write float32" },
  `let start = i / u.channels * u.channels * u.times + i % u.channels;
  var sum = 0.0;
  for (var t = 0u; t < u.times; t++) { sum += dOut(start + t * u.channels); }
  set_dx(i, sum);`,
  { channels: "u32", times: "u32" },
);
const SIGMOID_GRADIENT = elementwise(
  "sigmoidGradient",
  { dOut: "read float32", out: "read float32", dx: "write float32" },
  "set_dx(i, dOut(i) * out(i) * (1.0 - out(i)));",
);

export function channelKernels({ run }: Runner): Omit<ChannelKernels, InferenceKernel> {
  return {
    multiplyChannelsGradient(dOut, x, factors, dx, dFactors) {
      const [images, channels] = matrixShape(factors);
      const [rows] = matrixShape(x);
      const numbers = { channels, rows: rows / images };
      const [factorCount, count] = [images * channels, rows * channels];
      // Before dx, which may be dOut.
      run(FACTORS_GRADIENT, flatGroups(factorCount), { dOut, x, dFactors }, { count: factorCount, ...numbers });
      run(WEIGH_GRADIENT, flatGroups(count), { dOut, factors, dx }, { count, ...numbers });
    },

    repeatChannelsGradient(dOut, times, dx) {
      const [rows, channels] = matrixShape(dx);
      const count = rows * channels;
      run(REPEAT_GRADIENT, flatGroups(count), { dOut, dx }, { count, channels, times });
    },

    sigmoidGradient(dOut, out, dx) {
      const count = elementCount(out.shape);
      run(SIGMOID_GRADIENT, flatGroups(count), { dOut, out, dx }, { count });
    },
  };
}
