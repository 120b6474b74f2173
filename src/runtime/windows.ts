/**
 * How a convolution's windows lie on a map, as a network describes it, and the geometry that the kernels read.
 *
 * `grid` is the ordinary convolution. `blocks` is the reshaping of RB-Net's point-wise convolution: every pixel belongs to one 2 x 2 block
 * (pixels of a block `dilation` apart, the grid of blocks moved by `shift` pixels), and the windows are the blocks.
 */
import type { WindowGeometry } from "../tensor.js";

export type Windows =
  | { readonly kind: "grid"; readonly kernel: number; readonly stride: number; readonly padding: number }
  | { readonly kind: "blocks"; readonly dilation: number; readonly shift: 0 | 1 };

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
  return windows.kind === "blocks" ? 4 : windows.kernel ** 2;
}

/** Whether the windows are the pixels of the map, in their order: a convolution's columns are then its input. */
export function isPointwise(windows: Windows): boolean {
  return windows.kind === "grid" && windows.kernel === 1 && windows.stride === 1 && windows.padding === 0;
}

/** Origins of the windows along a side of `length` pixels. */
function origins(windows: Windows, length: number): number[] {
  if (windows.kind === "grid") {
    const { kernel, stride, padding } = windows;
    const count = Math.floor((length + 2 * padding - kernel) / stride) + 1;
    return Array.from({ length: count }, (_, i) => i * stride - padding);
  }
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
    kernel: windows.kind === "blocks" ? 2 : windows.kernel,
    step: windows.kind === "blocks" ? windows.dilation : 1,
    rows: origins(windows, map.height),
    columns: origins(windows, map.width),
  };
}

/** Windows per image, as a map of `channels` filters. */
export function windowMap(windows: Windows, map: MapShape, channels: number): MapShape {
  return { height: origins(windows, map.height).length, width: origins(windows, map.width).length, channels };
}
