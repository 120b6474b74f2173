/**
 * Windows of every kind as ONNX has them. Grids, patches and blocks of neighbouring pixels are convolutions with a stride; blocks whose
 * pixels lie apart are moved side by side first. Maps are [batch, channels, height, width].
 */
import { geometryOf, type MapShape, spreadOf, tapCount, type Windows } from "../../runtime/windows.js";
import type { OnnxGraph } from "./graph.js";

/** What a convolution multiplies. */
export interface GraphProduct {
  readonly name: string;
  readonly input: string;
  readonly from: MapShape;
  readonly windows: Windows;
  readonly filters: number;
  /** What lies outside the map. */
  readonly padding: number;
}

/** Pixels of padding on each side. */
interface Frame {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** Side and stride of the windows once the map has its frame, and whether blocks are pixels of their own by then. */
interface Shape {
  readonly frame: Frame;
  readonly kernel: number;
  readonly stride: number;
}

/** Windows along a side, once it is framed, leave nothing over, or what is left over is no whole window. */
function shapeOf(windows: Windows, { height, width }: MapShape): Shape {
  if (windows.kind === "grid") {
    const { kernel, stride, padding } = windows;
    return { frame: { top: padding, left: padding, bottom: padding, right: padding }, kernel, stride };
  }
  const side = windows.kind === "patches" ? windows.size : 2 * windows.dilation;
  const shift = windows.kind === "patches" ? 0 : windows.shift;
  const after = (length: number): number => (side - ((length + shift) % side)) % side;
  const frame = { top: shift, left: shift, bottom: after(height), right: after(width) };
  return isApart(windows) ? { frame, kernel: 1, stride: 1 } : { frame, kernel: side, stride: side };
}

function isApart(windows: Windows): windows is Windows & { readonly kind: "blocks" } {
  return windows.kind === "blocks" && windows.dilation > 1;
}

/** Height and width of a kernel in the weights' shape, [filters, channels, side, side]; the taps of blocks that lie apart are channels. */
export function kernelSides(windows: Windows, channels: number): { readonly channels: number; readonly side: number } {
  return isApart(windows) ? { channels: 4 * channels, side: 1 } : { channels, side: Math.sqrt(tapCount(windows)) };
}

/**
 * Values by window, [K, filters] with K = taps * channels (a tap's channels side by side), in the order of ONNX's weights.
 *
 * @param at value number k of filter n
 */
export function orderWeights<Data extends Float32Array | Int8Array>(
  data: Data,
  windows: Windows,
  channels: number,
  at: (k: number, n: number) => number,
): Data {
  const taps = tapCount(windows);
  const inputs = taps * channels;
  const filters = data.length / inputs;
  let to = 0;
  for (let n = 0; n < filters; n++) {
    if (isApart(windows)) for (let k = 0; k < inputs; k++) data[to++] = at(k, n);
    else for (let c = 0; c < channels; c++) for (let tap = 0; tap < taps; tap++) data[to++] = at(tap * channels + c, n);
  }
  return data;
}

/** The product, [batch, filters, rows, columns]; of depth to space also windows that lie outside of the map and are dropped then. */
export function addProduct(graph: OnnxGraph, product: GraphProduct, weights: string, isLaidBack: boolean): string {
  const { name, from, windows, padding } = product;
  const { frame, kernel, stride } = shapeOf(windows, from);
  const isZero = padding === 0 && !isApart(windows);
  const framed = isZero ? product.input : addFrame(graph, `${name}/padded`, product.input, frame, padding);
  const attributes = {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: isZero ? [frame.top, frame.left, frame.bottom, frame.right] : [0, 0, 0, 0],
  };
  if (!isApart(windows)) return graph.add("Conv", `${name}/product`, [framed, weights], attributes);
  const { dilation } = windows;
  const [rows, columns] = [from.height + frame.top + frame.bottom, from.width + frame.left + frame.right];
  const [above, beside] = [rows / (2 * dilation), columns / (2 * dilation)];
  const split = reshape(graph, `${name}/split`, framed, [0, from.channels, above, 2, dilation, beside, 2, dilation]);
  const moved = graph.add("Transpose", `${name}/blocks`, [split], { perm: [0, 3, 6, 1, 2, 4, 5, 7] });
  const depth = reshape(graph, `${name}/depth`, moved, [0, 4 * from.channels, above * dilation, beside * dilation]);
  const y = graph.add("Conv", `${name}/product`, [depth, weights], attributes);
  const windowsOnMap = geometryOf(windows, 1, from);
  const [down, across] = [windowsOnMap.rows.length, windowsOnMap.columns.length];
  const isWhole = isLaidBack || (down === above * dilation && across === beside * dilation);
  return isWhole ? y : crop(graph, `${name}/windows`, y, { top: 0, left: 0, height: down, width: across });
}

/** Filters laid over the taps of each window (depth to space): [batch, channels, height, width]. */
export function layBack(graph: OnnxGraph, { name, from, windows }: GraphProduct, y: string, channels: number): string {
  const spread = spreadOf(windows, from);
  if (spread === undefined) throw new Error("these windows cannot be laid back on a map");
  const { height, width } = spread;
  // Patches are laid on others, of half their side, and those of two pixels on single ones.
  const side = spread.windows.kind === "patches" ? spread.windows.size : 2;
  if (side === 1) return y;
  const { frame } = shapeOf(spread.windows, { height, width, channels });
  const rows = height + frame.top + frame.bottom;
  const columns = width + frame.left + frame.right;
  let laid: string;
  if (isApart(windows)) {
    const { dilation } = windows;
    const [above, beside] = [rows / (2 * dilation), columns / (2 * dilation)];
    const split = reshape(graph, `${name}/filters`, y, [0, 2, 2, channels, above, dilation, beside, dilation]);
    const moved = graph.add("Transpose", `${name}/laid`, [split], { perm: [0, 3, 4, 1, 5, 6, 2, 7] });
    laid = reshape(graph, `${name}/map`, moved, [0, channels, rows, columns]);
  } else laid = graph.add("DepthToSpace", `${name}/map`, [y], { blocksize: side });
  const isWhole = rows === height && columns === width;
  return isWhole ? laid : crop(graph, `${name}/cropped`, laid, { top: frame.top, left: frame.left, height, width });
}

/** The largest values under windows; undefined where ONNX's pool has no such windows. */
export function addMaxPool(graph: OnnxGraph, name: string, input: string, from: MapShape, windows: Windows): string | undefined {
  const { frame, kernel, stride } = shapeOf(windows, from);
  // A pool ignores what lies outside of the map, but a window has to reach the map.
  if (isApart(windows) || Math.max(frame.top, frame.bottom, frame.right) >= kernel) return undefined;
  const pads = [frame.top, frame.left, frame.bottom, frame.right];
  return graph.add("MaxPool", name, [input], { kernel_shape: [kernel, kernel], strides: [stride, stride], pads });
}

function addFrame(graph: OnnxGraph, name: string, input: string, { top, left, bottom, right }: Frame, value: number): string {
  if (top + left + bottom + right === 0) return input;
  const pads = graph.constant(`${name}.sides`, whole([0, 0, top, left, 0, 0, bottom, right]), [8]);
  return graph.add("Pad", name, [input, pads, graph.constant(`${name}.value`, Float32Array.of(value), [])]);
}

export function reshape(graph: OnnxGraph, name: string, input: string, shape: readonly number[]): string {
  return graph.add("Reshape", name, [input, graph.constant(`${name}.shape`, whole(shape), [shape.length])]);
}

interface Rectangle {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

function crop(graph: OnnxGraph, name: string, input: string, { top, left, height, width }: Rectangle): string {
  const starts = graph.constant(`${name}.starts`, whole([top, left]), [2]);
  const ends = graph.constant(`${name}.ends`, whole([top + height, left + width]), [2]);
  return graph.add("Slice", name, [input, starts, ends, graph.constant(`${name}.axes`, whole([2, 3]), [2])]);
}

function whole(values: readonly number[]): BigInt64Array {
  return BigInt64Array.from(values, BigInt);
}
