/**
 * The functions that the kernels of WebAssembly and of the accelerator are, one row each: their arguments by name, in the order in which they are passed, and
 * what each is. `scripts/kernel-interfaces.mjs` writes the C header and the AssemblyScript constants from this page, and holds the AssemblyScript functions to it;
 * the connectors call them by these names. It imports nothing, so that the build can read it before anything is compiled.
 *
 * An operand in memory is read, written or updated (read and written). A `?` says that it may be absent, which is address 0. An `accumulator` is float64 there,
 * a `dotProduct` int16, a `product` either of int16 and float32, as the name of the kernel says; `packed` is bits in an order of the kernels' own.
 */
export type Element = "float32" | "uint32" | "accumulator" | "dotProduct" | "product" | "packed";
export type Access = "read" | "write" | "update";
export type ArgumentKind = `${Access} ${Element}` | `${Access} ${Element}?` | "window" | "window?" | "whole" | "real";
export type Row = Readonly<Record<string, ArgumentKind>>;

/** What a chunk of a kernel is, where it does not depend on arguments, and other numbers that all sides have to agree on. */
export const CONSTANTS = {
  /** Inputs in a chunk of packed weights. */
  WEIGHT_INPUTS: 16,
  /** Filters in a chunk of a product of signs. */
  PRODUCT_FILTERS: 64,
  /** Rows of a matrix of signs that are transposed together, a chunk. */
  TRANSPOSED_ROWS: 64,
  /** Rows in a chunk of signs that become floats. */
  EXPANDED_ROWS: 16,
  /** Words in a chunk of counted signs. */
  COUNTED_WORDS: 1024,
  /** Rows and columns in a chunk of a real product, */
  REAL_ROWS: 24,
  REAL_COLUMNS: 32,
  /** columns in one of a transposed matrix, and rows in one that gets a bias. */
  TRANSPOSED_COLUMNS: 16,
  BIASED_ROWS: 16,
  /** Windows in a line of a matrix that no window lays out. */
  LINE_ROWS: 64,
  /** Rows in a chunk of repeated channels. */
  REPEATED_ROWS: 64,
  /** Elements in a chunk of what is computed one by one. */
  CHUNK_ELEMENTS: 4096,
  /** Columns in a chunk of sums that are added up. */
  SUMMED_COLUMNS: 64,
  /** Bytes that a thread has to itself. The largest need: an input gradient of 11,584 inputs and 4,096 filters, 64 bytes each, and the tables. */
  SCRATCH_BYTES: 1 << 20,
} as const;

// Kernels that differ in what they read, or in how they count, share a row.

const BINARIZE_WEIGHTS = {
  latent: "read float32",
  inputs: "whole",
  filters: "whole",
  forward: "write packed",
  gradient: "write packed?",
} as const;

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

