/**
 * The kernels of a deployed network, a row each. A page loads these rows and no others.
 */
import type { Rows } from "./rows.js";

// Kernels that differ in what they read, or in how they count, share a row.

const BINARY_PRODUCT = {
  columns: "read uint32",
  weights: "read packed",
  y: "write dotProduct",
  rows: "whole",
  inputs: "whole",
  filters: "whole",
  chunkRows: "whole",
  partials: "write accumulator?",
} as const;

const BINARY_UNIT = {
  columns: "read uint32",
  weights: "read packed",
  rows: "whole",
  inputs: "whole",
  filters: "whole",
  chunkRows: "whole",
  norm: "read float32",
  window: "window?",
  shortcut: "read float32?",
  activation: "read float32?",
  out: "write float32",
} as const;

export const NORMALIZE_ACTIVATE = {
  y: "read product",
  rows: "whole",
  filters: "whole",
  norm: "read float32",
  window: "window?",
  lines: "whole",
  chunkLines: "whole",
  shortcut: "read float32?",
  activation: "read float32?",
  out: "write float32",
} as const;

export const MULTIPLY_CHANNELS = {
  x: "read product",
  factors: "read float32",
  rows: "whole",
  channels: "whole",
  out: "write float32",
} as const;

export const INFERENCE_ROWS = {
  binarizeColumns: { x: "read float32", threshold: "read float32", window: "window", columns: "write uint32" },
  binaryProduct: BINARY_PRODUCT,
  binaryProductTable: BINARY_PRODUCT,
  binaryUnit: BINARY_UNIT,
  binaryUnitTable: BINARY_UNIT,
  gatherColumns: { x: "read float32", window: "window", columns: "write float32" },
  product: {
    a: "read float32",
    rowStep: "whole",
    innerStep: "whole",
    b: "read float32",
    c: "update float32",
    rows: "whole",
    inner: "whole",
    columns: "whole",
    accumulate: "whole",
  },
  addBias: { matrix: "update float32", rows: "whole", columns: "whole", bias: "read float32" },
  normalizeActivateReal: NORMALIZE_ACTIVATE,
  averagePool: {
    x: "read float32",
    height: "whole",
    width: "whole",
    channels: "whole",
    size: "whole",
    out: "write float32",
  },
  maxPool: { x: "read float32", window: "window", out: "write float32" },
  multiplyChannelsReal: MULTIPLY_CHANNELS,
  repeatChannels: { x: "read float32", rows: "whole", channels: "whole", times: "whole", out: "write float32" },
  sigmoid: { x: "read float32", count: "whole", out: "write float32" },
} as const satisfies Rows;
