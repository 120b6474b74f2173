/**
 * How a convolution's windows lie on a map, as a network describes it, and the geometry that the kernels read.
 *
 * `grid` is the ordinary convolution. `blocks` is the reshaping of RB-Net's point-wise convolution: every pixel belongs to one 2 x 2 block
 * (pixels of a block `dilation` apart, the grid of blocks moved by `shift` pixels), and the windows are the blocks. `patches` are
 * larger blocks, of neighbouring pixels: for a stem that starts with space to depth, and for reshaped convolutions that halve the
 * map and still lay their results on four pixels.
 */
import type { Device } from "../backend/device.js";
import type { OutputLayout, Window } from "../backend/terms.js";
import type { WindowGeometry } from "../tensor.js";

export type Windows =
  | { readonly kind: "grid"; readonly kernel: number; readonly stride: number; readonly padding: number }
  | { readonly kind: "blocks"; readonly dilation: number; readonly shift: 0 | 1 }
  | { readonly kind: "patches"; readonly size: number };

/** A feature map without its batch. */
export interface MapShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

export function elementsOf(map: MapShape): number {
  return map.height * map.width * map.channels;
}

/** Values per channel that a window reads. */
export function tapCount(windows: Windows): number {
  return sideOf(windows) ** 2;
}

function sideOf(windows: Windows): number {
  switch (windows.kind) {
    case "grid":
      return windows.kernel;
    case "blocks":
      return 2;
    case "patches":
      return windows.size;
  }
}

/** For people. */
export function shapeName(windows: Windows): string {
  if (windows.kind === "blocks") return "reshaped point-wise";
  const side = sideOf(windows);
  return windows.kind === "grid" ? `${side}x${side}` : `${side}x${side} blocks`;
}

/** The pixels of a map, one by one. */
export const POINTWISE: Windows = { kind: "grid", kernel: 1, stride: 1, padding: 0 };

/** Origins of the windows along a side of `length` pixels. */
function origins(windows: Windows, length: number): number[] {
  if (windows.kind === "grid") {
    const { kernel, stride, padding } = windows;
    const count = Math.floor((length + 2 * padding - kernel) / stride) + 1;
    return Array.from({ length: count }, (_, i) => i * stride - padding);
  }
  if (windows.kind === "patches") return Array.from({ length: Math.ceil(length / windows.size) }, (_, i) => i * windows.size);
  const { dilation, shift } = windows;
  const starts: number[] = [];
  for (let group = -shift; group < length; group += 2 * dilation) {
    for (let i = 0; i < dilation && group + i < length; i++) starts.push(group + i);
  }
  return starts;
}

/** The windows on a batch of maps. */
export function geometryOf(windows: Windows, images: number, map: MapShape): WindowGeometry {
  return {
    images,
    ...map,
    kernel: sideOf(windows),
    step: windows.kind === "blocks" ? windows.dilation : 1,
    rows: origins(windows, map.height),
    columns: origins(windows, map.width),
  };
}

/** A dense layer's: each image is one pixel of `inputs` channels. */
export function denseGeometry(images: number, inputs: number): WindowGeometry {
  return geometryOf(POINTWISE, images, { height: 1, width: 1, channels: inputs });
}

/** Windows per image, as a map of `channels` filters. */
export function windowMap(windows: Windows, map: MapShape, channels: number): MapShape {
  return { height: origins(windows, map.height).length, width: origins(windows, map.width).length, channels };
}

/** Where depth to space lays the filters of windows: on a map of this size, over the taps of these windows of it, which are as many. */
export interface Spread {
  readonly windows: Windows;
  readonly height: number;
  readonly width: number;
}

/**
 * Blocks are laid back on their own pixels. Patches halve the map, and are laid on patches of half their side. Undefined for
 * windows that do not part the map so.
 */
export function spreadOf(windows: Windows, { height, width }: MapShape): Spread | undefined {
  if (windows.kind === "blocks") return { windows, height, width };
  if (windows.kind === "grid" || windows.size % 2 !== 0) return undefined;
  const half: Windows = { kind: "patches", size: windows.size / 2 };
  return { windows: half, height: Math.ceil(height / 2), width: Math.ceil(width / 2) };
}

/** Depth to space as kernels take it, of the windows that were multiplied. */
export function layoutOf(backend: Device, windows: Windows, multiplied: Window): OutputLayout {
  const { images, height, width, channels } = multiplied.geometry;
  const spread = spreadOf(windows, { height, width, channels });
  if (spread === undefined) throw new Error("these windows cannot be laid back on a map");
  if (spread.windows === windows) return multiplied;
  return backend.window(geometryOf(spread.windows, images, { height: spread.height, width: spread.width, channels }));
}
