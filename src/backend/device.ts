/**
 * What a device is, besides its kernels (kernels.ts): memory, order, reading, windows, packed weights, and how fast it could be at best.
 *
 * Order and reading. A kernel call enqueues work and may return before it is done. Calls of all kinds take effect in the order in which
 * they are made, and nothing but reading is awaited. What is read is what was there after all calls before the reading, whatever is called
 * while it is awaited: the memory may be written, or released and used again, at once. Reading several tensors together costs one wait.
 *
 * Operands. What a call writes overlaps no other of its operands, and lies in no allocation that the call also reads: a GPU binds a piece
 * of memory for one or the other. Parts of one allocation may all be read, or all be written. A kernel says where it allows more: an
 * operand that "may be" another is the very same elements, one that "may lie beside" another is another part of the same allocation.
 */
import { UserError } from "../errors.js";
import type { ElementArrays, ElementType, Shape, Tensor, TypedArray, WindowGeometry } from "../tensor.js";
import type { ImageKernels } from "./image-kernels.js";
import type { InferenceKernels, Kernels } from "./kernels.js";
import type { BinaryWeights, ConvolutionPlan, ConvolutionUse, Window } from "./terms.js";

/**
 * How the products of gradients with signs read the gradients: as they are, or rounded, to bfloat16 on processors and to float16 on GPUs.
 * Their sums are float32 in any case (of float16, sixteen at a time are summed in float16 before).
 */
export const GRADIENT_PRECISIONS = ["float32", "bfloat16", "float16"] as const;

export type GradientPrecision = (typeof GRADIENT_PRECISIONS)[number];

/** What a machine can do at best with a backend's instructions and threads: rates of all threads together. */
export interface MachineLimits {
  /** Float32 multiply-accumulates a second, fused where there is an instruction for it. */
  readonly realMacsPerSecond: number;
  /**
   * Multiply-accumulates of floats with signs a second, as gradients take them: in tile registers where the backend has them, else as all
   * floats.
   */
  readonly signedMacsPerSecond: number;
  /** Binary multiply-accumulates a second, by the faster of counting the bits of bytes and looking them up in tables. */
  readonly binaryMacsPerSecond: number;
  /** Bytes read and bytes written a second, added up, by a copy. */
  readonly bytesPerSecond: number;
}

/** What suits a device: its speed and memory depend on it, and no result does. */
export interface Preferences {
  /** Pixels of the images in a batch where its size is free, as in an evaluation. */
  readonly batchPixels: number;
  /** Elements an image from which the result of a binary product is worth computing twice where memory is to be saved. */
  readonly recomputedElements: number;
}

/** Memory of one device, and what is said of it. */
export interface Device extends Disposable {
  /** For people: what runs, e.g. "wasm, relaxed SIMD, 2 threads". */
  readonly description: string;
  /** For people: what it chose for this machine when it was opened, by name. */
  readonly choices?: Readonly<Record<string, string>>;
  /** What an element takes in this device's memory. */
  readonly elementBytes: Readonly<Record<ElementType, number>>;
  /** Bytes allocated now and at most since the start. */
  readonly memory: { readonly bytes: number; readonly peakBytes: number };
  readonly preferences: Preferences;
  /** Zeroed memory. It lives until `release` of a mark taken before. */
  allocate<T extends ElementType>(type: T, shape: Shape): Tensor<T>;
  /** Another shape for the same elements; `from` counts elements of the first, for a part of it. */
  view<T extends ElementType>(tensor: Tensor<T>, shape: Shape, from?: number): Tensor<T>;
  window(geometry: WindowGeometry): Window;
  /** `gradient`: with room for what binaryInputGradient reads. */
  binaryWeights(inputs: number, filters: number, gradient: boolean): BinaryWeights;
  /**
   * Takes room for what its kernels need while they run, so that no call of them allocates. It lives as long as memory allocated now does.
   */
  planConvolution(window: Window, filters: number, use: ConvolutionUse): ConvolutionPlan;
  /** Allocation is a stack: `release(mark())` frees all that came between. */
  mark(): number;
  release(mark: number): void;
  /** Copies into a tensor; the length must agree. Bits and integers keep their values. */
  write(tensor: Tensor<ElementType>, data: TypedArray): void;
  /**
   * Takes signs that are packed already, [filters, words(inputs)] with unused bits at 0, in place of binarizeWeights; without a gradient's
   * form.
   */
  writeWeights(weights: BinaryWeights, packed: Uint32Array): void;
  /** The signs of weights, packed as writeWeights takes them. */
  readWeights(weights: BinaryWeights): Promise<Uint32Array>;
  /**
   * Of devices that compile a kernel when it is first called: makes calls that have no effect, and resolves when all that they need is
   * compiled. They allocate nothing, and nothing is read among them.
   */
  rehearse?(calls: () => void): Promise<void>;
  read<T extends ElementType>(tensor: Tensor<T>): Promise<ElementArrays[T]>;
  /** The same moment of all of them. */
  readAll<T extends ElementType>(tensors: readonly Tensor<T>[]): Promise<readonly ElementArrays[T][]>;
  /** Measures for about a second, on all of its threads. Nothing else should run meanwhile. Some devices cannot. */
  limits?(): Promise<MachineLimits>;
}

/** A device that trains. */
export interface Backend extends Device, Kernels, Partial<ImageKernels> {}

/**
 * A device that runs deployed networks; and those in their first stage of training, which no model file holds, where it has latentProduct.
 */
export interface InferenceBackend extends Device, InferenceKernels {
  readonly latentProduct?: Kernels["latentProduct"];
}

/**
 * The limits of a backend that can measure them.
 * @throws UserError where it cannot
 */
export function limitsOf(backend: Backend): Promise<MachineLimits> {
  if (backend.limits === undefined)
    throw new UserError(`${backend.description} cannot measure the limits of its machine; choose --backend native or wasm`);
  return backend.limits();
}
