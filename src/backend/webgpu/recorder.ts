/**
 * Kernel calls become commands of one encoder, which is submitted when something is read or written, or when it is full. Whatever a call
 * needs is found again by numbers: the pipeline by how its operands are bound, the bind group by which ranges they are; its numbers go to
 * a slot of one uniform buffer. A step that was recorded before makes no object of the GPU and no text.
 */
import type { ElementType, Tensor } from "../../tensor.js";
import { type Buffers, ELEMENT_BYTES, type GpuTensor, own, tensorBytes, USAGE } from "./buffers.js";
import { elementOf, isOptional, isWritten, type KernelSource, MOST_OPERANDS } from "./kernel-source.js";
import { type Pipelines, UNIFORM_BYTES, type Variant } from "./pipelines.js";

/** Calls in one submission at most. */
const SLOTS = 2048;
const SLOT_WORDS = UNIFORM_BYTES / 4;

/** A kernel's operands and numbers, by the names it gives them. */
export type Operands<K extends KernelSource> = { readonly [N in keyof K["tensors"]]: Tensor<ElementType> | undefined };
export type Numbers<K extends KernelSource> = { readonly [N in keyof K["numbers"]]: number };

/** What kernels are called by. */
export interface Runner {
  /** Runs a kernel on so many groups. */
  run<const K extends KernelSource>(kernel: K, groups: number, operands: Operands<K>, numbers: Numbers<K>, choice?: number): void;
  /** The choice of kernels whose threads may work together (wgsl/tile.ts): whether they should here, 1 or 0. */
  readonly together: number;
  /** The choice of kernels that may use subgroup operations (SUBGROUPS), 1 or 0. */
  readonly subgroups: number;
  /** Where gradients are float16 when they are multiplied with signs: uint32 [1], for the largest of a tensor. */
  readonly largest: Tensor<"uint32"> | undefined;
  /** Work space that stays valid until the next call of `work`. */
  work: Buffers["work"];
}

interface DeclaredTensor {
  readonly name: string;
  readonly written: boolean;
  readonly optional: boolean;
  /** Counted in words of four bytes, whatever its type. */
  readonly words: boolean;
}

/** What is known of a kernel's declaration, laid out for the calls. */
interface Declaration {
  readonly tensors: readonly DeclaredTensor[];
  readonly numbers: readonly { readonly name: string; readonly real: boolean }[];
}

export class Recorder {
  private encoder: GPUCommandEncoder | undefined;
  private pass: GPUComputePassEncoder | undefined;
  private readonly uniforms: GPUBuffer;
  private readonly staging = new ArrayBuffer(SLOTS * UNIFORM_BYTES);
  private readonly words = new Uint32Array(this.staging);
  private readonly reals = new Float32Array(this.staging);
  private slots = 0;
  private readonly declarations = new Map<KernelSource, Declaration>();
  // Of the call being recorded: its operands, and the binding of each.
  private readonly found: (GpuTensor | undefined)[] = [];
  private readonly bindingOf: number[] = [];
  private readonly ranges: number[] = [];
  private readonly dynamicOffset = [0];
  /** What calls have begun to compile that are rehearsed; undefined while calls have their effect. */
  private rehearsed: Promise<void>[] | undefined;

  constructor(
    private readonly device: GPUDevice,
    private readonly pipelines: Pipelines,
  ) {
    this.uniforms = device.createBuffer({ size: SLOTS * UNIFORM_BYTES, usage: USAGE.uniform | USAGE.copyTarget });
  }

  run<const K extends KernelSource>(kernel: K, groups: number, operands: Operands<K>, numbers: Numbers<K>, choice = 0): void {
    if (groups === 0) return;
    const { tensors, numbers: named } = this.declarationOf(kernel);
    for (let i = 0; i < tensors.length; i++) {
      const { name, optional } = tensors[i];
      const tensor = operands[name];
      if (tensor === undefined && !optional) throw new Error(`${kernel.name} is called without ${name}`);
      this.found[i] = tensor && own(tensor);
    }
    const bindings = this.bind(tensors);
    if (this.rehearsed !== undefined) {
      this.rehearsed.push(this.pipelines.prepare(kernel, this.found, this.bindingOf, tensors.length, choice));
      return;
    }
    const variant = this.pipelines.variant(kernel, this.found, this.bindingOf, tensors.length, choice);
    if (this.slots === SLOTS) this.submit();
    this.fillSlot(tensors, named, numbers);
    const pass = this.openPass();
    pass.setPipeline(variant.pipeline);
    this.dynamicOffset[0] = this.slots * UNIFORM_BYTES;
    pass.setBindGroup(0, this.bindGroup(variant, bindings), this.dynamicOffset);
    // More groups than one side may have lie in rows; the kernel finds its number from both, and looks whether there is work for it.
    const side = Math.min(groups, this.device.limits.maxComputeWorkgroupsPerDimension);
    pass.dispatchWorkgroups(side, Math.ceil(groups / side));
    this.slots++;
  }

  get isRehearsing(): boolean {
    return this.rehearsed !== undefined;
  }

  /** Makes calls that are not recorded; resolves when their kernels are compiled. */
  async rehearse(calls: () => void): Promise<void> {
    const begun: Promise<void>[] = [];
    this.rehearsed = begun;
    try {
      calls();
    } finally {
      this.rehearsed = undefined;
    }
    await Promise.all(begun);
  }

