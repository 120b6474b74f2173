/**
 * Binary weights as the products here read them: signs by rows of inputs, side by side for many filters, in one of two ways; and the way
 * from and to the packed signs of a model file, [filters, words(inputs)].
 */
import { wordsFor } from "../../tensor.js";
import { PRODUCT_FILTERS } from "../kernel-table/constants.js";
import type { BinaryWeights } from "../terms.js";
import type { Address } from "./runner.js";

/** How the binary product counts: by the bits of bytes, or by look-ups in tables. The results are the same integers. */
export type ProductKind = "popcount" | "table";

export class WasmBinaryWeights implements BinaryWeights {
  constructor(
    readonly kind: ProductKind,
    readonly inputs: number,
    readonly filters: number,
    /** Address of the signs, */
    readonly forward: Address,
    /** and of their form for the input's gradient; undefined without room for it. */
    readonly gradient: Address | undefined,
  ) {}
}

export function arranged(weights: BinaryWeights): WasmBinaryWeights {
  if (!(weights instanceof WasmBinaryWeights)) throw new Error("these binary weights belong to another backend");
  return weights;
}

/** As large as tables need it, for either product: what a run takes is then the same on every machine, and known before. */
export function weightBytes(inputs: number, filters: number): { readonly forward: number; readonly gradient: number } {
  return { forward: 2 * Math.ceil(inputs / 8) * Math.ceil(filters / 16) * 16, gradient: 2 * inputs * Math.ceil(filters / 4) };
}

/** Puts packed signs where the products read them. */
export function arrangeSigns(buffer: ArrayBufferLike, weights: WasmBinaryWeights, packed: Uint32Array): void {
  const words = wordsFor(weights.inputs);
  if (weights.kind === "table") {
    const to = new Uint8Array(buffer, weights.forward);
    forEachNibble(weights, (filter, row, at) => {
      to[at] = (packed[filter * words + (row >>> 3)] >>> ((row & 7) * 4)) & 15;
    });
  } else {
    const to = new Uint16Array(buffer, weights.forward);
    forEachHalf(weights, (filter, row, at) => {
      to[at] = packed[filter * words + (row >>> 1)] >>> ((row & 1) * 16);
    });
  }
}

/** The signs back, packed. */
export function packedSigns(buffer: ArrayBufferLike, weights: WasmBinaryWeights): Uint32Array {
  const words = wordsFor(weights.inputs);
  const packed = new Uint32Array(weights.filters * words);
  if (weights.kind === "table") {
    const from = new Uint8Array(buffer, weights.forward);
    forEachNibble(weights, (filter, row, at) => {
      packed[filter * words + (row >>> 3)] |= from[at] << ((row & 7) * 4);
    });
  } else {
    const from = new Uint16Array(buffer, weights.forward);
    forEachHalf(weights, (filter, row, at) => {
      packed[filter * words + (row >>> 1)] |= from[at] << ((row & 1) * 16);
    });
  }
  return packed;
}

/** Where binaryProductTable reads the signs of a filter at a row of four inputs: by blocks of filters, a byte a filter. */
function forEachNibble({ inputs, filters }: BinaryWeights, visit: (filter: number, row: number, at: number) => void): void {
  const rows = 2 * Math.ceil(inputs / 8);
  for (let first = 0; first < filters; first += PRODUCT_FILTERS) {
    const some = Math.min(PRODUCT_FILTERS, filters - first);
    const width = Math.ceil(some / 16) * 16;
    for (let f = 0; f < some; f++) for (let row = 0; row < rows; row++) visit(first + f, row, first * rows + row * width + f);
  }
}

/** Where binaryProduct reads them at a row of sixteen inputs: sixteen bits a filter. */
function forEachHalf({ inputs, filters }: BinaryWeights, visit: (filter: number, row: number, at: number) => void): void {
  const padded = Math.ceil(filters / 8) * 8;
  for (let n = 0; n < filters; n++) for (let row = 0; row < Math.ceil(inputs / 16); row++) visit(n, row, row * padded + n);
}
