/** Compiled kernels of a device, by how a call binds its operands; and the bind groups that calls have used. */
import type { ElementType, Tensor } from "../../tensor.js";
import { bindingAccess, type KernelSource, type OperandBinding, shaderOf } from "./kernel-source.js";

/** A call's numbers: the least that every GPU can place, and enough for any kernel. */
export const UNIFORM_BYTES = 256;

export interface Variant {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** By a hash of their ranges. */
  readonly groups: Map<number, BoundRanges[]>;
}

interface BoundRanges {
  /** Block, start and end of each binding. */
  readonly ranges: readonly number[];
  readonly group: GPUBindGroup;
}

/** Kinds of operands that tell variants apart: absent, or of whole or real numbers in one of eight bindings. */
const KINDS = 17;
const COMPUTE_STAGE = 0x4;
const DONE = Promise.resolve();

export class Pipelines {
  private readonly variants = new Map<KernelSource, Map<number, Variant>>();
  /** Compilations under way, by kernel and variant. */
  private readonly begun = new Map<string, Promise<void>>();
  private readonly layouts = new Map<string, GPUBindGroupLayout>();
  private groupCount = 0;
  private compiledCount = 0;

  /** `aside`: whether compiling several kernels at once pays; a processor that plays a GPU has one compiler at work at a time. */
  constructor(
    private readonly device: GPUDevice,
    private readonly aside: boolean,
  ) {}

  /** Bind groups made so far. */
  get groupsCreated(): number {
    return this.groupCount;
  }

  get compiled(): number {
    return this.compiledCount;
  }

  /** The kernel compiled for operands that are bound so; -1 for one that is absent. */
  variant(
    kernel: KernelSource,
    tensors: readonly (Tensor<ElementType> | undefined)[],
    bindings: readonly number[],
    count: number,
    choice: number,
  ): Variant {
    const code = codeOf(tensors, bindings, count, choice);
    const ofKernel = this.variantsOf(kernel);
    let variant = ofKernel.get(code);
    if (variant === undefined) {
      const { layout, descriptor } = this.describe(kernel, operandsOf(tensors, bindings, count), choice);
      variant = { pipeline: this.device.createComputePipeline(descriptor), layout, groups: new Map() };
      ofKernel.set(code, variant);
      this.compiledCount++;
    }
    return variant;
  }

  /** Has a variant compiled, beside others where that pays. What goes wrong there is said when it is called. */
  prepare(
    kernel: KernelSource,
    tensors: readonly (Tensor<ElementType> | undefined)[],
    bindings: readonly number[],
    count: number,
    choice: number,
  ): Promise<void> {
    if (!this.aside) {
      this.variant(kernel, tensors, bindings, count, choice);
      return DONE;
    }
    const code = codeOf(tensors, bindings, count, choice);
    const ofKernel = this.variantsOf(kernel);
    if (ofKernel.has(code)) return DONE;
    const key = `${kernel.name} ${code}`;
    let begun = this.begun.get(key);
    if (begun === undefined) {
      const { layout, descriptor } = this.describe(kernel, operandsOf(tensors, bindings, count), choice);
      const keep = (pipeline: GPUComputePipeline): void => {
        if (ofKernel.has(code)) return;
        ofKernel.set(code, { pipeline, layout, groups: new Map() });
        this.compiledCount++;
      };
      begun = this.device
        .createComputePipelineAsync(descriptor)
        .then(keep, () => undefined)
        .finally(() => this.begun.delete(key));
      this.begun.set(key, begun);
    }
    return begun;
  }

  private variantsOf(kernel: KernelSource): Map<number, Variant> {
    let ofKernel = this.variants.get(kernel);
    if (ofKernel === undefined) {
      ofKernel = new Map();
      this.variants.set(kernel, ofKernel);
    }
    return ofKernel;
  }

  addGroup(variant: Variant, hash: number, ranges: readonly number[], entries: GPUBindGroupEntry[]): GPUBindGroup {
    const group = this.device.createBindGroup({ layout: variant.layout, entries });
    this.groupCount++;
    const kept = variant.groups.get(hash);
    if (kept === undefined) variant.groups.set(hash, [{ ranges, group }]);
    else kept.push({ ranges, group });
    return group;
  }

  /** Forgets the bind groups of blocks that are given back. */
  forget(blocks: ReadonlySet<number>): void {
    const isGone = ({ ranges }: BoundRanges): boolean => ranges.some((value, i) => i % 3 === 0 && blocks.has(value));
    for (const ofKernel of this.variants.values()) {
      for (const { groups } of ofKernel.values()) {
        for (const [hash, kept] of groups) {
          const left = kept.filter((bound) => !isGone(bound));
          if (left.length === 0) groups.delete(hash);
          else if (left.length < kept.length) groups.set(hash, left);
        }
      }
    }
  }

  private describe(
    kernel: KernelSource,
    operands: readonly OperandBinding[],
    choice: number,
  ): { readonly layout: GPUBindGroupLayout; readonly descriptor: GPUComputePipelineDescriptor } {
    const module = this.device.createShaderModule({ label: kernel.name, code: shaderOf(kernel, operands, choice) });
    const layout = this.layoutOf(bindingAccess(kernel, operands));
    const descriptor = {
      label: kernel.name,
      layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: "main" },
    };
    return { layout, descriptor };
  }

  private layoutOf(written: readonly boolean[]): GPUBindGroupLayout {
    const key = written.map((isWritten) => (isWritten ? "w" : "r")).join("");
    const known = this.layouts.get(key);
    if (known !== undefined) return known;
    const storage = written.map((isWritten, index): GPUBindGroupLayoutEntry => {
      return { binding: index + 1, visibility: COMPUTE_STAGE, buffer: { type: isWritten ? "storage" : "read-only-storage" } };
    });
    const uniform: GPUBufferBindingLayout = { type: "uniform", hasDynamicOffset: true, minBindingSize: UNIFORM_BYTES };
    const layout = this.device.createBindGroupLayout({
      entries: [{ binding: 0, visibility: COMPUTE_STAGE, buffer: uniform }, ...storage],
    });
    this.layouts.set(key, layout);
    return layout;
  }
}

/** What tells variants of a kernel apart, as a number. */
function codeOf(
  tensors: readonly (Tensor<ElementType> | undefined)[],
  bindings: readonly number[],
  count: number,
  choice: number,
): number {
  let code = choice;
  for (let i = 0; i < count; i++) {
    const binding = bindings[i] as number;
    code = code * KINDS + (binding < 0 ? 0 : 1 + 2 * binding + (tensors[i]?.type === "dotProduct" ? 1 : 0));
  }
  return code;
}

function operandsOf(
  tensors: readonly (Tensor<ElementType> | undefined)[],
  bindings: readonly number[],
  count: number,
): readonly OperandBinding[] {
  return Array.from({ length: count }, (_, i) => {
    const binding = bindings[i] as number;
    return { binding: binding < 0 ? undefined : binding, integer: tensors[i]?.type === "dotProduct" };
  });
}
