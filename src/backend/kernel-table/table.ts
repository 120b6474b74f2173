/**
 * The functions that the kernels of WebAssembly and of the accelerator are, one row each (rows.ts). `scripts/kernel-interfaces.mjs` writes
 * the C header, the AssemblyScript constants and the lists of what its modules export from this folder, and holds the AssemblyScript
 * functions to it; the connectors call them by the names of their arguments. It imports nothing that has to be built first.
 */
import { UPDATE_BLOCK } from "../terms.js";
import * as sizes from "./constants.js";
import { INFERENCE_ROWS } from "./inference.js";
import { TRAINING_ROWS } from "./training.js";

export const KERNEL_ROWS = { ...INFERENCE_ROWS, ...TRAINING_ROWS };

export type KernelName = keyof typeof KERNEL_ROWS;
export type KernelRow<K extends KernelName> = (typeof KERNEL_ROWS)[K];

/** Numbers that C and AssemblyScript get by these names. */
export const CONSTANTS: Readonly<Record<string, number>> = { ...sizes, UPDATE_BLOCK };
