/**
 * What the connectors of this folder share: running a kernel by name, addresses of tensors, and memory for partial sums.
 */
import type { ElementType, Tensor, WindowGeometry } from "../../tensor.js";
import { CONSTANTS, KERNEL_ROWS, type KernelName, type KernelRow } from "../kernel-table.js";
import type { ProductResult, Window } from "../kernels.js";
import { WasmTensor } from "./arena.js";

/** At most this many partial sums per reduction: enough for any pool, few enough to add up in no time. */
export const PARTIALS = 32;

declare const ADDRESS: unique symbol;
/** A byte address in the memory that is no tensor's: of partial sums, and of bits in the kernels' own order. */
export type Address = number & { readonly [ADDRESS]: true };

export function addressBehind(start: Address, bytes: number): Address {
  return (start + bytes) as Address;
}

/** What a call gives for an argument of a kind. */
type Argument<Kind> = Kind extends "whole" | "real"
  ? number
  : Kind extends `${infer Required}?`
    ? Argument<Required> | undefined
    : Kind extends "window"
      ? Window
      : Kind extends `${string} packed`
        ? Address
        : Kind extends `${string} product`
          ? ProductResult
          : Kind extends `${string} ${infer Type extends ElementType}`
            ? Tensor<Type> | Address
            : never;

/** Names of the arguments that may be absent. */
type Optional<Row> = { [Name in keyof Row]: Row[Name] extends `${string}?` ? Name : never }[keyof Row];

export type Arguments<K extends KernelName, Row = KernelRow<K>> = {
  readonly [Name in Exclude<keyof Row, Optional<Row>>]: Argument<Row[Name]>;
} & { readonly [Name in Optional<Row>]?: Argument<Row[Name]> };

export interface Runner {
  /** That share a kernel's chunks. */
  readonly threads: number;
  /** Runs a kernel of the table on its chunks, with its arguments by their names there. */
  run<K extends KernelName>(kernel: K, chunks: number, given: Arguments<K>): void;
  /** Address of at least `bytes` bytes that stay valid until the next call of `work`. */
  work(bytes: number): Address;
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

export function address(tensor: Tensor<ElementType>): Address {
  if (!(tensor instanceof WasmTensor)) throw new Error("this tensor belongs to another backend");
  return tensor.offset as Address;
}

/** What `run` of a Runner passes on: one array of numbers a kernel, in the table's order, filled anew by each call. */
export function numbersByKernel(): <K extends KernelName>(kernel: K, given: Arguments<K>) => readonly number[] {
  const lists = new Map(
    Object.entries(KERNEL_ROWS).map(([kernel, row]) => {
      const names = Object.keys(row);
      return [kernel, { names, numbers: names.map(() => 0) }];
    }),
  );
  return (kernel, given) => {
    const { names, numbers } = lists.get(kernel) as { names: readonly string[]; numbers: number[] };
    const values = given as Readonly<Record<string, unknown>>;
    for (let i = 0; i < names.length; i++) numbers[i] = numberOf(values[names[i] as string]);
    return numbers;
  };
}

/** A number is itself, a place in memory its address, and nothing is 0. */
function numberOf(value: unknown): number {
  if (typeof value === "number") return value;
  if (value instanceof WasmTensor || value instanceof WasmWindow) return value.offset;
  if (value === undefined) return 0;
  throw new Error("this tensor or window belongs to another backend");
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
  return window === undefined ? Math.ceil(rows / CONSTANTS.LINE_ROWS) : window.geometry.images * window.geometry.rows.length;
}