const NORMALIZE_ACTIVATE = {
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

const ACTIVATE_BACKWARD = {
  gradient: "update float32",
  y: "read product",
  rows: "whole",
  filters: "whole",
  norm: "read float32",
  window: "window?",
  lines: "whole",
  chunkLines: "whole",
  shortcut: "read float32?",
  activation: "read float32?",
  partials: "write accumulator",
} as const;

const NORMALIZATION_GRADIENT = {
  du: "read float32",
  y: "read product",
  rows: "whole",
  filters: "whole",
  coefficients: "read float32",
  window: "window?",
  lines: "whole",
  chunkLines: "whole",
  dy: "write float32",
} as const;

const MULTIPLY_CHANNELS = {
  x: "read product",
  factors: "read float32",
  rows: "whole",
  channels: "whole",
  out: "write float32",
} as const;

const MULTIPLY_CHANNELS_GRADIENT = {
  dOut: "read float32",
  x: "read product",
  factors: "read float32",
  rows: "whole",
  channels: "whole",
  dx: "write float32",
  dFactors: "write float32",
} as const;

const PEAK = { rounds: "whole", seed: "whole", done: "write accumulator" } as const;

/** By the groups of the contract, and two of the processors' own: sums of chunks, and the loops that measure a machine. */
export const KERNEL_TABLE = {
  binary: {
    binarizeColumns: { x: "read float32", threshold: "read float32", window: "window", columns: "write uint32" },
    binarizeWeights: BINARIZE_WEIGHTS,
    binarizeWeightsTable: BINARIZE_WEIGHTS,
    countPositive: { columns: "read uint32", words: "whole", partials: "write accumulator" },
    binaryProduct: BINARY_PRODUCT,
    binaryProductTable: BINARY_PRODUCT,
    binaryUnit: BINARY_UNIT,
    binaryUnitTable: BINARY_UNIT,
    transposeSigns: { columns: "read uint32", rows: "whole", inputs: "whole", index: "write packed" },
    binaryWeightGradient: {
      dy: "read float32",
      index: "read packed",
      rows: "whole",
      inputs: "whole",
      filters: "whole",
      chunkInputs: "whole",
      chunkFilters: "whole",
      latent: "read float32",
      gradient: "update float32",
    },
    binaryInputGradient: {
      dy: "read float32",
      index: "read packed",
      window: "window",
      inputs: "whole",
      filters: "whole",
      x: "read float32",
      threshold: "read float32",
      kind: "whole",
      dx: "update float32",
      partials: "write float32",
    },
    expandSigns: { columns: "read uint32", rows: "whole", inputs: "whole", signs: "write float32" },
    signGradient: {
      dSigns: "read float32",
      window: "window",
      x: "read float32",
      threshold: "read float32",
      kind: "whole",
      dx: "update float32",
      partials: "write float32",
    },
  },
  real: {
    gatherColumns: { x: "read float32", window: "window", columns: "write float32" },
    scatterColumns: { columns: "read float32", window: "window", dx: "update float32" },
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
    transpose: { matrix: "read float32", rows: "whole", columns: "whole", out: "write float32" },
    addBias: { matrix: "update float32", rows: "whole", columns: "whole", bias: "read float32" },
    sumColumns: {
      matrix: "read float32",
      rows: "whole",
      columns: "whole",
      chunkRows: "whole",
      partials: "write accumulator",
    },
  },
  normalization: {
    columnMoments: { y: "read float32", rows: "whole", columns: "whole", chunkRows: "whole", partials: "write accumulator" },
    normalizationForward: {
      sums: "read accumulator",
      count: "real",
      filters: "whole",
      gamma: "read float32",
      beta: "read float32",
      epsilon: "real",
      momentum: "real",
      runningMean: "update float32",
      runningVariance: "update float32",
      norm: "write float32",
    },
    normalizationBackward: {
      sums: "read accumulator",
      count: "real",
      filters: "whole",
      norm: "read float32",
      gamma: "read float32",
      dGamma: "update float32",
      dBeta: "update float32",
      dActivation: "update float32?",
      channels: "whole",
      coefficients: "write float32",
    },
    normalizeActivateInteger: NORMALIZE_ACTIVATE,
    normalizeActivateReal: NORMALIZE_ACTIVATE,
    activateBackwardInteger: ACTIVATE_BACKWARD,
    activateBackwardReal: ACTIVATE_BACKWARD,
    normalizationGradientInteger: NORMALIZATION_GRADIENT,
    normalizationGradientReal: NORMALIZATION_GRADIENT,
  },
  pooling: {
    averagePool: {
      x: "read float32",
      height: "whole",
      width: "whole",
      channels: "whole",
      size: "whole",
      out: "write float32",
    },
    averagePoolGradient: {
      dOut: "read float32",
      height: "whole",
      width: "whole",
      channels: "whole",
      size: "whole",
      dx: "update float32",
      accumulate: "whole",
    },
    maxPool: { x: "read float32", window: "window", out: "write float32" },
    maxPoolGradient: { dOut: "read float32", x: "read float32", window: "window", dx: "write float32" },
  },
  loss: {
    softmaxCrossEntropy: {
      logits: "read float32",
      targets: "read float32",
      classes: "whole",
      inverse: "real",
      lossFactor: "real",
      gradientFactor: "real",
      accumulate: "whole",
      losses: "update float32",
      gradient: "update float32",
    },
    attentionMap: { x: "read float32", pixels: "whole", channels: "whole", out: "write float32" },
    attentionMatch: {
      x: "read float32",
      wanted: "read float32",
      pixels: "whole",
      channels: "whole",
      weight: "real",
      gradientFactor: "real",
      losses: "update float32",
      gradient: "update float32",
      work: "write float32",
    },
  },
  channels: {
    multiplyChannelsInteger: MULTIPLY_CHANNELS,
    multiplyChannelsReal: MULTIPLY_CHANNELS,
    multiplyChannelsGradientInteger: MULTIPLY_CHANNELS_GRADIENT,
    multiplyChannelsGradientReal: MULTIPLY_CHANNELS_GRADIENT,
    repeatChannels: { x: "read float32", rows: "whole", channels: "whole", times: "whole", out: "write float32" },
    repeatChannelsGradient: { dOut: "read float32", rows: "whole", channels: "whole", times: "whole", dx: "write float32" },
    sigmoid: { x: "read float32", count: "whole", out: "write float32" },
    sigmoidGradient: { dOut: "read float32", out: "read float32", count: "whole", dx: "write float32" },
  },
  update: {
    adam: {
      value: "update float32",
      gradient: "read float32",
      first: "update float32",
      second: "update float32",
      count: "whole",
      rate: "real",
      beta1: "real",
      beta2: "real",
      epsilon: "real",
      decay: "real",
      limit: "real",
      correction1: "real",
      correction2: "real",
      partials: "write accumulator",
    },
    sgd: {
      value: "update float32",
      gradient: "read float32",
      velocity: "update float32",
      count: "whole",
      rate: "real",
      momentum: "real",
      decay: "real",
      limit: "real",
      partials: "write accumulator",
    },
    movingAverage: { average: "update float32", value: "read float32", count: "whole", decay: "real" },
    fillWords: { target: "write uint32", words: "whole", pattern: "whole" },
    copyWords: { from: "read uint32", to: "write uint32", words: "whole" },
    add: { from: "read float32", to: "update float32", count: "whole" },
  },
  partials: {
    reducePartials: {
      partials: "read accumulator",
      count: "whole",
      columns: "whole",
      replaced: "write accumulator?",
      total: "update accumulator?",
      target: "update float32?",
    },
  },
  limits: { peakMultiplyAdd: PEAK, peakPopcount: PEAK, peakTable: PEAK, peakTiles: PEAK },
} as const satisfies Record<string, Record<string, Row>>;

type Union<Groups> = { [G in keyof Groups]: Groups[G] }[keyof Groups];
type Intersection<U> = (U extends unknown ? (value: U) => void : never) extends (value: infer I) => void ? I : never;
type Rows = Intersection<Union<typeof KERNEL_TABLE>>;

export type KernelName = keyof Rows;
export type KernelRow<K extends KernelName> = Rows[K];

/** All rows by the kernels' names, in the order of the table. */
export const KERNEL_ROWS = Object.assign({}, ...Object.values(KERNEL_TABLE)) as { readonly [K in KernelName]: Row };
