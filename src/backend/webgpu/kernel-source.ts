/**
 * A kernel as it is written down: its tensors, its numbers and its WGSL. What every kernel has besides (bindings, the uniform block,
 * functions that read and write a tensor's elements, the entry point) is generated, because it depends on the call: which operands there
 * are, of which type, and which of them lie in one buffer and must be bound as one.
 */
type Access = "read" | "write" | "change";
type Element =
  | "float32"
  | "int32"
  | "uint32"
  | "accumulator"
  | "product"
  | "bits"
  | "halves"
  | "pairs"
  | "joined"
  | "counted"
  | "highest";

/** What a kernel may need beyond what every GPU has, as WGSL names it. */
export type Extension = "f16" | "subgroups";

/**
 * `product` is float32 or dotProduct; `bits` are words of anything; `halves` are 16 bits of a word, read only; `pairs` writes the int16
 * i and i + 1 for an even i; `joined` adds one int16 to a word that was 0, whoever has the other half; `counted` are whole numbers that
 * threads add to in any order, `highest` those that they raise. With "?" it may be absent.
 */
export type OperandKind = `${Access} ${Element}` | `${Access} ${Element}?`;
export type NumberKind = "u32" | "f32";

export interface KernelSource {
  readonly name: string;
  /** At most eight, which every GPU can bind. */
  readonly tensors: Readonly<Record<string, OperandKind>>;
  readonly numbers: Readonly<Record<string, NumberKind>>;
  /** Threads of a group, along x and y; 256 together at most. */
  readonly threads: readonly [number, number] | ((choice: number) => readonly [number, number]);
  /** What it needs beyond what every GPU has; nothing by default. */
  readonly extensions?: (choice: number) => readonly Extension[];
  /**
   * WGSL with `fn run(group: u32, thread: u32, tx: u32, ty: u32)`: the group's number, the thread's within it and its two coordinates.
   * With subgroups there are `lane` and `lane_count`, too: the thread's number in its subgroup, and the threads of one.
   * `choice` is the call's, for what is decided when a kernel is compiled.
   */
  code(choice: number): string;
}

/** A choice of kernels that can use subgroup operations: they do. */
export const SUBGROUPS = 1;

/** The most operands of a kernel. */
export const MOST_OPERANDS = 8;

/** How an operand is bound in a variant of a kernel. */
export interface OperandBinding {
  /** From 0; several operands may share one. Undefined where the operand is absent. */
  readonly binding: number | undefined;
  /** A product is of int16. */
  readonly integer: boolean;
}

export function isWritten(kind: OperandKind): boolean {
  return !kind.startsWith("read");
}

export function isOptional(kind: OperandKind): boolean {
  return kind.endsWith("?");
}

export function elementOf(kind: OperandKind): Element {
  return kind.replace("?", "").split(" ")[1] as Element;
}

/** Whether each of a variant's bindings is written. */
export function bindingAccess(source: KernelSource, operands: readonly OperandBinding[]): readonly boolean[] {
  const written: boolean[] = [];
  for (const [index, kind] of Object.values(source.tensors).entries()) {
    const binding = operands[index]?.binding;
    if (binding !== undefined) written[binding] = (written[binding] ?? false) || isWritten(kind);
  }
  return written;
}

const STORED: Readonly<Record<Element, string>> = {
  float32: "f32",
  int32: "i32",
  uint32: "u32",
  accumulator: "vec2f",
  product: "f32",
  bits: "u32",
  halves: "u32",
  pairs: "u32",
  joined: "atomic<u32>",
  counted: "atomic<u32>",
  highest: "atomic<u32>",
};

function storedType(element: Element, integer: boolean): string {
  return element === "product" && integer ? "u32" : STORED[element];
}

