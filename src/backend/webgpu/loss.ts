/** What a network is judged by: a group of threads an image, whose sums are made in a fixed order. */
import { elementCount, type Tensor } from "../../tensor.js";
import type { LossKernels } from "../kernels.js";
import { elementwise, flatGroups } from "./elementwise.js";
import type { KernelSource } from "./kernel-source.js";
import { matrixShape } from "./matrix.js";
import type { Runner } from "./recorder.js";
import { addUp, sumPieces } from "./sums.js";
import { SUMS } from "./wgsl/sums.js";
import { TOGETHER } from "./wgsl/tile.js";

/** Threads of an image where they work together; else one has it. */
const LANES = 64;

function lanesOf(choice: number): number {
  return choice === TOGETHER ? LANES : 1;
}

const threads = (choice: number) => [lanesOf(choice), 1] as const;

/** The sum and the largest of what the threads have, for all of them: by halves, in the same order each time. */
function reductions(choice: number): string {
  if (choice !== TOGETHER)
    return `
fn total(thread: u32, value: f32) -> f32 { return value; }
fn largest(thread: u32, value: f32) -> f32 { return value; }
`;
  return `
var<workgroup> lanes: array<f32, ${LANES}>;
fn total(thread: u32, value: f32) -> f32 {
  lanes[thread] = value;
  workgroupBarrier();
  for (var half = ${LANES / 2}u; half > 0u; half /= 2u) {
    if (thread < half) { lanes[thread] += lanes[thread + half]; }
    workgroupBarrier();
  }
  let all = lanes[0];
  workgroupBarrier();
  return all;
}
fn largest(thread: u32, value: f32) -> f32 {
  lanes[thread] = value;
  workgroupBarrier();
  for (var half = ${LANES / 2}u; half > 0u; half /= 2u) {
    if (thread < half) { lanes[thread] = max(lanes[thread], lanes[thread + half]); }
    workgroupBarrier();
  }
  let all = lanes[0];
  workgroupBarrier();
  return all;
}
`;
}

/** exp of a distance below the largest; what lies so far below is 0, and -Infinity does. */
const softmaxCode = (choice: number): string => `${SUMS}${reductions(choice)}
const LOWEST = -3.4028234e38;
fn part(distance: f32) -> f32 {
  if (distance < -104.0) { return 0.0; }
  return exp(distance);
}
struct Row { start: u32, high: f32, sum: f32 }
fn row_of(group: u32, thread: u32) -> Row {
  let start = group * u.classes;
  var high = LOWEST;
  for (var k = thread; k < u.classes; k += ${lanesOf(choice)}u) { high = max(high, scores(start + k) * u.inverse); }
  high = largest(thread, high);
  var sum = 0.0;
  for (var k = thread; k < u.classes; k += ${lanesOf(choice)}u) { sum += part(scores(start + k) * u.inverse - high); }
  return Row(start, high, total(thread, sum));
}
`;

const SOFTMAX_OF = {
  name: "softmax",
  tensors: { scores: "read float32", out: "write float32" },
  numbers: { images: "u32", classes: "u32", inverse: "f32" },
  threads,
  code: (choice: number) => `${softmaxCode(choice)}
fn run(group: u32, thread: u32, tx: u32, ty: u32) {
  if (group >= u.images) { return; }
  let row = row_of(group, thread);
  for (var k = thread; k < u.classes; k += ${lanesOf(choice)}u) {
    set_out(row.start + k, part(scores(row.start + k) * u.inverse - row.high) / row.sum);
  }
}
`,
} as const satisfies KernelSource;

