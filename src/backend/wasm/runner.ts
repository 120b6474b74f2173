/** What the connectors of this folder share: running a kernel by name, addresses of tensors, and memory for partial sums. */
import type { ElementType, Tensor, WindowGeometry } from "../../tensor.js";
import { LINE_ROWS } from "../kernel-table/constants.js";
import type { KernelName, KernelRow } from "../kernel-table/table.js";
import type { ProductResult, Window } from "../terms.js";
import { WasmTensor } from "./arena.js";
import type { Layout } from "./layouts/layout.js";

/** At most this many partial sums per reduction: enough for any pool, few enough to add up in no time. */
export const PARTIALS = 32;

declare const ADDRESS: unique symbol;
/** A byte address in the memory that is no tensor's: of partial sums, of a part of a tensor, and of bits in the kernels' own order. */
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

export function address(tensor: Tensor<ElementType>): Address {
  if (!(tensor instanceof WasmTensor)) throw new Error("this tensor belongs to another backend");
  return tensor.offset as Address;
}

/**
 * `run` of a Runner for the kernels of `layouts`. `execute` gets a kernel's place in them and its arguments as numbers in the row's order,
 * in an array that is the kernel's own and filled anew by each call.
 */
export function runByNames(
  layouts: Readonly<Record<string, Layout>>,
  execute: (kernel: number, chunks: number, numbers: readonly number[]) => void,
): Runner["run"] {
  const calls = new Map(
    Object.entries(layouts).map(([kernel, layOut], index) => [kernel, { index, layOut, numbers: [] as number[] }]),
  );
  return (kernel, chunks, given) => {
    const call = calls.get(kernel);
    if (call === undefined) throw new Error(`this backend has no kernel ${kernel}`);
    call.layOut(given, call.numbers);
    execute(call.index, chunks, call.numbers);
  };
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
  return window === undefined ? Math.ceil(rows / LINE_ROWS) : window.geometry.images * window.geometry.rows.length;
}

/** Lines in a chunk of the passes over a map that reduce nothing. */
export const CHUNK_LINES = 4;
