/**
 * How a convolution with real weights is taken apart for the kernels: its float32 columns [M, K] are many times its map, so they exist for
 * some images at a time, slice after slice of the batch, in memory that all convolutions share.
 */
import { type Tensor, type WindowGeometry, windowSize } from "../../tensor.js";
import { REAL_COLUMNS, REAL_ROWS } from "../kernel-table/constants.js";
import type { ConvolutionPlan, ConvolutionUse, Window } from "../terms.js";
import { type Address, address, addressBehind, type Runner } from "./runner.js";
import { aligned } from "./stack.js";

/** Images in a slice: few enough to stay in the cache, enough to share among threads, */
const SLICE_IMAGES = 16;
/** and no more than 32 MB of columns where the maps are large. */
const SLICE_ELEMENTS = 1 << 23;

/** What a convolution takes besides its operands. */
export interface SliceNeeds {
  /** Images in a slice; the last may have fewer. */
  readonly images: number;
  /** Of a slice's columns; none where the map itself is the columns. */
  readonly columnBytes: number;
  readonly bytes: number;
}

export function sliceNeeds(geometry: WindowGeometry, filters: number, { signs, inputGradient }: ConvolutionUse): SliceNeeds {
  const inputs = windowSize(geometry);
  const transposedBytes = inputGradient ? 4 * filters * inputs : 0;
  if (!signs && isPointwise(geometry)) return { images: geometry.images, columnBytes: 0, bytes: transposedBytes };
  const elements = geometry.rows.length * geometry.columns.length * inputs;
  const images = Math.max(1, Math.min(SLICE_IMAGES, geometry.images, Math.floor(SLICE_ELEMENTS / elements)));
  const columnBytes = aligned(4 * images * elements);
  return { images, columnBytes, bytes: columnBytes + transposedBytes };
}

/** Whether the windows are the pixels of the map, in their order: a convolution's columns are then its input. */
function isPointwise({ kernel, height, width, rows, columns }: WindowGeometry): boolean {
  const all = (origins: readonly number[], length: number): boolean =>
    origins.length === length && origins.every((origin, i) => origin === i);
  return kernel === 1 && all(rows, height) && all(columns, width);
}

/** Some images of a batch, and the windows on them. */
export interface Slice {
  readonly image: number;
  readonly images: number;
  readonly row: number;
  readonly rows: number;
}

export class SlicedConvolution implements ConvolutionPlan {
  /** Values under a window, K. */
  readonly inputs: number;
  readonly slices: readonly Slice[];
  /** Otherwise the map itself is the columns, and all of it one slice. */
  readonly gathered: boolean;
  /** Address of the weights as [N, K]. */
  readonly transposed: Address;

  constructor(
    readonly window: Window,
    readonly filters: number,
    { images: most, columnBytes }: SliceNeeds,
    /** Address of all that it needs, columns first. */
    readonly columns: Address,
  ) {
    const { images, rows, columns: places } = window.geometry;
    const windows = rows.length * places.length;
    this.inputs = windowSize(window.geometry);
    this.slices = Array.from({ length: Math.ceil(images / most) }, (_, i) => {
      const [image, some] = [i * most, Math.min(most, images - i * most)];
      return { image, images: some, row: image * windows, rows: some * windows };
    });
    this.gathered = columnBytes > 0;
    this.transposed = addressBehind(columns, columnBytes);
  }
}

export function sliced(plan: ConvolutionPlan): SlicedConvolution {
  if (!(plan instanceof SlicedConvolution)) throw new Error("this convolution was planned on another backend");
  return plan;
}

/** Address of a slice's part of a map of the whole batch. */
export function sliceOf(map: Tensor, { window }: SlicedConvolution, { image }: Slice): Address {
  const { height, width, channels } = window.geometry;
  return addressBehind(address(map), 4 * image * height * width * channels);
}

/** Address of a slice's columns of the map x, gathered where the map itself is not the columns. */
export function columnsOf(runner: Runner, x: Tensor, plan: SlicedConvolution, slice: Slice): Address {
  const { window, columns, gathered } = plan;
  const from = sliceOf(x, plan, slice);
  if (!gathered) return from;
  runner.run("gatherColumns", slice.images * window.geometry.rows.length, { x: from, window, columns });
  return columns;
}

/** y = columns * weights. `find` says where a slice's columns are, once it has put them there. */
export function multiplyColumns(
  runner: Runner,
  { slices, inputs, filters }: SlicedConvolution,
  weights: Tensor,
  y: Tensor,
  find: (slice: Slice) => Address,
): void {
  for (const slice of slices) {
    runner.run("product", productChunks(slice.rows, filters), {
      a: find(slice),
      rowStep: inputs,
      innerStep: 1,
      b: weights,
      c: addressBehind(address(y), 4 * slice.row * filters),
      rows: slice.rows,
      inner: inputs,
      columns: filters,
      accumulate: 0,
    });
  }
}

/** Chunks of a product of float32 matrices whose result has these sides. */
export function productChunks(rows: number, columns: number): number {
  return Math.ceil(rows / REAL_ROWS) * Math.ceil(columns / REAL_COLUMNS);
}