/** Functions to read and write the elements of an operand, from its first. */
function accessors(name: string, kind: OperandKind, { binding, integer }: OperandBinding): string {
  const element = elementOf(kind);
  const type = element === "product" ? "f32" : STORED[element];
  const there = binding !== undefined;
  const at = `b${binding}`;
  const index = `u.${name}_base + i`;
  const lines = [`const has_${name} = ${there};`];
  if (element === "pairs")
    lines.push(
      `fn set_${name}(i: u32, low: i32, high: i32) { ${at}[(${index}) >> 1u] = (u32(low) & 0xffffu) | (u32(high) << 16u); }`,
    );
  else if (element === "joined")
    lines.push(
      `fn set_${name}(i: u32, v: i32) { let k = ${index}; atomicOr(&${at}[k >> 1u], (u32(v) & 0xffffu) << (16u * (k & 1u))); }`,
    );
  else if (element === "counted")
    lines.push(`fn add_${name}(i: u32, v: u32) { ${there ? `atomicAdd(&${at}[${index}], v);` : ""} }`);
  else if (element === "highest")
    lines.push(`fn raise_${name}(i: u32, v: u32) { ${there ? `atomicMax(&${at}[${index}], v);` : ""} }`);
  else if (element === "halves")
    lines.push(`fn ${name}(i: u32) -> u32 { let k = ${index}; return (${at}[k >> 1u] >> (16u * (k & 1u))) & 0xffffu; }`);
  else {
    if (!kind.startsWith("write")) {
      const half = `let k = ${index}; return f32(i32(${at}[k >> 1u] << (16u * (1u - (k & 1u)))) >> 16u);`;
      const body = !there ? `return ${type}();` : element === "product" && integer ? half : `return ${at}[${index}];`;
      lines.push(`fn ${name}(i: u32) -> ${type} { ${body} }`);
    }
    if (isWritten(kind)) lines.push(`fn set_${name}(i: u32, v: ${type}) { ${there ? `${at}[${index}] = v;` : ""} }`);
  }
  return lines.join("\n");
}

/** The whole shader of a variant. */
export function shaderOf(source: KernelSource, operands: readonly OperandBinding[], choice: number): string {
  const tensors = Object.entries(source.tensors);
  const members = [
    ...tensors.map(([name]) => `${name}_base: u32`),
    // Always 0, which no compiler can know: see sums.ts.
    "zero: u32",
    ...Object.entries(source.numbers).map(([name, kind]) => `${name}: ${kind}`),
  ];
  const written = bindingAccess(source, operands);
  const bound = written.map((isWrittenTo, binding) => {
    const index = operands.findIndex((operand) => operand.binding === binding);
    const type = storedType(elementOf((tensors[index] as [string, OperandKind])[1]), operands[index]?.integer ?? false);
    const access = isWrittenTo ? "read_write" : "read";
    return `@group(0) @binding(${binding + 1}) var<storage, ${access}> b${binding}: array<${type}>;`;
  });
  const [x, y] = typeof source.threads === "function" ? source.threads(choice) : source.threads;
  const enabled = source.extensions?.(choice) ?? [];
  const lanes = enabled.includes("subgroups");
  // That all threads of a subgroup take the same way is seen from how many they are, which no compiler takes for the same.
  const unchecked = lanes ? "diagnostic(off, subgroup_uniformity);" : "";
  return `${enabled.map((name) => `enable ${name};\n`).join("")}${unchecked}
struct Numbers { ${members.join(", ")} }
@group(0) @binding(0) var<uniform> u: Numbers;
${bound.join("\n")}
${tensors.map(([name, kind], index) => accessors(name, kind, operands[index] as OperandBinding)).join("\n")}
${lanes ? "var<private> lane: u32;\nvar<private> lane_count: u32;" : ""}
${source.code(choice)}
@compute @workgroup_size(${x}, ${y})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
  @builtin(local_invocation_id) local: vec3u,
  ${lanes ? "@builtin(subgroup_invocation_id) own_lane: u32, @builtin(subgroup_size) own_lanes: u32," : ""}
) {
  ${lanes ? "lane = own_lane;\n  lane_count = own_lanes;" : ""}
  run(group.x + group.y * groups.x, thread, local.x, local.y);
}
`;
}
