/** Optimizer steps and averages, each element by itself, and plain memory work. */
import { type ElementType, elementCount, type Tensor } from "../../tensor.js";
import type { UpdateKernels } from "../kernels.js";
import type { FlipCount } from "../terms.js";
import { own, tensorBytes } from "./buffers.js";
import { elementwise, flatGroups } from "./elementwise.js";
import type { KernelSource } from "./kernel-source.js";
import type { Runner } from "./recorder.js";
import { SUMS } from "./wgsl/sums.js";

/**
 * A step: `moved(i, before)` is the new value. Signs that change are counted by part, where counts are wanted: there are few of them, and
 * sums of whole numbers are the same in any order.
 */
function optimizer<const T extends KernelSource["tensors"], const N extends KernelSource["numbers"]>(
  name: string,
  states: T,
  numbers: N,
  moved: string,
) {
  const common = { value: "change float32", gradient: "read float32", starts: "read int32?", counts: "change counted?" } as const;
  return elementwise(
    name,
    { ...common, ...states },
    `let before = value(i);
  var after = moved(i, before);
  if (u.limit > 0.0) { after = clamp(after, -u.limit, u.limit); }
  set_value(i, after);
  if (has_counts && (before >= 0.0) != (after >= 0.0)) { add_counts(part_of(i), 1u); }`,
    { parts: "u32", limit: "f32", rate: "f32", decay: "f32", ...numbers } as const,
    `fn moved(i: u32, before: f32) -> f32 { ${moved} }
// The last part that starts at i or before: of those that start at one place, all but the last are empty.
fn part_of(i: u32) -> u32 {
  var low = 0u;
  var high = u.parts;
  while (high - low > 1u) {
    let middle = (low + high) / 2u;
    if (u32(starts(middle)) <= i) { low = middle; } else { high = middle; }
  }
  return low;
}
`,
  );
}

const ADAM = optimizer(
  "adam",
  { first: "change float32", second: "change float32" },
  { beta1: "f32", rest1: "f32", beta2: "f32", rest2: "f32", scale1: "f32", scale2: "f32", epsilon: "f32" },
  `let g = gradient(i);
  let m = u.beta1 * first(i) + u.rest1 * g;
  let v = u.beta2 * second(i) + u.rest2 * g * g;
  set_first(i, m);
  set_second(i, v);
  return before - u.decay * before - u.rate * (m * u.scale1) / (sqrt(v * u.scale2) + u.epsilon);`,
);

const SGD = optimizer(
  "sgd",
  { velocity: "change float32" },
  { momentum: "f32" },
  `let v = u.momentum * velocity(i) + gradient(i) + u.decay * before;
  set_velocity(i, v);
  return before - u.rate * v;`,
);

const SUM_FLIPS = elementwise(
  "sumFlips",
  { counts: "read uint32", totals: "change accumulator" },
  "set_totals(i, add_sums(totals(i), sum_of_halves(counts(i) >> 16u, counts(i) & 0xffffu)));",
  {},
  SUMS,
);

const AVERAGE = elementwise(
  "movingAverage",
  { average: "change float32", value: "read float32" },
  "set_average(i, u.decay * average(i) + u.rest * value(i));",
  { decay: "f32", rest: "f32" },
);
const FILL = elementwise("fill", { whole: "write bits" }, "set_whole(i, u.value);", { value: "u32" });
const ADD = elementwise("add", { added: "read float32", sum: "change float32" }, "set_sum(i, sum(i) + added(i));");
const COPY = elementwise("copy", { source: "read bits", copied: "write bits" }, "set_copied(i, source(i));");
/** Of int16: thread i makes word i of the target, of which the first and last may be others' by half. */
const COPY_HALVES = elementwise(
  "copyHalves",
  { source: "read halves", copied: "change bits" },
  `var word = copied(i);
  for (var half = 0u; half < 2u; half++) {
    let at = 2u * i + half;
    if (at < u.shift || at - u.shift >= u.halves) { continue; }
    word = (word & (0xffff0000u >> (16u * half))) | (source(at - u.shift) << (16u * half));
  }
  set_copied(i, word);`,
  { shift: "u32", halves: "u32" },
);

const bits = new DataView(new ArrayBuffer(4));

/** The word that a value is in a tensor of a type. */
function wordOf(type: ElementType, value: number): number {
  if (type === "float32") bits.setFloat32(0, value);
  else bits.setInt32(0, value);
  return bits.getUint32(0);
}

/** float32, int32, uint32 of any value, accumulator of 0. */
export function fillTensor({ run }: Runner, tensor: Tensor<ElementType>, value: number): void {
  const count = Math.ceil(tensorBytes(tensor) / 4);
  run(FILL, flatGroups(count), { whole: tensor }, { count, value: wordOf(tensor.type, value) });
}

export function copyTensor({ run }: Runner, from: Tensor<ElementType>, to: Tensor<ElementType>): void {
  if (from.type !== "dotProduct") {
    const count = tensorBytes(from) / 4;
    run(COPY, flatGroups(count), { source: from, copied: to }, { count });
    return;
  }
  const halves = elementCount(from.shape);
  const shift = (own(to).offset % 4) / 2;
  const count = Math.ceil((halves + shift) / 2);
  run(COPY_HALVES, flatGroups(count), { source: from, copied: to }, { count, shift, halves });
}

export function updateKernels(runner: Runner): UpdateKernels {
  const { run, work } = runner;

  /** Runs a step with room for counts of flips, and adds those to the totals. */
  function step(flips: FlipCount | undefined, take: (parts: number, counts: Tensor<"uint32"> | undefined) => void): void {
    if (flips === undefined) {
      take(0, undefined);
      return;
    }
    const { totals } = flips;
    const parts = elementCount(totals.shape);
    const counts = work("uint32", [parts]);
    fillTensor(runner, counts, 0);
    take(parts, counts);
    run(SUM_FLIPS, flatGroups(parts), { counts, totals }, { count: parts });
  }

  return {
    adam(value, gradient, first, second, { rate, beta1, beta2, epsilon, decay, step: number, limit }, flips) {
      const count = elementCount(value.shape);
      step(flips, (parts, counts) => {
        run(
          ADAM,
          flatGroups(count),
          { value, gradient, first, second, starts: flips?.starts, counts },
          {
            count,
            parts,
            limit,
            rate,
            decay: rate * decay,
            beta1,
            rest1: 1 - beta1,
            beta2,
            rest2: 1 - beta2,
            scale1: 1 / (1 - beta1 ** number),
            scale2: 1 / (1 - beta2 ** number),
            epsilon,
          },
        );
      });
    },

    sgd(value, gradient, velocity, { rate, momentum, decay, limit }, flips) {
      const count = elementCount(value.shape);
      step(flips, (parts, counts) => {
        const operands = { value, gradient, velocity, starts: flips?.starts, counts };
        run(SGD, flatGroups(count), operands, { count, parts, limit, rate, decay, momentum });
      });
    },

    movingAverage(average, value, decay) {
      const count = elementCount(value.shape);
      run(AVERAGE, flatGroups(count), { average, value }, { count, decay, rest: 1 - decay });
    },

    fill: (tensor, value) => fillTensor(runner, tensor, value),

    add(from, to) {
      const count = elementCount(from.shape);
      run(ADD, flatGroups(count), { added: from, sum: to }, { count });
    },

    copy: (from, to) => copyTensor(runner, from, to),
  };
}
