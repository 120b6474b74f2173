/**
 * What the connectors of this folder share: running a kernel by name, addresses of tensors, and memory for partial sums.
 */
import type { ElementType, Tensor, WindowGeometry } from "../../tensor.js";
import type { Window } from "../terms.js";
import { WasmTensor } from "./arena.js";
import type { KernelName } from "./kernel-names.js";

/** At most this many partial sums per reduction: enough for any pool, few enough to add up in no time. */
export const PARTIALS = 32;
/** Windows in a line of a matrix that is laid out row by row; `line.ts` of the kernels has the same number. */
const PLAIN_ROWS = 64;

export interface Runner {
  /** That share a kernel's chunks. */
  readonly threads: number;
  run(kernel: KernelName, chunks: number, ...parameters: number[]): void;
  /** Address of at least `bytes` bytes that stay valid until the next call of `work`. */
  work(bytes: number): number;
}

/** A geometry as the kernels read it: int32, as their window.ts describes it. */
export function windowTable({ images, height, width, channels, kernel, step, rows, columns }: WindowGeometry): readonly number[] {
  return [images, height, width, channels, kernel, step, rows.length, columns.length, ...rows, ...columns];
}

export class WasmWindow implements Window {
  constructor(
    readonly geometry: WindowGeometry,
    /** Address of the table described in the kernels' window.ts. */
    readonly offset: number,
  ) {}
}

export function address(tensor: Tensor<ElementType>): number {
  if (!(tensor instanceof WasmTensor)) throw new Error("this tensor belongs to another backend");
  return tensor.offset;
}

/** Address of an optional tensor; 0 stands for none. */
export function addressOf(tensor: Tensor<ElementType> | undefined): number {
  return tensor === undefined ? 0 : address(tensor);
}

export function windowAddress(window: Window): number {
  if (!(window instanceof WasmWindow)) throw new Error("this window belongs to another backend");
  return window.offset;
}

/** Rows and columns of a tensor seen as a matrix: all sides but the last, and the last. */
export function matrixShape(tensor: Tensor<ElementType>): readonly [number, number] {
  const columns = tensor.shape[tensor.shape.length - 1] ?? 1;
  return [tensor.shape.slice(0, -1).reduce((product, side) => product * side, 1), columns];
}

/** Rows in each of at most PARTIALS chunks, a multiple of `multiple`. */
export function rowsPerChunk(rows: number, multiple: number): number {
  return Math.ceil(rows / PARTIALS / multiple) * multiple;
}

/** How many lines a job of `rows` windows has. */
export function lineCount(window: Window | undefined, rows: number): number {
  return window === undefined ? Math.ceil(rows / PLAIN_ROWS) : window.geometry.images * window.geometry.rows.length;
}
