/**
 * A backend that tells what each of its kernel calls was and how long it took: for profiles. Kernels of backends that finish a call before
 * they return.
 */
import { type ElementType, elementCount, type Tensor, windowCount, windowSize } from "../tensor.js";
import type { Backend } from "./device.js";
import { KERNELS, type Kernels } from "./kernels.js";
import type { BinaryWeights, ConvolutionPlan } from "./terms.js";

export interface KernelCall {
  readonly kernel: keyof Kernels;
  readonly milliseconds: number;
  readonly work: KernelWork;
}

/** What a call has to do at least. */
export interface KernelWork {
  readonly binaryMacs: number;
  readonly realMacs: number;
  /** Of floats with signs. */
  readonly signedMacs: number;
  /** Of the tensors that it reads or writes, each once. */
  readonly bytes: number;
}

type Call = (...parameters: unknown[]) => void;

/** The same backend, with `record` told of every kernel call. */
export function recordingBackend(backend: Backend, record: (call: KernelCall) => void): Backend {
  const recording = Object.create(backend) as Record<string, Call>;
  for (const kernel of KERNELS) {
    const run = backend[kernel] as Call;
    recording[kernel] = (...parameters) => {
      const start = performance.now();
      run(...parameters);
      record({ kernel, milliseconds: performance.now() - start, work: workOf(backend, kernel, parameters) });
    };
  }
  return recording as unknown as Backend;
}

function isTensor(value: unknown): value is Tensor<ElementType> {
  return typeof value === "object" && value !== null && "type" in value && "shape" in value;
}

function isWeights(value: unknown): value is BinaryWeights {
  return typeof value === "object" && value !== null && "inputs" in value && "filters" in value;
}

function isPlan(value: unknown): value is ConvolutionPlan {
  return typeof value === "object" && value !== null && "window" in value && "filters" in value;
}

function macsOf({ window: { geometry }, filters }: ConvolutionPlan): number {
  return windowCount(geometry) * windowSize(geometry) * filters;
}

/** The tensors of a call, those in records of arguments too. */
function tensorsIn(value: unknown): readonly Tensor<ElementType>[] {
  if (isTensor(value)) return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(tensorsIn) : [];
}

function workOf({ elementBytes }: Backend, kernel: keyof Kernels, parameters: readonly unknown[]): KernelWork {
  const tensors = parameters.flatMap(tensorsIn);
  const bytes = tensors.reduce((sum, { type, shape }) => sum + elementCount(shape) * elementBytes[type], 0);
  const elements = (index: number): number => elementCount(tensors[index]?.shape ?? []);
  const inputs = parameters.find(isWeights)?.inputs ?? 0;
  const none = { binaryMacs: 0, realMacs: 0, signedMacs: 0, bytes };
  switch (kernel) {
    case "binaryProduct":
      return { ...none, binaryMacs: elements(1) * inputs };
    case "binaryInputGradient":
      return { ...none, signedMacs: elements(0) * inputs };
    case "binaryWeightGradient":
      // dy [M, N] and the latent weights [K, N].
      return { ...none, signedMacs: (elements(0) * elements(2)) / lastSide(tensors[0]) };
    case "convolution":
    case "convolutionInputGradient":
    case "convolutionWeightGradient":
    case "latentProduct":
    case "latentInputGradient":
      return { ...none, realMacs: parameters.filter(isPlan).reduce((sum, plan) => sum + macsOf(plan), 0) };
    default:
      return none;
  }
}

function lastSide(tensor: Tensor<ElementType> | undefined): number {
  return tensor?.shape.at(-1) ?? 1;
}
