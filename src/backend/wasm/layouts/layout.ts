/** How the arguments of a call become numbers; the files beside have a function a kernel, written from the kernel table. */
import { WasmTensor } from "../arena.js";
import { WasmWindow } from "../wasm-window.js";

/** Arguments by their names, as numbers in the order of the kernel's row. */
export type Layout = (given: Readonly<Record<string, unknown>>, numbers: number[]) => void;

/** A number is itself, a place in memory its address, and nothing is 0. */
export function numberOf(value: unknown): number {
  if (typeof value === "number") return value;
  if (value instanceof WasmTensor || value instanceof WasmWindow) return value.offset;
  if (value === undefined) return 0;
  throw new Error("this tensor or window belongs to another backend");
}
