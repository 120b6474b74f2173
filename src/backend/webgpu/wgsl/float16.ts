/**
 * Gradients as float16 where they are multiplied with signs. Its numbers reach from 2^-24 to 2^16, and gradients lie anywhere: they are
 * multiplied by a power of two, which brings the largest of a tensor to 2^10 and more, below 2^11, and results by its inverse. Both
 * are exact.
 */
import { FLAT_THREADS } from "../elementwise.js";
import { type Extension, type KernelSource, SUBGROUPS } from "../kernel-source.js";
import { HALF_GAIN, REAL_GAIN } from "./tile.js";

/** The largest magnitude among `all` numbers, as the bits of a float32: those of no number are larger than any number's. */
export const LARGEST = {
  name: "largest",
  tensors: { values: "read float32", largest: "change highest" },
  numbers: { count: "u32", all: "u32" },
  threads: FLAT_THREADS,
  extensions: (choice: number) => (choice === SUBGROUPS ? ["subgroups"] : []),
  code: (choice: number) => `
fn run(group: u32, thread: u32, tx: u32, ty: u32) {
  var most = 0u;
  for (var at = group * ${FLAT_THREADS[0]}u + thread; at < u.all; at += u.count) {
    most = max(most, bitcast<u32>(values(at)) & 0x7fffffffu);
  }
  ${
    choice === SUBGROUPS
      ? "let highest = subgroupMax(most);\n  if (subgroupElect()) { raise_largest(0u, highest); }"
      : "raise_largest(0u, most);"
  }
}
`,
} as const satisfies KernelSource;

const SCALE = `
var<private> scale: f32;
var<private> inverse_scale: f32;
fn find_scale() {
  let exponent = clamp(264u - (largest(0u) >> 23u), 1u, 253u);
  scale = bitcast<f32>(exponent << 23u);
  inverse_scale = bitcast<f32>((254u - exponent) << 23u);
}
`;

/** A choice of the products of gradients with signs, in bits beside TOGETHER and GATHERED: gradients are float16. */
export const FLOAT16 = 4;

export const gradientExtensions = (choice: number): readonly Extension[] => ((choice & FLOAT16) === 0 ? [] : ["f16"]);

/**
 * How gradients are read and multiplied: functions, what a thread does first, what four of them are read as, and what a sum is in the
 * end. FLOAT16 needs the result of LARGEST as an operand.
 */
export function gradientForm(choice: number) {
  if ((choice & FLOAT16) === 0)
    return { ...REAL_GAIN, functions: "", first: "", read: (four: string) => four, result: (sum: string) => sum };
  return {
    ...HALF_GAIN,
    functions: SCALE,
    first: "find_scale();",
    read: (four: string) => `vec4<f16>(scale * ${four})`,
    result: (sum: string) => `inverse_scale * ${sum}`,
  };
}