const CROSS_ENTROPY = {
  name: "softmaxCrossEntropy",
  tensors: { scores: "read float32", targets: "read float32", losses: "change float32", gradient: "change float32" },
  numbers: {
    images: "u32",
    classes: "u32",
    inverse: "f32",
    lossFactor: "f32",
    gradientFactor: "f32",
    accumulate: "u32",
    divergence: "u32",
  },
  threads,
  code: (choice: number) => `${softmaxCode(choice)}
fn run(group: u32, thread: u32, tx: u32, ty: u32) {
  if (group >= u.images) { return; }
  let row = row_of(group, thread);
  let log_sum = log(row.sum);
  // The sum of an image's targets: 1, or what it counts.
  var mass = 0.0;
  for (var k = thread; k < u.classes; k += ${lanesOf(choice)}u) { mass += targets(row.start + k); }
  mass = total(thread, mass);
  var excesses = vec2f();
  for (var k = thread; k < u.classes; k += ${lanesOf(choice)}u) {
    let distance = scores(row.start + k) * u.inverse - row.high;
    let wanted = targets(row.start + k);
    var excess = distance - log_sum;
    if (u.divergence != 0u && wanted > 0.0) { excess -= log(wanted); }
    excesses = add_value(excesses, wanted * excess);
    var g = u.gradientFactor * (mass * part(distance) / row.sum - wanted);
    if (u.accumulate != 0u) { g += gradient(row.start + k); }
    set_gradient(row.start + k, g);
  }
  var loss = -total(thread, real_of(excesses)) * u.lossFactor;
  if (thread > 0u) { return; }
  if (u.accumulate != 0u) { loss += losses(group); }
  set_losses(group, loss);
}
`,
} as const satisfies KernelSource;

const attentionCode = (choice: number): string => `${reductions(choice)}
fn square(image: u32, p: u32) -> f32 {
  var sum = 0.0;
  let start = (image * u.pixels + p) * u.channels;
  for (var c = 0u; c < u.channels; c++) { sum += x(start + c) * x(start + c); }
  return sum;
}
fn size_of(image: u32, thread: u32) -> f32 {
  var sum = 0.0;
  for (var p = thread; p < u.pixels; p += ${lanesOf(choice)}u) {
    let q = square(image, p);
    sum += q * q;
  }
  return sqrt(total(thread, sum));
}
`;

const ATTENTION_NUMBERS = { images: "u32", pixels: "u32", channels: "u32" } as const;

const ATTENTION_MAP = {
  name: "attentionMap",
  tensors: { x: "read float32", out: "write float32" },
  numbers: ATTENTION_NUMBERS,
  threads,
  code: (choice: number) => `${attentionCode(choice)}
fn run(group: u32, thread: u32, tx: u32, ty: u32) {
  if (group >= u.images) { return; }
  let size = size_of(group, thread);
  for (var p = thread; p < u.pixels; p += ${lanesOf(choice)}u) {
    var attention = 0.0;
    if (size > 0.0) { attention = square(group, p) / size; }
    set_out(group * u.pixels + p, attention);
  }
}
`,
} as const satisfies KernelSource;

const ATTENTION_MATCH = {
  name: "attentionMatch",
  tensors: { x: "read float32", wanted: "read float32", losses: "change float32", gradient: "change float32" },
  numbers: { ...ATTENTION_NUMBERS, weight: "f32", factor: "f32" },
  threads,
  code: (choice: number) => `${attentionCode(choice)}
fn run(group: u32, thread: u32, tx: u32, ty: u32) {
  if (group >= u.images) { return; }
  let size = size_of(group, thread);
  let inverse = select(0.0, 1.0 / size, size > 0.0);
  var squares = 0.0;
  var products = 0.0;
  for (var p = thread; p < u.pixels; p += ${lanesOf(choice)}u) {
    let attention = square(group, p) * inverse;
    let difference = attention - wanted(group * u.pixels + p);
    squares += difference * difference;
    products += difference * attention;
  }
  let distance = sqrt(total(thread, squares));
  let along = total(thread, products);
  if (thread == 0u) { set_losses(group, losses(group) + u.weight * distance); }
  if (distance == 0.0 || size == 0.0) { return; }
  for (var p = thread; p < u.pixels; p += ${lanesOf(choice)}u) {
    // a = q / |q|: what lies along a changes nothing.
    let attention = square(group, p) * inverse;
    let direction = (attention - wanted(group * u.pixels + p)) / distance - along / distance * attention;
    let dq = u.factor * direction * inverse;
    let start = (group * u.pixels + p) * u.channels;
    for (var c = 0u; c < u.channels; c++) { set_gradient(start + c, gradient(start + c) + dq * x(start + c)); }
  }
}
`,
} as const satisfies KernelSource;