  /** The encoder for a command that is no kernel, after all calls so far. */
  command(): GPUCommandEncoder {
    this.pass?.end();
    this.pass = undefined;
    this.encoder ??= this.device.createCommandEncoder();
    return this.encoder;
  }

  /** Hands all that was recorded to the GPU. */
  submit(): void {
    if (this.encoder === undefined) return;
    this.pass?.end();
    if (this.slots > 0) this.device.queue.writeBuffer(this.uniforms, 0, this.staging, 0, this.slots * UNIFORM_BYTES);
    this.device.queue.submit([this.encoder.finish()]);
    this.pass = undefined;
    this.encoder = undefined;
    this.slots = 0;
  }

  dispose(): void {
    this.uniforms.destroy();
  }

  /**
   * Finds each operand's binding. Those of one buffer share one where any of them is written: WebGPU allows a kernel no other use of what
   * it writes, and no two written ranges that meet, as ranges do whose starts are rounded down to what it can bind.
   */
  private bind(tensors: Declaration["tensors"]): number {
    const { found, bindingOf, ranges } = this;
    const alignment = this.device.limits.minStorageBufferOffsetAlignment;
    let bindings = 0;
    for (let i = 0; i < tensors.length; i++) {
      const tensor = found[i];
      if (tensor === undefined) {
        bindingOf[i] = -1;
        continue;
      }
      const { block, offset } = tensor;
      let shared = -1;
      let anyWritten = tensors[i].written;
      for (let j = 0; j < tensors.length; j++) anyWritten ||= tensors[j].written && found[j]?.block === block;
      if (anyWritten) for (let j = 0; j < i && shared < 0; j++) if (found[j]?.block === block) shared = bindingOf[j];
      const start = Math.floor(offset / alignment) * alignment;
      const end = Math.min(block.bytes, Math.ceil((offset + Math.max(1, tensorBytes(tensor))) / 16) * 16);
      if (shared < 0) {
        bindingOf[i] = bindings;
        ranges[3 * bindings] = block.id;
        ranges[3 * bindings + 1] = start;
        ranges[3 * bindings + 2] = end;
        bindings++;
      } else {
        bindingOf[i] = shared;
        ranges[3 * shared + 1] = Math.min(ranges[3 * shared + 1], start);
        ranges[3 * shared + 2] = Math.max(ranges[3 * shared + 2], end);
      }
    }
    return bindings;
  }

  /** Where each operand starts in its binding, a word of 0 (kernel-source.ts), and the call's numbers. */
  private fillSlot<K extends KernelSource>(
    tensors: Declaration["tensors"],
    named: Declaration["numbers"],
    numbers: Numbers<K>,
  ): void {
    const { found, bindingOf, ranges, words, reals } = this;
    let at = this.slots * SLOT_WORDS;
    for (let i = 0; i < tensors.length; i++) {
      const tensor = found[i];
      const bytes = tensor === undefined ? 0 : tensor.offset - ranges[3 * bindingOf[i] + 1];
      words[at++] = tensor === undefined ? 0 : Math.floor(bytes / (tensors[i].words ? 4 : ELEMENT_BYTES[tensor.type]));
    }
    words[at++] = 0;
    for (let i = 0; i < named.length; i++) {
      const { name, real } = named[i];
      if (real) reals[at++] = numbers[name];
      else words[at++] = numbers[name];
    }
  }

  private bindGroup(variant: Variant, bindings: number): GPUBindGroup {
    const { ranges, found, bindingOf } = this;
    let hash = bindings;
    for (let i = 0; i < 3 * bindings; i++) hash = (Math.imul(hash, 0x01000193) ^ ranges[i]) | 0;
    const kept = variant.groups.get(hash);
    if (kept !== undefined) {
      search: for (const entry of kept) {
        for (let i = 0; i < 3 * bindings; i++) if (entry.ranges[i] !== ranges[i]) continue search;
        return entry.group;
      }
    }
    const entries: GPUBindGroupEntry[] = [{ binding: 0, resource: { buffer: this.uniforms, size: UNIFORM_BYTES } }];
    for (let b = 0; b < bindings; b++) {
      const [offset, end] = [ranges[3 * b + 1], ranges[3 * b + 2]];
      const { block } = found[bindingOf.indexOf(b)] as GpuTensor;
      entries.push({ binding: b + 1, resource: { buffer: block.buffer, offset, size: end - offset } });
    }
    return this.pipelines.addGroup(variant, hash, ranges.slice(0, 3 * bindings), entries);
  }

  private openPass(): GPUComputePassEncoder {
    this.encoder ??= this.device.createCommandEncoder();
    this.pass ??= this.encoder.beginComputePass();
    return this.pass;
  }

  private declarationOf(kernel: KernelSource): Declaration {
    const known = this.declarations.get(kernel);
    if (known !== undefined) return known;
    const tensors = Object.entries(kernel.tensors).map(([name, kind]) => {
      return { name, written: isWritten(kind), optional: isOptional(kind), words: elementOf(kind) === "bits" };
    });
    const numbers = Object.entries(kernel.numbers).map(([name, kind]) => ({ name, real: kind === "f32" }));
    if (tensors.length > MOST_OPERANDS || tensors.length + 1 + numbers.length > SLOT_WORDS)
      throw new Error(`${kernel.name} has more operands or numbers than can be bound`);
    const declaration = { tensors, numbers };
    this.declarations.set(kernel, declaration);
    return declaration;
  }
}
