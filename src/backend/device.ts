/**
 * What a device is, besides its kernels (kernels.ts): memory, order, reading, windows, packed weights, and how fast it could be at best.
 *
 * A kernel call enqueues work and may return before it is done; calls take effect in order, and only `read` is awaited.
 */

import { UserError } from "../errors.js";
import type { ElementType, Shape, Tensor, TypedArray, WindowGeometry } from "../tensor.js";
import type { BinaryWeights, Kernels, Window } from "./kernels.js";

/** How the products of gradients with signs read the gradients: as they are, or rounded to bfloat16. Their sums are float32 either way. */
export const GRADIENT_PRECISIONS = ["float32", "bfloat16"] as const;

export type GradientPrecision = (typeof GRADIENT_PRECISIONS)[number];

/** What a machine can do at best with a backend's instructions and threads: rates of all threads together. */
export interface MachineLimits {
  /** Float32 multiply-accumulates a second, fused where there is an instruction for it. */
  readonly realMacsPerSecond: number;
  /** Multiply-accumulates of floats with signs a second, as gradients take them: in tile registers where the backend has them, else as all floats. */
  readonly signedMacsPerSecond: number;
  /** Binary multiply-accumulates a second, by the faster of counting the bits of bytes and looking them up in tables. */
  readonly binaryMacsPerSecond: number;
  /** Bytes read and bytes written a second, added up, by a copy. */
  readonly bytesPerSecond: number;
}

/** Memory and kernels of one device. */
export interface Backend extends Kernels, Disposable {
  /** For people: what runs, e.g. "wasm, relaxed SIMD, 2 threads". */
  readonly description: string;
  /** For people: what it chose for this machine when it was opened, by name. */
  readonly choices?: Readonly<Record<string, string>>;
  /** Bytes allocated now and at most since the start. */
  readonly memory: { readonly bytes: number; readonly peakBytes: number };
  /** Zeroed memory. It lives until `release` of a mark taken before. */
  allocate(type: ElementType, shape: Shape): Tensor;
  /** Another shape for the same elements; `from` counts elements of the first, for a part of it. */
  view(tensor: Tensor, shape: Shape, from?: number): Tensor;
  window(geometry: WindowGeometry): Window;
  /** `gradient`: with room for what binaryInputGradient reads. */
  binaryWeights(inputs: number, filters: number, gradient: boolean): BinaryWeights;
  /** Allocation is a stack: `release(mark())` frees all that came between. */
  mark(): number;
  release(mark: number): void;
  /** Copies into a tensor; the length must agree. Bits and integers keep their values. */
  write(tensor: Tensor, data: TypedArray): void;
  /** Takes signs that are packed already, [filters, words(inputs)] with unused bits at 0, in place of binarizeWeights; without a gradient's form. */
  writeWeights(weights: BinaryWeights, packed: Uint32Array): void;
  /** Waits for all kernels before, and copies out. */
  read(tensor: Tensor): Promise<TypedArray>;
  /** Measures for about a second, on all of its threads. Nothing else should run meanwhile. Some devices cannot. */
  limits?(): Promise<MachineLimits>;
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
