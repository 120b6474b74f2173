/**
 * Holds callers to what device.ts says of a call's operands. The fast backends compute what they are told to; a call that a GPU could not
 * bind is found here, where every layer and network is tested.
 */
import type { ElementType, Tensor } from "../../tensor.js";
import { KERNELS, type Kernels, type Operand, WRITTEN } from "../kernels.js";
import { placeOf } from "./memory.js";

/** An operand that is written may be the very same as one that is read. */
const IN_PLACE = new Set<keyof Kernels>([
  "softmax",
  "multiplyChannels",
  "multiplyChannelsGradient",
  "sigmoid",
  "sigmoidGradient",
]);
/** Operands may lie beside each other. */
const BESIDE = new Set<keyof Kernels>(["normalizeActivate", "normalizationGradient"]);

type Call = (...call: readonly unknown[]) => void;

/** The same kernels; a call with operands that must not be together is an error. */
export function checkedKernels(kernels: Kernels): Kernels {
  const checked = KERNELS.map((name) => {
    const run = kernels[name] as Call;
    const writtenBy = WRITTEN[name] as (...call: readonly unknown[]) => readonly Operand[];
    const call: Call = (...operands) => {
      checkOperands(name, operands.flatMap(tensorsIn), writtenBy(...operands));
      run(...operands);
    };
    return [name, call];
  });
  return Object.fromEntries(checked) as Kernels;
}

/** Records of operands are looked into. */
function tensorsIn(value: unknown): readonly Tensor<ElementType>[] {
  if (typeof value !== "object" || value === null) return [];
  return "type" in value && "shape" in value ? [value as Tensor<ElementType>] : Object.values(value).flatMap(tensorsIn);
}

function checkOperands(kernel: keyof Kernels, operands: readonly Tensor<ElementType>[], written: readonly Operand[]): void {
  for (const one of written) {
    if (one === undefined) continue;
    const others = operands.toSpliced(operands.indexOf(one), 1);
    for (const other of others) {
      if (mayMeet(kernel, one, other, written.includes(other))) continue;
      throw new Error(`${kernel} writes a tensor [${one.shape}] in the memory of another operand, [${other.shape}]`);
    }
  }
}

function mayMeet(kernel: keyof Kernels, one: Tensor<ElementType>, other: Tensor<ElementType>, bothWritten: boolean): boolean {
  const [a, b] = [placeOf(one), placeOf(other)];
  if (a.block !== b.block) return true;
  if (a.from === b.from && a.to === b.to && IN_PLACE.has(kernel)) return !bothWritten || one === other;
  return (bothWritten || BESIDE.has(kernel)) && (a.to <= b.from || b.to <= a.from);
}