/** One thread: there is a loss an image, and no more. */
const SUM_LOSSES = elementwise(
  "sumLosses",
  { losses: "read float32", sum: "change accumulator" },
  `var all = vec2f();
  for (var image = 0u; image < u.images; image++) { all = add_value(all, losses(image)); }
  set_sum(0u, add_sums(sum(0u), multiply_sums(all, vec2f(u.factor, u.factorRest))));`,
  { images: "u32", factor: "f32", factorRest: "f32" },
  SUMS,
);

/** Whether each image's label has the first of the highest scores. */
const CORRECT = elementwise(
  "correct",
  { scores: "read float32", labels: "read int32", pieces: "write accumulator" },
  "set_pieces(i, vec2f(select(0.0, 1.0, is_correct(i)), 0.0));",
  { classes: "u32" },
  `
fn is_correct(i: u32) -> bool {
  let label = u32(labels(i));
  let value = scores(i * u.classes + label);
  for (var k = 0u; k < u.classes; k++) {
    let other = scores(i * u.classes + k);
    // What is no number is above all; comparisons with it are left to no compiler.
    if ((bitcast<u32>(other) & 0x7fffffffu) > 0x7f800000u) { return false; }
    if (other > value || (other == value && k < label)) { return false; }
  }
  return true;
}
`,
);

/** Images, pixels of each and channels of a map. */
function mapShape({ shape }: Tensor) {
  const [images = 1, height = 1, width = 1, channels = 1] = shape;
  return { images, pixels: height * width, channels };
}

export function lossKernels(runner: Runner): LossKernels {
  const { run, together } = runner;
  return {
    softmax(scores, temperature, out) {
      const [images, classes] = matrixShape(scores);
      run(SOFTMAX_OF, images, { scores, out }, { images, classes, inverse: 1 / temperature }, together);
    },

    softmaxCrossEntropy(logits, targets, { weight, temperature, scale, accumulate, divergence }, losses, gradient) {
      const [images, classes] = matrixShape(logits);
      const numbers = {
        images,
        classes,
        inverse: 1 / temperature,
        lossFactor: weight * temperature ** 2,
        gradientFactor: scale * weight * temperature,
        accumulate: accumulate ? 1 : 0,
        divergence: divergence ? 1 : 0,
      };
      run(CROSS_ENTROPY, images, { scores: logits, targets, losses, gradient }, numbers, together);
    },

    attentionMap(x, out) {
      const shape = mapShape(x);
      run(ATTENTION_MAP, shape.images, { x, out }, shape, together);
    },

    attentionMatch(x, wanted, { weight, scale }, losses, gradient) {
      const shape = mapShape(x);
      const numbers = { ...shape, weight, factor: 2 * scale * weight };
      run(ATTENTION_MATCH, shape.images, { x, wanted, losses, gradient }, numbers, together);
    },

    sumLosses(losses, factor, total) {
      const factorRest = factor - Math.fround(factor);
      run(SUM_LOSSES, 1, { losses, sum: total }, { count: 1, images: elementCount(losses.shape), factor, factorRest });
    },

    countCorrect(scores, labels, total) {
      const [images, classes] = matrixShape(scores);
      const pieces = sumPieces(runner, images);
      run(CORRECT, flatGroups(images), { scores, labels, pieces }, { count: images, classes });
      addUp(runner, pieces, [images, 1], { total });
    },
  };
}
